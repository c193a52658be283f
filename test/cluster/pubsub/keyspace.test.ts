import { firstValueFrom } from 'rxjs';
import type { LocalCluster } from 'keyslot/testing';
import {
  type ChannelName,
  InvalidArgumentError,
  type KeyEvent,
  keySlot,
  KeyspaceEventsOffError,
  type KeyspaceOptions,
  type SubscriptionGap,
} from 'keyslot';
import type { ClusterEngine } from '../../../lib/cluster/cluster-engine.js';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { collect, pubsubFactory, type PubSubHandle } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
breakableCluster(
  { nodeTimeoutMs: 1_000, config: { 'notify-keyspace-events': 'KA' } },
  (whole) => void (cluster = whole),
);

const connect = (): PubSubHandle => open({ nodes: cluster.seeds }, { heartbeatMs: 200 });
const run = (engine: ClusterEngine, name: string, ...args: ChannelName[]): Promise<unknown> =>
  engine.run(name, args, engine.options, { buffers: false });
const namesOf = (events: readonly KeyEvent[]): string[] => events.map(({ key }) => key).toSorted();

describe('keyspace', () => {
  it('delivers events of keys on every primary', async () => {
    const { pubsub, engine } = connect();
    const seen = collect<KeyEvent>();
    const subscription = pubsub.keyspace({ pattern: 'all:*' }).subscribe(seen.observer);
    await pubsub.ready();
    const keys = Array.from({ length: 20 }, (_, i) => `all:${i}`).toSorted();
    await Promise.all([...keys, 'other'].map((key) => run(engine, 'set', key, 'x')));
    await eventually(() => expect(namesOf(seen.values)).toEqual(keys));
    for (const { key, node, event, receivedAt } of seen.values) {
      expect([event, node]).toEqual(['set', engine.topology.nodeForKey(key)?.name]);
      expect(Math.abs(Date.now() - receivedAt)).toBeLessThan(60_000);
    }
    expect(new Set(seen.values.map(({ node }) => node)).size).toBe(3);
    subscription.unsubscribe();
  });

  it('delivers only the selected events', async () => {
    const { pubsub, engine } = connect();
    const seen = collect<KeyEvent>();
    const subscription = pubsub
      .keyspace({ pattern: ['session:*', 'cart:*'], events: ['expired', 'del'] })
      .subscribe(seen.observer);
    await pubsub.ready();
    await run(engine, 'set', 'session:1', 'x', 'PX', '20');
    await run(engine, 'set', 'cart:1', 'x');
    await run(engine, 'del', 'cart:1');
    await eventually(() => expect(seen.values).toHaveLength(2));
    expect(seen.values.map(({ key, event }) => `${key} ${event}`).toSorted()).toEqual([
      'cart:1 del',
      'session:1 expired',
    ]);
    subscription.unsubscribe();
  });

  it('subscribes once to each primary, and unsubscribes with the last subscriber', async () => {
    const { pubsub } = connect();
    const before = await pubsub.numpat();
    const events = [pubsub.keyspace({ pattern: 'once:*' }), pubsub.keyspace({ pattern: 'once:*' })];
    const subscriptions = events.map((each) => each.subscribe());
    await pubsub.ready('once:*');
    expect(await pubsub.numpat()).toBe(before + 3);
    subscriptions.forEach((subscription) => subscription.unsubscribe());
    await eventually(async () => expect(await pubsub.numpat()).toBe(before));
  });

  it('leaves nothing behind if it is ended before the cluster was found', async () => {
    const { pubsub, engine } = connect();
    pubsub.keyspace({ pattern: 'early:*' }).subscribe().unsubscribe();
    await engine.connect();
    await pubsub.ready();
    expect(await pubsub.numpat()).toBe(0);
  });

  it('returns keys as bytes if the pattern is in bytes', async () => {
    const { pubsub, engine } = connect();
    const key = Buffer.concat([Buffer.from('bytes:'), Buffer.from([0xff, 0x00])]);
    const first = firstValueFrom(pubsub.keyspace({ pattern: Buffer.from('bytes:*') }));
    await pubsub.ready();
    await run(engine, 'set', key, 'x');
    expect((await first).key).toEqual(key);
  });

  it.each([
    [{ pattern: '' }],
    [{ pattern: [] }],
    [{ pattern: 'a', events: [] }],
    [{ pattern: 'a', events: '' }],
  ])('%j is rejected at once', (options) => {
    const { pubsub } = connect();
    expect(() => pubsub.keyspace(options as KeyspaceOptions)).toThrow(InvalidArgumentError);
  });

  it('fails if a primary is not configured to publish events', async () => {
    const { pubsub, engine } = connect();
    const [node] = cluster.primaries;
    await cluster.command(node, 'CONFIG', 'SET', 'notify-keyspace-events', 'Ex');
    const off = firstValueFrom(pubsub.keyspace({ pattern: '*' }));
    await expect(off).rejects.toThrow(KeyspaceEventsOffError);
    await expect(off).rejects.toMatchObject({ node: node.name, code: 'KEYSPACE_EVENTS_OFF' });
    await cluster.command(node, 'CONFIG', 'SET', 'notify-keyspace-events', 'KA');
    const on = firstValueFrom(pubsub.keyspace({ pattern: 'on:*' }));
    await pubsub.ready();
    await run(engine, 'set', 'on:1', 'x');
    expect((await on).key).toBe('on:1');
  });

  it('completes on close()', async () => {
    const { pubsub } = connect();
    const seen = collect();
    pubsub.keyspace({ pattern: '*' }).subscribe(seen.observer);
    await pubsub.ready();
    await pubsub.close();
    expect([seen.completed, seen.errors]).toEqual([1, []]);
  });
});

describe('keyspace follows the topology', () => {
  const slot = keySlot('{k}');

  /** Sets keys of the slot until an event of one has come from the node. */
  async function untilToldBy(node: string, engine: ClusterEngine, seen: readonly KeyEvent[]): Promise<void> {
    let i = 0;
    await eventually(
      async () => {
        await run(engine, 'set', `{k}:${node}:${i++}`, 'x').catch(() => {});
        return seen.some((event) => event.node === node && event.key.startsWith(`{k}:${node}:`));
      },
      { timeoutMs: 20_000, intervalMs: 50 },
    );
  }

  it.each([
    ['to a replica that takes over as planned', 'slotMoved'],
    ['to the successor of a primary that is killed', 'connectionLost'],
  ])('%s', async (_, reason) => {
    // no ping is answered meanwhile, so nothing moves on the beginning of the gap
    const { pubsub, engine } = open({ nodes: cluster.seeds }, { heartbeatMs: 600_000 });
    const seen = collect<KeyEvent>();
    const gaps = collect<SubscriptionGap>();
    pubsub.gaps$.subscribe(gaps.observer);
    const subscription = pubsub.keyspace({ pattern: '*' }).subscribe(seen.observer);
    await pubsub.ready();
    const old = await cluster.primaryOfSlot(slot);
    await untilToldBy(old.name, engine, seen.values);
    const before = Date.now();
    if (reason === 'connectionLost') await cluster.kill(old);
    else {
      const replicas = await Promise.all(
        cluster.nodes.map(async (node) => ({
          node,
          role: (await cluster.command(node, 'ROLE')) as unknown[],
        })),
      );
      await cluster.failover(replicas.find(({ role }) => role[2] === old.port)!.node);
    }
    const successor = await eventually(async () => {
      const node = await cluster.primaryOfSlot(slot);
      return node !== old && node.name;
    });
    await untilToldBy(String(successor), engine, seen.values);
    // events may arrive from the successor just before the gap is reported
    const gap = await eventually(() => gaps.values.find(({ node }) => node === old.name) ?? false);
    expect(gap).toMatchObject({ kind: 'keyspace', names: ['*'], reason });
    expect(gap.since).toBeLessThanOrEqual(before);
    expect(gap.until).toBeGreaterThanOrEqual(before);
    if (reason === 'connectionLost') await cluster.restart(old);
    await cluster.waitUntilStable();
    subscription.unsubscribe();
  });

  it('to a primary that joins', async () => {
    const { pubsub, engine } = open({ nodes: cluster.seeds, refreshIntervalMs: 500 }, { heartbeatMs: 200 });
    const seen = collect<KeyEvent>();
    const gaps = collect<SubscriptionGap>();
    pubsub.gaps$.subscribe(gaps.observer);
    const subscription = pubsub.keyspace({ pattern: '*' }).subscribe(seen.observer);
    await pubsub.ready();
    const old = await cluster.primaryOfSlot(slot);
    const added = await cluster.addNode();
    await cluster.migrateSlots([slot], old, added);
    await untilToldBy(added.name, engine, seen.values);
    await eventually(() =>
      expect(gaps.values).toEqual([expect.objectContaining({ node: added.name, reason: 'slotMoved' })]),
    );
    subscription.unsubscribe();
    await cluster.migrateSlots([slot], added, old);
  });
});
