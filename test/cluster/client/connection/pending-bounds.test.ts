import { BackpressureError, ClusterClient, type ClusterError, keySlot, type PipelineResults } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';

const MIB = 1024 * 1024;

describe('the queue of one node', () => {
  let local: LocalCluster;
  const clients: ClusterClient[] = [];
  let names = 0;
  const key = (): string => `{room}${names++}`;
  const bounded = (commands: number, bytes = 64 * MIB): ClusterClient => {
    const client = new ClusterClient({
      nodes: local.seeds,
      maxPendingPerNode: { commands, bytes },
      deadlineMs: 60_000,
    });
    clients.push(client);
    return client;
  };
  /** A pipeline that appends so many numbers to a list. */
  const numbers = (client: Pick<ClusterClient, 'pipeline'>, list: string, count: number) => {
    const pipeline = client.pipeline();
    for (let i = 1; i <= count; i++) pipeline.rpush(list, i);
    return pipeline.exec();
  };
  /** The first result of `numbers` that shows that not all was executed, once and in order. */
  const firstWrong = (results: PipelineResults): unknown =>
    results.find(([error, length], i) => error !== null || length !== i + 1);

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
  });

  afterAll(() => local?.stop());

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  it('has room for one large command among many small ones, but not for a second one', async () => {
    const client = bounded(1_000, MIB);
    await client.connect();
    const [large, second, small] = [key(), key(), key()];
    const written = client.set(large, 'x'.repeat(2 * MIB));
    const refused = client.set(second, 'x'.repeat(2 * MIB)).catch((error: unknown) => error);
    const others = Promise.all(Array.from({ length: 100 }, () => client.append(small, 'y')));
    expect(await written).toBe('OK');
    expect(await refused).toBeInstanceOf(BackpressureError);
    expect((await others).at(-1)).toBe(100);
    expect(await client.set(second, 'x'.repeat(2 * MIB))).toBe('OK');
    await client.del(large, second);
  });

  it('makes pipelines wait for room, even before the client is connected, and keeps their order', async () => {
    const client = bounded(500);
    for (const state of ['wait', 'ready']) {
      expect(client.status).toBe(state);
      const lists = Array.from({ length: 12 }, key);
      const results = await Promise.all(lists.map((list) => numbers(client, list, 2_000)));
      for (const result of results) expect(firstWrong(result)).toBeUndefined();
    }
  });

  it('makes pipelines wait for room if their values take up all the bytes', async () => {
    const client = bounded(50_000, MIB);
    await client.connect();
    const value = 'x'.repeat(MIB / 8);
    const pipelines = Array.from({ length: 6 }, () => {
      const pipeline = client.pipeline();
      for (let i = 0; i < 16; i++) pipeline.set(`{room}bytes${i}`, value);
      // more than half of the bytes, one at a time beside the others
      pipeline.set(`{room}large`, value.repeat(6));
      return pipeline.exec();
    });
    for (const result of await Promise.all(pipelines))
      expect(result).toEqual(Array.from({ length: 17 }, () => [null, 'OK']));
  });

  it('makes the parts of a call for many slots wait for room', async () => {
    const client = bounded(10);
    await client.connect();
    const keys = Array.from({ length: 3_000 }, (_, i) => `part${i}`);
    await numbers(client, keys[0], 1);
    expect(await client.exists(...keys)).toBe(1);
    expect(await client.nonAtomic.mset(Object.fromEntries(keys.map((one, i) => [one, i])))).toBe('OK');
    expect(await client.nonAtomic.mget(keys)).toEqual(keys.map((_, i) => String(i)));
    expect(await client.del(keys)).toBe(3_000);
  });

  it('keeps the order of commands that wait for room while their slot moves', async () => {
    const client = bounded(200);
    await client.connect();
    const lists = Array.from({ length: 6 }, key);
    const slot = keySlot(lists[0]);
    const owns = ({ name }: { name: string }): boolean => name === ownerOf(client, slot);
    const from = local.primaries.find(owns) as LocalNode;
    const to = local.primaries.find((node) => node !== from) as LocalNode;
    let done = false;
    const loads = Promise.all(lists.map((list) => numbers(client, list, 20_000))).finally(
      () => (done = true),
    );
    let moves = 0;
    while (!done || moves === 0) {
      await local.migrateSlots([slot], from, to);
      await local.migrateSlots([slot], to, from);
      moves++;
    }
    for (const result of await loads) expect(firstWrong(result)).toBeUndefined();
  });

  it('ends waiting commands at their deadline, without executing them, and serves other nodes meanwhile', async () => {
    const client = bounded(50);
    await client.connect();
    const list = key();
    const slow = ownerOf(client, keySlot(list));
    const node = client.topology.primaries.find(({ name }) => name === slow);
    const elsewhere = Array.from({ length: 1_000 }, (_, i) => `other${i}`).find(
      (one) => ownerOf(client, keySlot(one)) !== slow,
    ) as string;
    await client.target(node as NonNullable<typeof node>).client('PAUSE', 2_000, 'ALL');
    const first = Promise.all(Array.from({ length: 50 }, () => client.incr(key())));
    const pipeline = client.with({ deadlineMs: 300 }).pipeline().rpush(list, 'late').incr(elsewhere);
    const [[late], other] = await pipeline.exec();
    expect(late).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      applied: false,
      cause: expect.objectContaining({ code: 'BACKPRESSURE' }) as unknown,
    });
    expect(other).toEqual([null, 1]);
    expect(await first).toHaveLength(50);
    expect(await client.exists(list)).toBe(0);
  });

  it('rejects waiting commands on disconnect(), and serves them on close()', async () => {
    const codes = (results: PipelineResults): unknown[] => [
      ...new Set(results.map(([error]) => (error as ClusterError | null)?.code)),
    ];
    const [closed, ended] = [bounded(10), bounded(10)];
    await Promise.all([closed.connect(), ended.connect()]);
    const served = Promise.all([key(), key(), key()].map((list) => numbers(closed, list, 500)));
    await closed.close();
    for (const result of await served) expect(firstWrong(result)).toBeUndefined();
    const lists = [key(), key(), key()];
    const cut = Promise.all(lists.map((list) => numbers(ended, list, 500)));
    ended.disconnect();
    const results = await cut;
    // what was in flight is of unknown outcome
    for (const result of results) expect(codes(result)).toContain('CLIENT_CLOSED');
    await eventually(() => expect(ended.status).toBe('end'));
  });
});

function ownerOf(client: ClusterClient, slot: number): string {
  return client.topology.nodeForSlot(slot)?.name as string;
}
