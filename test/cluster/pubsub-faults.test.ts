import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { keySlot } from '../../lib/cluster/key-slot.js';
import type { ClusterMessage } from '../../lib/pubsub/cluster-message.js';
import type { ClusterPubSub } from '../../lib/pubsub/cluster-pubsub.js';
import type { SubscriptionGap } from '../../lib/pubsub/subscription-gap.js';
import { eventually } from '../cluster-fixture.js';
import { collect, NumberPublisher, pubsubFactory } from './pubsub-fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start({ nodeTimeoutMs: 1_000, requireFullCoverage: false });
}, 60_000);
afterAll(() => cluster.stop());
afterEach(async () => {
  for (const node of cluster.nodes) {
    if (node.state === 'frozen') await cluster.thaw(node);
    if (node.state === 'dead') await cluster.restart(node);
  }
  await cluster.waitUntilStable();
}, 60_000);

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

/**
 * Publishes to channels of all kinds while something happens to the cluster, until everything flows again, and
 * accounts for every message.
 */
async function accountFor(
  tag: string,
  disturb: (primary: LocalNode) => Promise<void>,
): Promise<SubscriptionGap[]> {
  const options = { nodes: cluster.seeds, deadlineMs: 5_000 };
  const { pubsub: subscriber } = open(options, { heartbeatMs: 200 });
  const { pubsub: publisher } = open(options);
  const gaps = collect<SubscriptionGap>();
  subscriber.gaps$.subscribe(gaps.observer);
  const exercises = channelsOf(tag).map(([kind, channel]) => exercise(kind, channel, subscriber, publisher));
  await subscriber.ready();
  const running = exercises.map((one) => ({ ...one, publisher: one.start() }));
  const arrived = (): number[] => running.map(({ seen }) => seen.values.length);
  const moreHas = async (than: number[]): Promise<unknown> =>
    eventually(() => arrived().every((count, i) => count > than[i] + 20), { timeoutMs: 20_000 });
  await moreHas(arrived());
  await disturb(await cluster.primaryOfSlot(keySlot('{a}')));
  await subscriber.ready();
  await moreHas(arrived());
  await Promise.all(running.map((one) => one.publisher.stop()));
  for (const { kind, channel, seen, publisher: numbers } of running) {
    const last = numbers.published.findLast(({ acknowledged }) => acknowledged)?.number;
    const received = (): number[] => seen.values.map(({ payload }) => payload);
    await eventually(() => expect(received()).toContain(last));
    // a gap is told once it is over, which may be after messages flow again: a replica passes them on, too
    await eventually(() => {
      const own = gaps.values.filter((gap) => gap.kind === kind && gap.names.includes(channel));
      const { doubled, lost } = numbers.account(received(), own);
      if (lost.length + doubled.length > 0) throw new Error(JSON.stringify({ channel, doubled, lost, own, first: seen.values[0].receivedAt }));
    });
    expect(received()).toEqual(received().toSorted((a, b) => a - b));
  }
  if (process.env.SHOW_GAPS) {
    const span = (g: SubscriptionGap) => `${g.kind} ${g.names} ${g.node} ${g.reason} ${g.until - g.since}ms`;
    process.stdout.write(
      `${tag}: ${running.map(({ seen, publisher: p }) => `${p.published.length}/${p.published.filter((m) => m.acknowledged).length}/${seen.values.length}`).join(' ')}\n  ${gaps.values.map(span).join('\n  ')}\n`,
    );
  }
  return gaps.values;
}

describe('numbered messages are all accounted for', () => {
  it('when nothing happens: there is no gap', async () => {
    expect(await accountFor('calm', async () => {})).toEqual([]);
  });

  it('when a primary is killed', async () => {
    let killed = '';
    const gaps = await accountFor('kill', async (primary) => {
      killed = primary.name;
      await cluster.kill(primary);
    });
    expect(gaps.length).toBeGreaterThan(0);
    for (const gap of gaps) expect(gap).toMatchObject({ node: killed, reason: 'connectionLost' });
  });

  it('when a primary is frozen, and thawed again', async () => {
    let frozen = '';
    const gaps = await accountFor('freeze', async (primary) => {
      frozen = primary.name;
      await cluster.freeze(primary);
      await eventually(async () => (await cluster.primaryOfSlot(keySlot('{a}'))) !== primary);
      await cluster.thaw(primary);
    });
    expect(gaps.length).toBeGreaterThan(0);
    for (const gap of gaps) expect(gap).toMatchObject({ node: frozen, reason: 'nodeSilent' });
  });

  it('when a replica takes over as planned', async () => {
    await accountFor('failover', async (primary) => {
      await cluster.failover(await replicaOf(primary));
    });
  });

  it('when subscriber connections are cut', async () => {
    const gaps = await accountFor('cut', async () => {
      for (const node of cluster.nodes) await cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    });
    expect(new Set(gaps.map(({ kind }) => kind))).toEqual(new Set(['channel', 'pattern', 'sharded']));
    for (const gap of gaps) expect(gap.reason).toBe('connectionLost');
  });

  it('when slots move: only sharded channels in them have a gap', async () => {
    const slot = keySlot('{a}');
    const other = await cluster.primaryOfSlot(keySlot('{b}'));
    const gaps = await accountFor('move', (primary) => cluster.migrateSlots([slot], primary, other));
    for (const gap of gaps) {
      expect(gap).toMatchObject({ kind: 'sharded', names: ['move-sharded-{a}'], reason: 'slotMoved' });
    }
    expect(gaps).toHaveLength(1);
  });

  it('when every node is restarted, one after the other', async () => {
    await accountFor('restart', async () => {
      for (const node of cluster.nodes) {
        await cluster.restart(node);
        await cluster.waitUntilStable();
      }
    });
  });
});
