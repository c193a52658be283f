import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import { buffered, type ClusterMessage, type UnreadableMessage } from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { collect, pubsubFactory } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const name = (suffix: string): string => `${cluster.keyspace}${suffix}`;

describe('a publisher other than Keyslot', () => {
  it('reaches all kinds of subscribers; messages that are not JSON go to errors$', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const seen = collect<ClusterMessage>();
    const unreadable = collect<UnreadableMessage>();
    const channel = name('foreign');
    pubsub.errors$.subscribe(unreadable.observer);
    pubsub.channel(channel).subscribe(seen.observer);
    pubsub.pattern(`${channel}*`).subscribe(seen.observer);
    pubsub.sharded(channel).subscribe(seen.observer);
    await pubsub.ready();
    const foreigners = cluster.nodes.map((node) => new Redis({ ...node, lazyConnect: true }));
    // a classic message may be published at any node
    for (const redis of foreigners) {
      await redis.publish(channel, '{"at":');
      await redis.publish(channel, '1');
    }
    // a sharded one where its slot is; elsewhere it is refused
    const sent = foreigners.map((redis) => () => redis.spublish(channel, '2'));
    await sent.slice(1).reduce((tried, next) => tried.catch(next), sent[0]());
    const expected = [...cluster.nodes.flatMap(() => [1, 1]), 2];
    await eventually(() => expect(seen.values.map(({ payload }) => payload).toSorted()).toEqual(expected));
    expect(unreadable.values).toHaveLength(2 * cluster.nodes.length);
    expect(unreadable.values[0].raw).toEqual(Buffer.from('{"at":'));
    expect(seen.errors).toEqual([]);
    for (const redis of foreigners) redis.disconnect();
  });
});

it('a pattern that is ended during the round trip leaves no subscription, and can be subscribed again', async () => {
  const { pubsub, engine } = open({ nodes: cluster.nodes });
  await engine.connect();
  const kept = pubsub.pattern(name('kept.*')).subscribe();
  await pubsub.ready();
  const patterns = await pubsub.numpat();
  for (let i = 0; i < 20; i++) {
    const subscription = pubsub.pattern([name('gone.*'), name(`gone.${i}*`)]).subscribe();
    await (i % 3 === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
    subscription.unsubscribe();
  }
  await eventually(async () => expect(await pubsub.numpat()).toBe(patterns));
  const seen = collect<ClusterMessage<number>>();
  pubsub.pattern<number>(name('gone.*')).subscribe().unsubscribe();
  pubsub.pattern<number>(name('gone.*')).subscribe(seen.observer);
  await pubsub.ready();
  await pubsub.publish(name('gone.now'), 1);
  await pubsub.publish(name('gone.now'), 2);
  await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual([1, 2]));
  kept.unsubscribe();
});

describe('close while still connecting', () => {
  it.each(['channel', 'pattern', 'sharded'] as const)('ends %s and its connection', async (kind) => {
    const clientName = `closing-${kind}-${Date.now()}`;
    const stages = [0, 1, 2, 3, 5, 8];
    for (const turns of stages) {
      const { pubsub, engine } = open({ nodes: cluster.nodes, clientName });
      await engine.connect();
      const seen = collect();
      pubsub[kind](name('closing')).subscribe(seen.observer);
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      await pubsub.close();
      expect(seen).toMatchObject({ completed: 1, errors: [] });
      await engine.close(0);
    }
    const left = async (): Promise<string[]> => {
      const lists = await Promise.all(
        cluster.nodes.map(async (node) => {
          const redis = new Redis(node);
          const list = (await redis.client('LIST')) as string;
          redis.disconnect();
          return list;
        }),
      );
      return lists.filter((list) => list.includes(clientName));
    };
    await eventually(async () => expect(await left()).toEqual([]));
  });
});

it('10,000 messages per second for a buffer of 10 do not grow the heap', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const heap = (): number => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const { pubsub } = open({ nodes: cluster.nodes });
  const channel = name('torrent');
  const text = 'x'.repeat(1_000);
  const slow = buffered(pubsub.channel<string>(channel), { size: 100, whenFull: 'dropOldest' });
  let taken = 0;
  let enough = false;
  const consumer = (async () => {
    for await (const { payload } of slow) {
      expect(payload).toBe(text);
      taken++;
      if (enough) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await pubsub.ready();
  const burst = Array.from({ length: 1_000 }, () => ({ channel, value: text }));
  const publish = async (seconds: number): Promise<void> => {
    for (let i = 0; i < 10 * seconds; i++) {
      await pubsub.publishMany(burst);
      expect(slow.waiting).toBeLessThanOrEqual(100);
    }
  };
  await publish(1);
  const before = heap();
  await publish(2);
  await eventually(() => expect(taken + slow.waiting + slow.dropped).toBe(30_000));
  // all of them would take 20 MB
  expect(heap() - before).toBeLessThan(8 * 1024 * 1024);
  enough = true;
  await consumer;
});
