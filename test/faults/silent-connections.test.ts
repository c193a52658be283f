import { Redis } from 'ioredis';
import { ClusterClient, type ClusterClientOptions, type ClusterError } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';
import { Relays } from '../fake-node.js';

/** The least that the client needs, and the commands of these tests. */
const NARROW = 'on >narrow ~* &* -@all +cluster|slots +get +set +incr +exec +multi +ping +hello +asking';
/** With the right to ask about connections, and to end them. */
const WATCHFUL = `${NARROW.replace('>narrow', '>watchful')} +client|list +client|kill`;

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch(({ code }: ClusterError) => code);

describe.each(['narrow', 'watchful'])('a node, and a client whose user is %s, with a connection', (user) => {
  let cluster: LocalCluster;
  let admin: Redis;
  let relays: Relays | undefined;
  const clients: ClusterClient[] = [];

  const clientOf = async (options: ClusterClientOptions = {}): Promise<ClusterClient> => {
    const client = new ClusterClient({
      nodes: cluster.seeds,
      username: user,
      password: user,
      replyTimeoutMs: 100,
      deadlineMs: 20_000,
      ...options,
    });
    clients.push(client);
    await client.connect();
    return client;
  };

  beforeAll(async () => {
    cluster = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      users: { narrow: NARROW, watchful: WATCHFUL },
    });
    admin = new Redis(cluster.seeds[0]);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await relays?.stop();
  });

  afterAll(async () => {
    admin?.disconnect();
    await cluster?.stop();
  });

  it.each(['WRITE', 'ALL'])('to a paused node (%s): every call waits', async (what) => {
    const client = await clientOf();
    const [counter, other] = [`counter-${user}-${what}`, `other-${user}-${what}`];
    await admin.call('CLIENT', 'PAUSE', 1_500, what);
    const calls = [client.incr(counter), client.incr(counter), client.multi().incr(counter).exec()];
    const behind = [client.set(other, 'v'), client.get(other)];
    expect(await Promise.all(calls)).toEqual([1, 2, [[null, 3]]]);
    expect(await Promise.all(behind)).toEqual(['OK', 'v']);
    expect(await client.get(counter)).toBe('3');
  });

  it('to a node that is paused longer than a caller waits: the outcome is unknown, and the next call succeeds', async () => {
    const client = await clientOf();
    const counter = `late-${user}`;
    await admin.call('CLIENT', 'PAUSE', 1_000, 'WRITE');
    expect(await codeOf(client.with({ deadlineMs: 300 }).incr(counter))).toBe('OUTCOME_UNKNOWN');
    expect(await client.set(`after-${user}`, 1)).toBe('OK');
  });

  it('that no longer carries any data: it is replaced, and nothing runs twice', async () => {
    relays = await Relays.start(cluster.seeds);
    const client = await clientOf({ ...relays.options });
    const impatient = client.with({ deadlineMs: 1_000 });
    const [counter, key] = [`stranded-${user}`, `value-${user}`];
    await client.set(key, 'before');
    for (const relay of relays.all) relay.strand();
    const lost = codeOf((user === 'narrow' ? impatient : client).incr(counter));
    const later = client.set(`later-${user}`, 1);
    expect(await lost).toBe('OUTCOME_UNKNOWN');
    expect(await later).toBe('OK');
    expect(await client.get(key)).toBe('before');
    expect(await admin.get(counter)).toBeNull();
  });

  it('that the node has forgotten: idempotent commands run again, and the others have an unknown outcome', async () => {
    relays = await Relays.start(cluster.seeds);
    const client = await clientOf({ ...relays.options });
    await client.set(`k-${user}`, 1);
    for (const relay of relays.all) relay.strand();
    await admin.call('CLIENT', 'KILL', 'USER', user);
    const write = codeOf((user === 'narrow' ? client.with({ deadlineMs: 500 }) : client).incr(`n-${user}`));
    const read = client.get(`k-${user}`);
    expect(await write).toBe('OUTCOME_UNKNOWN');
    expect(await read).toBe('1');
    await eventually(async () => (await client.set(`k-${user}`, 2)) === 'OK');
  });
});
