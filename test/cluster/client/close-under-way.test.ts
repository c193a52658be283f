import { ClusterClient, keySlot, type ClusterClientOptions } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

let cluster: LocalCluster;
let observer: ClusterClient;
let node: LocalNode;
let names = 0;

beforeAll(async () => {
  cluster = await LocalCluster.start({ replicasPerPrimary: 1 });
  observer = new ClusterClient({ nodes: cluster.seeds });
  await observer.connect();
  node = await cluster.primaryOfSlot(keySlot('{k}'));
});
afterEach(() => cluster.command(node, 'CLIENT', 'UNPAUSE'));
afterAll(async () => {
  await observer.close();
  await cluster.stop();
});

const newKey = (): string => `{k}${names++}`;

async function connected(options: Partial<ClusterClientOptions> = {}) {
  const clientName = `closing-${names++}`;
  const own = new ClusterClient({ nodes: cluster.seeds, clientName, deadlineMs: 60_000, ...options });
  await own.connect();
  return { own, clientName };
}

/** Waits until the node has a request of a client on a leased connection, and holds its reply back. */
const untilHeld = (clientName: string): Promise<unknown> =>
  eventually(async () => {
    const clients = String(await cluster.command(node, 'CLIENT', 'LIST')).split('\n');
    return clients.some((line) => line.includes(`name=leased:${clientName} `) && / flags=\w*b/.test(line));
  });

/** Writes that run on a leased connection. Each appends to a key, so that a second execution shows. */
const WRITES: Readonly<Record<string, (client: ClusterClient, key: string) => Promise<unknown>>> = {
  'a durable write': (client, key) =>
    client.with({ durability: { replicas: 1, timeoutMs: 30_000 } }).append(key, 'x'),
  'a durable multi()': (client, key) =>
    client
      .with({ durability: { replicas: 1, timeoutMs: 30_000 } })
      .multi()
      .append(key, 'x')
      .exec(),
  'a transaction()': (client, key) => client.transaction([key], async (tx) => tx.multi().append(key, 'x')),
};

describe.each(Object.entries(WRITES))('%s in progress', (_, write) => {
  it('is drained by close() once it is sent', async () => {
    const { own, clientName } = await connected();
    const key = newKey();
    await cluster.command(node, 'CLIENT', 'PAUSE', 60_000, 'WRITE');
    const call = write(own, key);
    await untilHeld(clientName);
    const closed = own.close();
    await cluster.command(node, 'CLIENT', 'UNPAUSE');
    await call;
    await closed;
    expect(await observer.get(key)).toBe('x');
  });

  it('is drained by close() while it waits for a connection', async () => {
    const { own, clientName } = await connected({ maxLeasedPerNode: 1 });
    const key = newKey();
    const holder = own.blpop(newKey(), 0);
    const held = expect(holder).rejects.toMatchObject({ name: 'ClientClosedError', applied: false });
    await untilHeld(clientName);
    const call = write(own, key);
    await own.ping();
    await own.close();
    await held;
    await call;
    expect(await observer.get(key)).toBe('x');
  });

  it('has an unknown outcome if disconnect() cuts it off after it was sent', async () => {
    const { own, clientName } = await connected();
    await cluster.command(node, 'CLIENT', 'PAUSE', 60_000, 'WRITE');
    const call = write(own, newKey());
    const outcome = expect(call).rejects.toMatchObject({ name: 'OutcomeUnknownError', applied: 'unknown' });
    await untilHeld(clientName);
    own.disconnect();
    await outcome;
  });

  it('was not executed if disconnect() comes before it was sent', async () => {
    const { own, clientName } = await connected({ maxLeasedPerNode: 1 });
    const key = newKey();
    own.blpop(newKey(), 0).catch(() => {});
    await untilHeld(clientName);
    const call = write(own, key);
    const outcome = expect(call).rejects.toMatchObject({ name: 'ClientClosedError', applied: false });
    await own.ping();
    own.disconnect();
    await outcome;
    expect(await observer.get(key)).toBeNull();
  });
});

describe('a transaction() whose function is running', () => {
  /** Begins a transaction, and waits until its function runs. */
  async function begun(own: ClusterClient, inside: (client: ClusterClient) => Promise<void>, key: string) {
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    let isInside = false;
    const call = own.transaction([key], async (tx) => {
      await inside(tx as unknown as ClusterClient);
      isInside = true;
      await gate;
      return tx.multi().append(key, 'x');
    });
    call.catch(() => {});
    await eventually(() => isInside);
    return { call, goOn };
  }

  it('is drained by close()', async () => {
    const { own } = await connected();
    const key = newKey();
    const { call, goOn } = await begun(own, async () => {}, key);
    const closed = own.close();
    goOn();
    expect(await call).toEqual([[null, 1]]);
    await closed;
    expect(await observer.get(key)).toBe('x');
  });

  it('has written nothing if disconnect() comes first', async () => {
    const { own } = await connected();
    const key = newKey();
    const { call, goOn } = await begun(own, async () => {}, key);
    own.disconnect();
    goOn();
    await expect(call).rejects.toMatchObject({ name: 'ClientClosedError', applied: false });
    expect(await observer.get(key)).toBeNull();
  });

  it('does not claim that nothing was written if its function wrote immediately', async () => {
    const { own } = await connected();
    const [key, other] = [newKey(), newKey()];
    const { call, goOn } = await begun(own, async (tx) => void (await tx.set(other, 'written')), key);
    own.disconnect();
    goOn();
    await expect(call).rejects.toMatchObject({ name: 'OutcomeUnknownError', applied: 'unknown' });
    expect(await observer.get(other)).toBe('written');
  });
});

describe('a pending blpop', () => {
  it('has taken nothing if close() comes before it was sent', async () => {
    const { own, clientName } = await connected({ maxLeasedPerNode: 1 });
    const key = newKey();
    own.blpop(newKey(), 0).catch(() => {});
    await untilHeld(clientName);
    const call = own.blpop(key, 0);
    const outcome = expect(call).rejects.toMatchObject({ name: 'ClientClosedError', applied: false });
    await own.ping();
    await own.close();
    await outcome;
  });

  it('reports correctly what it took if an element and close() arrive together', async () => {
    for (let round = 0; round < 10; round++) {
      const { own, clientName } = await connected();
      const key = newKey();
      const call = own.blpop(key, 0).then(
        () => true,
        (error: { applied: unknown }) => error.applied,
      );
      await untilHeld(clientName);
      const [took] = await Promise.all([call, own.close(), observer.rpush(key, 'element')]);
      expect([
        { took: true, left: 0 },
        { took: false, left: 1 },
      ]).toContainEqual({ took, left: await observer.llen(key) });
    }
  });
});
