import {
  ClusterClient,
  CommandAbortedError,
  ConnectionError,
  InvalidArgumentError,
  keySlot,
  OutcomeUnknownError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { Relays } from '../../../fake-node.js';

const { nodes, keyspace } = sharedCluster();
const key = (name: string): string => `${keyspace}{tx}${name}`;
let client: ClusterClient;

beforeAll(async () => {
  client = new ClusterClient({ nodes });
  await client.connect();
});
afterAll(() => client.close());

describe('a transaction that is aborted', () => {
  it.each(['before it begins', 'while it reads', 'before EXEC'])('%s writes nothing', async (when) => {
    const control = new AbortController();
    const name = key(when);
    let runs = 0;
    if (when === 'before it begins') control.abort();
    const call = client.with({ signal: control.signal }).transaction([name], async (tx) => {
      runs++;
      const read = tx.get(name);
      if (when === 'while it reads') control.abort();
      await read;
      const commands = tx.multi().set(name, 'written');
      control.abort();
      return commands;
    });
    await expect(call).rejects.toMatchObject({ name: 'CommandAbortedError', applied: false });
    expect(runs).toBeLessThan(2);
    expect(await client.get(name)).toBeNull();
  });

  it('ends at once, whatever its function waits for, and later calls of the function fail', async () => {
    const control = new AbortController();
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    let late: Promise<unknown> | undefined;
    let isInside = false;
    const call = client.with({ signal: control.signal }).transaction([key('gate')], async (tx) => {
      isInside = true;
      await gate;
      late = tx.set(key('gate'), 'late');
      await late;
    });
    await eventually(() => isInside);
    control.abort();
    await expect(call).rejects.toThrow(CommandAbortedError);
    goOn();
    await eventually(() => late !== undefined);
    await expect(late).rejects.toThrow(InvalidArgumentError);
    expect(await client.get(key('gate'))).toBeNull();
  });
});

describe('a transaction whose connection is lost', () => {
  let relays: Relays;
  let fragile: ClusterClient;

  beforeEach(async () => {
    relays = await Relays.start(nodes);
    fragile = new ClusterClient(relays.options);
    await fragile.connect();
  });
  afterEach(async () => {
    await fragile.close();
    await relays.stop();
  });

  /** Cuts the connection of the first request of this name, once it was executed. */
  function loseReplyTo(name: string): void {
    let isLost = false;
    for (const relay of relays.all) {
      relay.losesReplyTo = ([word]) => {
        if (isLost || word.toLowerCase() !== name) return false;
        isLost = true;
        return true;
      };
    }
  }

  it('with the reply to a write that ran immediately does not start over', async () => {
    loseReplyTo('incr');
    let runs = 0;
    const call = fragile.transaction([key('k')], async (tx) => {
      runs++;
      await tx.incr(key('n'));
      return tx.multi().set(key('k'), 1);
    });
    await expect(call).rejects.toThrow(OutcomeUnknownError);
    expect([runs, await client.get(key('n')), await client.get(key('k'))]).toEqual([1, '1', null]);
  });

  it('after such a write does not start over either', async () => {
    loseReplyTo('get');
    const call = fragile.transaction([key('k')], async (tx) => {
      await tx.incr(key('after'));
      await tx.get(key('k'));
      return tx.multi().set(key('k'), 1);
    });
    await expect(call).rejects.toThrow(OutcomeUnknownError);
    expect([await client.get(key('after')), await client.get(key('k'))]).toEqual(['1', null]);
  });

  it.each(['get', 'set'])('with the reply to %s, starts over', async (name) => {
    loseReplyTo(name);
    let runs = 0;
    const results = await fragile.transaction([key('again')], async (tx) => {
      runs++;
      await tx.set(key('beside'), 'v');
      return tx.multi().set(key('again'), String(await tx.get(key('beside'))));
    });
    expect([runs, results]).toEqual([2, [[null, 'OK']]]);
  });

  it('is not confused with a connection error that its function throws', async () => {
    let runs = 0;
    const call = fragile.transaction([key('mine')], async () => {
      runs++;
      throw new ConnectionError('another cluster', 'mine');
    });
    await expect(call).rejects.toThrow(ConnectionError);
    expect(runs).toBe(1);
  });
});

it('rejects commands that were not created by the tx', async () => {
  // as a caller without types may write it
  const foreign = async (): Promise<unknown> => client.multi().set(key('foreign'), 1);
  const call = client.transaction([key('foreign')], foreign);
  await expect(call).rejects.toThrow(InvalidArgumentError);
  expect(await client.get(key('foreign'))).toBeNull();
});

describe('a slot that is halfway to another node', () => {
  it('serves transactions with keys that have moved and keys that are new', async () => {
    await using cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    await using own = new ClusterClient({ nodes: cluster.seeds });
    await own.set('{m}moved', 1);
    await own.set('{m}other', 1);
    const from = await cluster.primaryOfSlot(keySlot('{m}'));
    const to = cluster.primaries.find((node) => node !== from)!;
    const migration = await cluster.beginSlotMigration(keySlot('{m}'), from, to);
    await migration.moveKeys();
    for (const name of ['{m}moved', '{m}new']) {
      const results = await own.transaction([name], async (tx) =>
        tx.multi().set(name, Number(await tx.get(name)) + 1),
      );
      expect(results).toEqual([[null, 'OK']]);
    }
    // of other keys the new node cannot tell whether they are still to come
    const brief = own.with({ deadlineMs: 1_500 });
    const call = brief.transaction(['{m}moved'], async (tx) => tx.multi().incr('{m}other'));
    await expect(call).rejects.toMatchObject({
      name: 'DeadlineExceededError',
      cause: expect.objectContaining({ name: 'ReplyError' }),
    });
    await migration.finish();
    await own.transaction(['{m}moved'], async (tx) => tx.multi().incr('{m}other'));
    expect(await own.mget('{m}moved', '{m}new', '{m}other')).toEqual(['2', '1', '2']);
  });
});
