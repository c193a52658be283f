import {
  type ClusterMessage,
  type ClusterPubSub,
  isGap,
  keySlot,
  type MessageOrGap,
  type SubscriptionGap,
} from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { collect, commandCalls, NumberPublisher, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
breakableCluster({ nodeTimeoutMs: 1_000, requireFullCoverage: false }, (whole) => void (cluster = whole));

type Kind = 'channel' | 'pattern' | 'sharded';

/** A channel under fire: numbers are published to it, and everything that arrives is kept. */
function exercise(kind: Kind, channel: string, subscriber: ClusterPubSub, publisher: ClusterPubSub) {
  const seen = collect<ClusterMessage<number>>();
  subscriber[kind]<number>(channel).subscribe(seen.observer);
  const start = (): NumberPublisher =>
    new NumberPublisher((number) =>
      kind === 'sharded' ? publisher.publishSharded(channel, number) : publisher.publish(channel, number),
    );
  return { kind, channel, seen, start };
}

async function replicaOf(primary: LocalNode): Promise<LocalNode> {
  for (const node of cluster.nodes) {
    const [role, , port] = (await cluster.command(node, 'ROLE')) as unknown[];
    if (role === 'slave' && port === primary.port) return node;
  }
  throw new Error(`No replica follows ${primary.name}`);
}

/** Channels in every shard, some of each kind. */
function channelsOf(tag: string): [Kind, string][] {
  const kinds: Kind[] = ['channel', 'pattern', 'sharded'];
  return kinds.flatMap((kind) =>
    ['{a}', '{b}', '{c}'].map((hash): [Kind, string] => [kind, `${tag}-${kind}-${hash}`]),
  );
}

interface Outcome {
  readonly gaps: readonly SubscriptionGap[];
  /** What arrived on each channel, in this order. */
  readonly received: ReadonlyMap<string, readonly number[]>;
}

/**
 * Publishes to channels of all kinds while something happens to the cluster, until everything flows again, and
 * accounts for every message.
 */
async function accountFor(tag: string, disturb: (primary: LocalNode) => Promise<void>): Promise<Outcome> {
  const options = { nodes: cluster.seeds, deadlineMs: 5_000 };
  // a frozen node is found silent before its failover, and one that waits for its CPU is not
  const { pubsub: subscriber } = open(options, { heartbeatMs: 750 });
  const { pubsub: publisher } = open(options);
  const gaps = collect<SubscriptionGap>();
  subscriber.gaps$.subscribe(gaps.observer);
  const exercises = channelsOf(tag).map(([kind, channel]) => exercise(kind, channel, subscriber, publisher));
  await subscriber.ready();
  const running = exercises.map((one) => ({ ...one, publisher: one.start() }));
  const arrived = (): number[] => running.map(({ seen }) => seen.values.length);
  const untilMoreThan = async (counts: number[]): Promise<unknown> =>
    eventually(() => arrived().every((count, i) => count > counts[i] + 20), { timeoutMs: 20_000 });
  await untilMoreThan(arrived());
  await disturb(await cluster.primaryOfSlot(keySlot('{a}')));
  await subscriber.ready();
  await untilMoreThan(arrived());
  await Promise.all(running.map((one) => one.publisher.stop()));
  const received = new Map<string, number[]>();
  for (const { kind, channel, seen, publisher: numbers } of running) {
    // a gap is told once it is over, which may be after messages flow again: replicas pass them on, too
    await eventually(() => {
      received.set(
        channel,
        seen.values.map(({ payload }) => payload),
      );
      const own = gaps.values.filter((gap) => gap.kind === kind && gap.names.includes(channel));
      const account = numbers.account(received.get(channel) ?? [], own);
      expect({ channel, ...account }).toEqual({ channel, doubled: [], lost: [] });
    });
  }
  return { gaps: gaps.values, received };
}

function expectOrder({ received }: Outcome): void {
  for (const [channel, numbers] of received) {
    const firsts = [...new Set(numbers)];
    expect({ channel, firsts }).toEqual({ channel, firsts: firsts.toSorted((a, b) => a - b) });
  }
}

/** The gaps but those that newer servers make besides, as they end sharded subscriptions on a node that becomes a primary. */
function lossesOf({ gaps }: Outcome): Outcome['gaps'] {
  return gaps.filter(({ kind, reason }) => kind !== 'sharded' || reason !== 'slotMoved');
}

describe('every numbered message arrives or is covered by a gap', () => {
  it('if nothing happens: there is no gap', async () => {
    const outcome = await accountFor('calm', async () => {});
    expect(outcome.gaps).toEqual([]);
    expectOrder(outcome);
  });

  it('when a primary is killed', async () => {
    let killed = '';
    const outcome = await accountFor('kill', async (primary) => {
      killed = primary.name;
      await cluster.kill(primary);
    });
    expect(new Set(outcome.gaps.map(({ kind }) => kind))).toEqual(new Set(['channel', 'pattern', 'sharded']));
    expect(lossesOf(outcome).map(({ node, reason }) => ({ node, reason }))).toEqual(
      lossesOf(outcome).map(() => ({ node: killed, reason: 'connectionLost' })),
    );
    expectOrder(outcome);
  });

  it('when a primary is frozen, and thawed after a failover', async () => {
    let frozen = '';
    const outcome = await accountFor('freeze', async (primary) => {
      frozen = primary.name;
      await cluster.freeze(primary);
      await eventually(async () => (await cluster.primaryOfSlot(keySlot('{a}'))) !== primary);
      await cluster.thaw(primary);
    });
    const gaps = lossesOf(outcome);
    expect(gaps.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['channel', 'pattern', 'sharded']));
    for (const gap of gaps) expect(gap.node).toBe(frozen);
    expect(gaps.map(({ reason }) => reason)).toContain('nodeSilent');
  });

  it('when a planned failover happens: only sharded channels can have a gap', async () => {
    const { gaps } = await accountFor('failover', async (primary) => {
      await cluster.failover(await replicaOf(primary));
    });
    for (const gap of gaps) {
      expect(gap).toMatchObject({ kind: 'sharded', names: ['failover-sharded-{a}'], reason: 'slotMoved' });
    }
  });

  it('with gaps in the stream, before the messages that follow them', async () => {
    const { pubsub } = open({ nodes: cluster.seeds }, { heartbeatMs: 200 });
    const streams = (['channel', 'pattern', 'sharded'] as const).map((kind) => {
      const items = collect<MessageOrGap<number>>();
      pubsub[kind]<number>(['marked-{a}', 'marked-{b}'], { gaps: true }).subscribe(items.observer);
      return { kind, items };
    });
    const other = collect<object>();
    pubsub.channel<number>('marked-{a}').subscribe(other.observer);
    const publish = async (n: number): Promise<unknown> =>
      Promise.all([pubsub.publish('marked-{a}', n), pubsub.publishSharded('marked-{a}', n)]);
    const untilEachHas = (count: number): Promise<unknown> =>
      eventually(() =>
        expect(streams.map(({ items }) => items.values.length)).toEqual([count, count, count]),
      );
    await pubsub.ready();
    await publish(1);
    await untilEachHas(1);
    const primary = await cluster.primaryOfSlot(keySlot('{a}'));
    await cluster.command(primary, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await untilEachHas(2);
    await publish(2);
    await untilEachHas(3);
    for (const { kind, items } of streams) {
      const told = items.values.map((item) => (isGap(item) ? item.reason : item.payload));
      expect({ kind, told }).toEqual({ kind, told: [1, 'connectionLost', 2] });
      expect(items.values[1]).toMatchObject({ kind, names: ['marked-{a}'], node: primary.name });
    }
    await eventually(() => expect(other.values).toHaveLength(2));
  });

  it('when subscriber connections are cut', async () => {
    const outcome = await accountFor('cut', async () => {
      for (const node of cluster.nodes) await cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    });
    expect(outcome.gaps.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['channel', 'pattern', 'sharded']),
    );
    for (const gap of outcome.gaps) expect(gap.reason).toBe('connectionLost');
    expectOrder(outcome);
  });

  it('when slots move: only their sharded channels have a gap', async () => {
    const other = await cluster.primaryOfSlot(keySlot('{b}'));
    const outcome = await accountFor('move', (primary) =>
      cluster.migrateSlots([keySlot('{a}')], primary, other),
    );
    expect(outcome.gaps).toEqual([
      expect.objectContaining({ kind: 'sharded', names: ['move-sharded-{a}'], reason: 'slotMoved' }),
    ]);
  });

  it('when a slot moves there and back: only its channels are subscribed again, and their gaps are reported', async () => {
    const { pubsub } = open({ nodes: cluster.seeds });
    const gaps = collect<SubscriptionGap>();
    const seen = collect<ClusterMessage<number>>();
    pubsub.gaps$.subscribe(gaps.observer);
    const home = await cluster.primaryOfSlot(keySlot('{a}'));
    const others = await Promise.all(['{b}', '{c}'].map((tag) => cluster.primaryOfSlot(keySlot(tag))));
    const away = others.find((node) => node !== home) as LocalNode;
    const stays: string[] = [];
    for (let i = 0; stays.length < 100; i++) {
      if ((await cluster.primaryOfSlot(keySlot(`stays-${i}`))) === home) stays.push(`stays-${i}`);
    }
    pubsub.sharded<number>(['back-{a}', ...stays]).subscribe(seen.observer);
    await pubsub.ready();
    const before = await commandCalls(cluster.nodes, 'ssubscribe');
    await cluster.migrateSlots([keySlot('{a}')], home, away);
    await eventually(() => expect(gaps.values).toHaveLength(1));
    await cluster.migrateSlots([keySlot('{a}')], away, home);
    await eventually(() => expect(gaps.values).toHaveLength(2));
    for (const gap of gaps.values) {
      expect(gap).toMatchObject({ kind: 'sharded', names: ['back-{a}'], reason: 'slotMoved' });
    }
    expect((await commandCalls(cluster.nodes, 'ssubscribe')) - before).toBeLessThan(20);
    await pubsub.ready();
    await pubsub.publishSharded('back-{a}', 1);
    await pubsub.publishSharded(stays[0], 2);
    await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual([1, 2]));
  });

  it('when every node is restarted, one after another', async () => {
    await accountFor('restart', async () => {
      for (const node of cluster.nodes) {
        await cluster.restart(node);
        await cluster.waitUntilStable();
      }
    });
  });
});

describe('a subscription', () => {
  it('is restored after all nodes were down', async () => {
    // on a busy machine, a node is silent for a while
    const { pubsub } = open({ nodes: cluster.seeds }, { heartbeatMs: 10_000 });
    const seen = collect<ClusterMessage>();
    const gaps = collect<SubscriptionGap>();
    pubsub.gaps$.subscribe(gaps.observer);
    const kinds: Kind[] = ['channel', 'pattern', 'sharded'];
    for (const kind of kinds) pubsub[kind]('all-gone').subscribe(seen.observer);
    await pubsub.ready();
    await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
    for (const node of cluster.nodes) await cluster.restart(node);
    await cluster.waitUntilStable();
    await pubsub.ready();
    await pubsub.publish('all-gone', 'classic');
    await pubsub.publishSharded('all-gone', 'sharded');
    await eventually(() =>
      expect(seen.values.map(({ payload }) => payload).toSorted()).toEqual(['classic', 'classic', 'sharded']),
    );
    expect(gaps.values.map(({ kind }) => kind).toSorted()).toEqual(kinds);
  });

  it('can be ended while no node can serve it', async () => {
    const { pubsub } = open({ nodes: cluster.seeds }, { heartbeatMs: 200 });
    const gaps = collect<SubscriptionGap>();
    pubsub.gaps$.subscribe(gaps.observer);
    const subscription = pubsub.channel('given-up').subscribe();
    subscription.add(pubsub.pattern('given-up*').subscribe());
    subscription.add(pubsub.sharded('given-up').subscribe());
    await pubsub.ready();
    await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
    const ready = pubsub.ready();
    subscription.unsubscribe();
    await expect(ready).resolves.toBeUndefined();
    for (const node of cluster.nodes) await cluster.restart(node);
    await cluster.waitUntilStable();
    expect(await pubsub.channels()).toEqual([]);
    expect(await pubsub.numpat()).toBe(0);
    expect(await pubsub.shardChannels()).toEqual([]);
    expect(gaps.values).toEqual([]);
  });
});
