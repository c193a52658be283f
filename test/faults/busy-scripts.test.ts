import { ClusterClient, DeadlineExceededError, keySlot, ReplyError } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';

const ENDLESS = 'while true do end';
const KEY = 'k';

describe('a node whose script takes longer than busy-reply-threshold', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  /** Rejects once the script is ended. */
  let script: Promise<unknown>;

  beforeAll(async () => {
    cluster = await LocalCluster.start({
      primaries: 3,
      replicasPerPrimary: 1,
      config: { 'busy-reply-threshold': '100' },
    });
    client = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 30_000 });
    await client.connect();
  });

  beforeEach(async () => {
    await client.set(KEY, 'before');
    script = cluster.command(node(), 'EVAL', ENDLESS, 1, KEY).catch((error: Error) => error);
    await untilBusy(client);
  });

  afterEach(async () => {
    await client.script('KILL').catch(() => {});
    await script;
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  const node = () => client.topology.nodeForKey(KEY)!;

  const untilBusy = (by: ClusterClient) =>
    eventually(() => expect(by.target(node()).ping()).rejects.toMatchObject({ code: 'BUSY' }));

  it.each<[string, (by: ClusterClient) => Promise<unknown>, unknown]>([
    ['a call', (by) => by.set(KEY, 'after'), 'OK'],
    ['a read', (by) => by.get(KEY), 'before'],
    [
      'a pipeline',
      (by) => by.pipeline().get(KEY).get(KEY).exec(),
      [
        [null, 'before'],
        [null, 'before'],
      ],
    ],
    ['a transaction', (by) => by.multi().get(KEY).exec(), [[null, 'before']]],
    ['a watched transaction', (by) => by.transaction([KEY], (tx) => tx.get(KEY)), 'before'],
    // MULTI is accepted, what it queues is not, so that EXEC ends in EXECABORT
    [
      'a transaction that writes',
      (by) => by.multi().append(KEY, '+').get(KEY).exec(),
      [
        [null, 7],
        [null, 'before+'],
      ],
    ],
    [
      'a durable transaction',
      (by) =>
        by
          .with({ durability: { replicas: 1, timeoutMs: 20_000 } })
          .multi()
          .append(KEY, '+')
          .exec(),
      [[null, 7]],
    ],
    [
      'what a watched transaction returns',
      (by) => by.transaction([KEY], async (tx) => tx.multi().append(KEY, '+')),
      [[null, 7]],
    ],
    ['a call that blocks', (by) => by.blpop(`{${KEY}}list`, 0.01), null],
    ['a call to all primaries', async (by) => typeof (await by.dbsize()), 'number'],
    ['a call to all nodes', (by) => by.config('SET', 'slowlog-max-len', '101'), 'OK'],
    ['a call to a role', async (by) => (await by.target('primaries').echo('x')).size, 3],
  ])('has executed nothing, and calls wait for it: %s', async (_, call, expected) => {
    let answered = false;
    const answer = call(client).finally(() => (answered = true));
    answer.catch(() => {});
    // the node has refused it by the time when it has refused what was sent after it
    await untilBusy(client);
    expect(answered).toBe(false);
    expect(await client.script('KILL')).toBe('OK');
    expect(await answer).toEqual(expected);
  });

  it.each<[string, (by: ClusterClient) => Promise<unknown>]>([
    ['a call', (by) => by.incr(KEY)],
    ['a call that blocks', (by) => by.blpop(`{${KEY}}list`, 0.01)],
  ])('is the cause if the deadline passes first, and nothing was applied: %s', async (_, call) => {
    const short = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 300 });
    await short.connect();
    const error: unknown = await call(short).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(error).toMatchObject({ applied: false, cause: { code: 'BUSY' } });
    expect((error as Error).cause).toBeInstanceOf(ReplyError);
    await short.close();
  });

  it('serves reads again as a replica, even on connections that were opened meanwhile', async () => {
    expect(await client.script('KILL')).toBe('OK');
    await script;
    const replica = client.topology.shardForSlot(keySlot(KEY))!.replicas[0];
    const reader = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 30_000 });
    await reader.connect();
    // the same function of the reader opens its connection before the script, that of `late` while it runs
    const named = (by: ClusterClient) => by.target(by.topology.node(replica.name)!);
    await eventually(async () => expect(await named(reader).get(KEY)).toBe('before'));
    script = named(reader)
      .call('EVAL_RO', ENDLESS, 1, KEY)
      .catch((error: Error) => error);
    await eventually(() => expect(named(client).ping()).rejects.toMatchObject({ code: 'BUSY' }));
    const late = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 30_000 });
    await late.connect();
    // it refuses READONLY, too, and so redirects the read
    await expect(named(late).get(KEY)).rejects.toMatchObject({ code: 'MOVED', applied: false });
    expect(await named(client).script('KILL')).toBe('OK');
    await script;
    expect(await named(late).get(KEY)).toBe('before');
    expect(await late.with({ readFrom: 'replica' }).get(KEY)).toBe('before');
    await late.close();
    await reader.close();
  });

  it('lets a client connect', async () => {
    const late = new ClusterClient({ nodes: cluster.seeds });
    await late.connect();
    const elsewhere = cluster.primaries.find(({ name }) => name !== node().name)!;
    expect(await late.target(late.topology.node(elsewhere.name)!).ping()).toBe('PONG');
    expect(await late.script('KILL')).toBe('OK');
    expect(await late.get(KEY)).toBe('before');
    await late.close();
  });

  it('stops when the client that runs the script kills it, even by node name', async () => {
    expect(await client.script('KILL')).toBe('OK');
    await script;
    const own = client.eval(ENDLESS, 1, KEY).catch((error: Error) => error);
    const witness = new ClusterClient({ nodes: cluster.seeds });
    await witness.connect();
    await untilBusy(witness);
    expect(await client.target(node()).script('KILL')).toBe('OK');
    expect(String(await own)).toMatch(/killed by user/i);
    await witness.close();
  });

  it('stops when a function is killed, too', async () => {
    expect(await client.script('KILL')).toBe('OK');
    await script;
    await client.function(
      'LOAD',
      'REPLACE',
      "#!lua name=endless\nredis.register_function('endless', function() while true do end end)",
    );
    const own = client.fcall('endless', 1, KEY).catch((error: Error) => error);
    const witness = new ClusterClient({ nodes: cluster.seeds });
    await witness.connect();
    await untilBusy(witness);
    expect(await client.function('KILL')).toBe('OK');
    expect(String(await own)).toMatch(/killed by user/i);
    await witness.close();
  });
});
