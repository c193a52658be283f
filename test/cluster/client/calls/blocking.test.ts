import { setImmediate as turn } from 'node:timers/promises';
import { ClusterClient, LeaseTimeoutError } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

describe('a healthy cluster, with blocking calls', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let keys = 0;
  const newKey = (): string => `${shared.keyspace}{blocking}${keys++}`;

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes, clientName: shared.keyspace.replace(':', '') });
    await client.connect();
  });

  afterAll(() => client.close());

  /** Waits until the slot's node has so many blocked clients of ours. */
  const untilBlocked = (count: number): Promise<unknown> =>
    eventually(async () => {
      const node = client.topology.nodeForKey('{blocking}');
      const list = String(await client.target(node!).call('CLIENT', 'LIST'));
      const ours = list
        .split('\n')
        .filter((line) => line.includes(`name=leased:${shared.keyspace.replace(':', '')}`));
      return ours.filter((line) => /flags=b/.test(line)).length === count;
    });

  it('do not delay other calls, not even in the same slot', async () => {
    const [list, other] = [newKey(), newKey()];
    const popped = client.blpop(list, 0);
    await untilBlocked(1);
    expect(await client.set(other, 'v')).toBe('OK');
    expect(await client.get(other)).toBe('v');
    expect(await client.pipeline().get(other).exec()).toEqual([[null, 'v']]);
    await client.rpush(list, 'woken');
    expect(await popped).toEqual([list, 'woken']);
  });

  it('return the same replies as on a shared connection', async () => {
    const [list, stream, sorted] = [newKey(), newKey(), newKey()];
    await client.rpush(list, 'a', 'b', 'c');
    await client.zadd(sorted, 1, 'm');
    await client.xadd(stream, '1-0', 'f', 'v');
    expect([
      await client.blpopBuffer(list, 1),
      await client.brpop([list], 1),
      await client.blmove(list, list, 'LEFT', 'RIGHT', 1),
      await client.bzpopmin(sorted, 1),
      await client.bzpopmin(sorted, 0.01),
      await client.xread('BLOCK', 10, 'STREAMS', stream, '0'),
      await client.xread('BLOCK', 10, 'STREAMS', stream, '1-0'),
      await client.blpop(newKey(), 0.01),
    ]).toEqual([
      [Buffer.from(list), Buffer.from('a')],
      [list, 'c'],
      'b',
      [sorted, 'm', '1'],
      null,
      [[stream, [['1-0', ['f', 'v']]]]],
      null,
      null,
    ]);
    await client.set(list, 'text');
    await expect(client.blpop(list, 1)).rejects.toMatchObject({ name: 'ReplyError', code: 'WRONGTYPE' });
  });

  it('are served concurrently, each with its own element', async () => {
    const lists = Array.from({ length: 20 }, newKey);
    const popped = Promise.all(lists.map((list) => client.blpop(list, 0)));
    await untilBlocked(20);
    for (const list of lists.toReversed()) await client.rpush(list, list);
    expect(await popped).toEqual(lists.map((list) => [list, list]));
  });

  it('are rejected, in time, beyond the configured limit', async () => {
    const narrow = new ClusterClient({ nodes: shared.nodes, maxLeasedPerNode: 1, leaseTimeoutMs: 50 });
    const list = newKey();
    const first = narrow.blpop(list, 0);
    await narrow.ping();
    await turn();
    await expect(narrow.blpop(list, 0)).rejects.toBeInstanceOf(LeaseTimeoutError);
    await client.rpush(list, 'a', 'b');
    expect(await first).toEqual([list, 'a']);
    // a connection that was given back serves the next caller
    expect(await narrow.blpop(list, 1)).toEqual([list, 'b']);
    await narrow.close();
  });

  it('wait for replicas as long as requested, although the node is silent meanwhile', async () => {
    const patient = new ClusterClient({ nodes: shared.nodes, replyTimeoutMs: 50 });
    const counter = newKey();
    await patient.incr(counter);
    const confirmed = patient.wait(9, 400);
    const behind = patient.incr(counter);
    expect(await confirmed).toBeLessThan(9);
    expect(await behind).toBe(2);
    await patient.close();
  });

  it('end when the client is closed', async () => {
    const closing = new ClusterClient({ nodes: shared.nodes });
    const popped = expect(closing.blpop(newKey(), 0)).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    await closing.ping();
    await closing.close();
    await popped;
  });
});
