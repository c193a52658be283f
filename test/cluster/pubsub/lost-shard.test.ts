import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { type ClusterMessage, keySlot } from 'keyslot';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { collect, commandCalls, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
breakableCluster(
  { primaries: 3, replicasPerPrimary: 0, nodeTimeoutMs: 1_000, requireFullCoverage: false },
  (whole) => void (cluster = whole),
);

/** A channel that is listened to, and the primary of its slot. */
async function listenTo(channel: string) {
  const options = { nodes: cluster.seeds, replyTimeoutMs: 500, requireFullCoverage: false };
  const { pubsub } = open(options);
  const { pubsub: publisher, engine } = open(options);
  const seen = collect<ClusterMessage<number>>();
  pubsub.channel<number>(channel).subscribe(seen.observer);
  await pubsub.ready();
  // connected to every node before anything happens
  await engine.connect();
  await publisher.publish(channel, -1);
  await eventually(() => expect(seen.values).toHaveLength(1));
  seen.values.length = 0;
  const received = (): number[] => seen.values.map(({ payload }) => payload);
  const primary: LocalNode = await cluster.primaryOfSlot(keySlot(channel));
  return { publisher, seen, received, primary };
}

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('a shard without a replica', () => {
  it('that is dead: another primary forwards messages, in order, until it is back', async () => {
    const channel = 'lost-shard';
    const { publisher, seen, received, primary } = await listenTo(channel);
    await cluster.kill(primary);
    // the subscription moves as well; what is published before that is in its gap
    await eventually(async () => {
      await publisher.publish(channel, -3);
      expect(received()).toContain(-3);
    });
    const published = (): number[] => received().filter((number) => number >= 0);
    for (const number of numbers(0, 50)) await publisher.publish(channel, number);
    await Promise.all(numbers(50, 50).map((number) => publisher.publish(channel, number)));
    const many = await publisher.publishMany(numbers(100, 50).map((value) => ({ channel, value })));
    expect(many.filter(({ ok }) => !ok)).toEqual([]);
    await eventually(() => expect(published()).toEqual(numbers(0, 150)));
    // only the node of its slot takes a sharded message
    await expect(
      publisher.publishSharded(channel, 1).catch((error: { code: string }) => error.code),
    ).resolves.toBe('DEADLINE_EXCEEDED');

    await cluster.restart(primary);
    seen.values.length = 0;
    await eventually(async () => {
      await publisher.publish(channel, 200);
      // it has counted nothing yet since it was started
      expect(await commandCalls([primary], 'publish')).toBeGreaterThan(0);
      expect(received()).toContain(200);
    });
  });

  it('that is frozen: messages go through another primary once its reply is overdue', async () => {
    const channel = 'still-shard';
    const { publisher, received, primary } = await listenTo(channel);
    await cluster.freeze(primary);
    // it was handed to the node that says nothing, so nobody knows what became of it
    const first = publisher.publish(channel, 1).catch((error: { code: string }) => error.code);
    await eventually(async () => {
      await publisher.publish(channel, 2);
      expect(received()).toContain(2);
    });
    expect(await first).toBe('OUTCOME_UNKNOWN');
  });
});
