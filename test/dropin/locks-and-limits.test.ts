import { createKeyv } from '@keyv/valkey';
import { ClusterClient } from 'keyslot';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import Redlock from 'redlock';
import { sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
let cluster: ClusterClient;

beforeAll(() => {
  cluster = new ClusterClient({ nodes });
});
afterAll(() => cluster?.close());

describe('rate-limiter-flexible', () => {
  it('allows exactly the configured number of requests, shared between instances, and blocks the rest', async () => {
    const limiter = (points: number): RateLimiterRedis =>
      new RateLimiterRedis({
        storeClient: cluster,
        keyPrefix: `${keyspace}limit`,
        points,
        duration: 60,
        blockDuration: 60,
        rejectIfRedisNotReady: true,
      });
    await cluster.connect();
    const limiters = [limiter(5), limiter(5)];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) => limiters[i % 2].consume('caller')),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(await limiters[0].get('caller')).toMatchObject({ remainingPoints: 0 });
    expect(await limiters[0].get('nobody')).toBeNull();
    expect(await limiters[0].delete('caller')).toBe(true);
    expect(await limiters[1].penalty('other', 2)).toMatchObject({ consumedPoints: 2 });
    await limiters[1].block('other', 30);
    await expect(limiters[1].consume('other')).rejects.toMatchObject({ remainingPoints: 0 });
  });
});

describe('redlock', () => {
  const resource = `{${keyspace}lock}`;
  const locksOf = (client: ClusterClient): Redlock => new Redlock([client], { retryCount: 0 });

  it('grants a lock over several resources of a slot to one caller until it is released', async () => {
    const [ours, theirs] = [locksOf(cluster), locksOf(cluster)];
    const names = [`${resource}a`, `${resource}b`];
    let lock = await ours.acquire(names, 20_000);
    await expect(theirs.acquire([names[1]], 20_000)).rejects.toThrow('quorum');
    lock = await lock.extend(30_000);
    expect(await cluster.pttl(names[0])).toBeGreaterThan(20_000);
    await lock.release();
    expect(await cluster.exists(...names)).toBe(0);
    expect(await theirs.using(names, 20_000, async () => 'done')).toBe('done');
  });
});

describe('@keyv/valkey', () => {
  it.each([true, false])('keeps values in one slot (useRedisSets: %s)', async (useRedisSets) => {
    type Given = Parameters<typeof createKeyv>[0];
    const keyv = createKeyv(cluster as unknown as Given, { useRedisSets });
    keyv.namespace = `{${keyspace}keyv${useRedisSets}}`;
    await keyv.set('a', { n: 1 });
    await keyv.set('b', 2, 60_000);
    expect(await keyv.get('a')).toEqual({ n: 1 });
    expect(await keyv.get(['a', 'b', 'c'])).toEqual([{ n: 1 }, 2, undefined]);
    expect(await keyv.has('b')).toBe(true);
    expect(await keyv.delete('a')).toBe(true);
    expect(await keyv.get('a')).toBeUndefined();
    await keyv.clear();
    expect(await keyv.get('b')).toBeUndefined();
  });
});
