import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { type ClusterMessage, keySlot, type SubscriptionGap } from 'keyslot';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { collect, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
breakableCluster({}, (whole) => void (cluster = whole));

/** Sharded channels that nothing happens to, on every node. */
const STAYING = Array.from({ length: 30 }, (_, i) => `stay:${i}`);
const stayingSlots = new Set(STAYING.map((name) => keySlot(name)));

/** Names whose slots none of the channels that stay has. */
const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count * 2 }, (_, i) => `${prefix}:${i}`)
    .filter((name) => !stayingSlots.has(keySlot(name)))
    .slice(0, count);

/** Subscribes to the channels that stay. */
async function subscribed() {
  const { pubsub } = open({ nodes: cluster.seeds });
  const gaps = collect<SubscriptionGap>();
  const stayed = collect<ClusterMessage<number>>();
  pubsub.gaps$.subscribe(gaps.observer);
  pubsub.sharded<number>(STAYING).subscribe(stayed.observer);
  await pubsub.ready();
  return { pubsub, gaps, stayed };
}

const primaries = (): Promise<LocalNode[]> =>
  Promise.all([0, 5_461, 16_383].map((one) => cluster.primaryOfSlot(one)));

/** Prepares the move of an empty slot; the function that it gives makes the source let go of it. */
async function prepareMove(slot: number): Promise<() => Promise<unknown>> {
  const from = await cluster.primaryOfSlot(slot);
  const to = (await primaries()).find((primary) => primary !== from) as LocalNode;
  // waits for the epochs: a slot that moves too soon after another one may end up without an owner
  await cluster.beginSlotMigration(slot, from, to);
  await cluster.command(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
  return () => cluster.command(from, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}

/** Makes all primaries say that a node owns a slot. */
const assign = async (slot: number, owner: LocalNode): Promise<unknown> =>
  Promise.all(
    (await primaries()).map((node) => cluster.command(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', owner.id)),
  );

describe('sharded channels whose slot does not move', () => {
  it('are not affected when others are unsubscribed while their slot moves', async () => {
    const { pubsub, gaps, stayed } = await subscribed();
    const going = names('go', 15);
    for (const name of going) {
      const subscription = pubsub.sharded(name).subscribe();
      await pubsub.ready(name);
      const move = await prepareMove(keySlot(name));
      const moved = move();
      subscription.unsubscribe();
      await moved;
    }
    await Promise.all(STAYING.map((name, i) => pubsub.publishSharded(name, i)));
    await eventually(() => expect(stayed.values).toHaveLength(STAYING.length));
    expect(gaps.values.flatMap((gap) => gap.names).filter((name) => STAYING.includes(String(name)))).toEqual(
      [],
    );
    // what was unsubscribed can be subscribed to again, at the slot's new primary
    await cluster.waitUntilStable();
    const again = collect<ClusterMessage<string>>();
    pubsub.sharded<string>(going).subscribe(again.observer);
    await pubsub.ready();
    await Promise.all(going.map((name) => pubsub.publishSharded(name, name)));
    await eventually(() =>
      expect(again.values.map(({ payload }) => payload).toSorted()).toEqual(going.toSorted()),
    );
  });

  it('are subscribed again if they are wanted again at the same moment', async () => {
    const { pubsub, gaps } = await subscribed();
    for (const name of names('anew', 8)) {
      const subscription = pubsub.sharded(name).subscribe();
      await pubsub.ready(name);
      const moved = (await prepareMove(keySlot(name)))();
      subscription.unsubscribe();
      const again = collect<ClusterMessage<string>>();
      pubsub.sharded<string>(name).subscribe(again.observer);
      await moved;
      await eventually(async () => {
        await pubsub.ready(name);
        await pubsub.publishSharded(name, 'here');
        expect(again.values.length).toBeGreaterThan(0);
      });
    }
    expect(gaps.values.flatMap((gap) => gap.names).filter((name) => STAYING.includes(String(name)))).toEqual(
      [],
    );
  });

  it('have no gap when a slot of their primary moves', async () => {
    const { pubsub, gaps } = await subscribed();
    const moving = names('move', 3);
    pubsub.sharded(moving).subscribe();
    await pubsub.ready();
    for (const name of moving) await (await prepareMove(keySlot(name)))();
    await eventually(() =>
      expect(gaps.values.flatMap((gap) => gap.names)).toEqual(expect.arrayContaining(moving)),
    );
    expect(new Set(gaps.values.flatMap((gap) => gap.names))).toEqual(new Set(moving));
  });

  it('have no gap when another shard has a planned failover', async () => {
    const { pubsub, gaps } = await subscribed();
    const slot = keySlot(STAYING[0]);
    const old = await cluster.primaryOfSlot(slot);
    const owners = await Promise.all(
      STAYING.map(async (name) => [name, await cluster.primaryOfSlot(keySlot(name))] as const),
    );
    const concerned = new Set<unknown>(owners.filter(([, owner]) => owner === old).map(([name]) => name));
    const replica = await eventually(async () => {
      for (const node of cluster.nodes) {
        const role = (await cluster.command(node, 'ROLE')) as unknown[];
        if (role[0] === 'slave' && role[2] === old.port) return node;
      }
      throw new Error(`No replica follows ${old.name}`);
    });
    await cluster.failover(replica);
    await eventually(async () => {
      await pubsub.ready();
      expect(await pubsub.publishSharded(STAYING[0], 1)).toBeGreaterThan(0);
    });
    expect(gaps.values.flatMap((gap) => gap.names).filter((name) => !concerned.has(name))).toEqual([]);
  });
});

describe('a sharded channel whose slot two nodes ascribe to each other', () => {
  it('is asked for at growing intervals, and subscribed once they agree', async () => {
    const { pubsub } = open({ nodes: cluster.seeds }, { heartbeatMs: 100 });
    const [name] = names('disputed', 1);
    const slot = keySlot(name);
    const [one, other, third] = await primaries();
    await cluster.command(one, 'CLUSTER', 'SETSLOT', slot, 'NODE', other.id);
    await cluster.command(other, 'CLUSTER', 'SETSLOT', slot, 'NODE', one.id);
    for (const node of [one, other, third]) await cluster.command(node, 'CONFIG', 'RESETSTAT');
    /** The sum of a figure of INFO commandstats on some nodes. */
    const statistic = async (figure: RegExp, ...nodes: LocalNode[]): Promise<number> => {
      const reports = await Promise.all(nodes.map((node) => cluster.command(node, 'INFO', 'commandstats')));
      return reports.reduce((sum: number, report) => sum + Number(figure.exec(String(report))?.[1] ?? 0), 0);
    };
    const received = collect<ClusterMessage<number>>();
    pubsub.sharded<number>(name).subscribe(received.observer);
    let quiet = 0;
    while ((await cluster.primaryOfSlot(keySlot(`quiet-${quiet}`))) !== third) quiet++;
    pubsub.sharded(`quiet-${quiet}`).subscribe();
    // the heartbeat of a link without messages is a HELLO each 100 ms
    await eventually(async () => (await statistic(/cmdstat_hello:calls=(\d+)/, third)) >= 40);
    expect(await statistic(/cmdstat_ssubscribe:.*rejected_calls=(\d+)/, one, other)).toBeLessThan(60);
    await eventually(async () => {
      await assign(slot, one);
      expect(await cluster.primaryOfSlot(slot)).toBe(one);
    });
    await pubsub.ready();
    await pubsub.publishSharded(name, 7);
    await eventually(() => expect(received.values.map(({ payload }) => payload)).toEqual([7]));
  });
});

describe('ready(names)', () => {
  it('waits for a name of every kind of subscription, and rejects unknown names', async () => {
    const { pubsub } = open({ nodes: cluster.seeds });
    const subscriptions = [pubsub.channel('one'), pubsub.sharded('one'), pubsub.pattern('one')].map(
      (messages) => messages.subscribe(),
    );
    await pubsub.ready('one');
    expect((await pubsub.numsub('one')).get('one')).toBe(1);
    expect((await pubsub.shardNumsub('one')).get('one')).toBe(1);
    subscriptions.slice(1).forEach((subscription) => subscription.unsubscribe());
    await pubsub.ready(['one']);
    subscriptions[0].unsubscribe();
    await expect(pubsub.ready('one')).rejects.toThrow('Nothing is subscribed to "one"');
  });
});
