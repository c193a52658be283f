import type { LocalCluster } from 'keyslot/testing';
import { type ClusterMessage, keySlot, ReplyError, type SubscriptionGap } from 'keyslot';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';
import { collect, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
breakableCluster(
  {
    primaries: 2,
    replicasPerPrimary: 0,
    tls: true,
    // or a node without slots would become a replica, and stay
    config: { 'cluster-allow-replica-migration': 'no' },
    users: {
      app: 'on >s3cret-app ~* resetchannels &open:* &{open}:* +@all',
      plain: 'on >s3cret-plain ~* &* +@all -ping',
    },
  },
  (whole) => void (cluster = whole),
);

const connect = (username: string, heartbeatMs = 100): ReturnType<typeof open> =>
  open(
    {
      nodes: cluster.seeds,
      username,
      password: `s3cret-${username}`,
      tls: { ca: cluster.tls?.ca },
      refreshIntervalMs: 300,
    },
    { heartbeatMs },
  );

describe.each(['channel', 'sharded'] as const)('a %s that the user may not subscribe to', (kind) => {
  it('fails, and the other channels of the same command do not', async () => {
    const { pubsub } = connect('app');
    const allowed = ['{open}:1', '{open}:2', '{open}:3'];
    const seen = collect<ClusterMessage>();
    for (const channel of allowed) pubsub[kind](channel).subscribe(seen.observer);
    const denied = collect();
    // the same slot, so that a sharded one goes with the same command
    pubsub[kind](['{open}:4', 'closed:{open}']).subscribe(denied.observer);
    await expect(pubsub.ready()).rejects.toThrow(ReplyError);
    expect(denied.errors).toEqual([expect.objectContaining({ code: 'NOPERM' })]);
    await pubsub.ready();
    await eventually(async () =>
      expect(
        (await (kind === 'channel' ? pubsub.channels('*') : pubsub.shardChannels('*'))).toSorted(),
      ).toEqual(allowed),
    );
    for (const channel of allowed) {
      await (kind === 'channel' ? pubsub.publish(channel, channel) : pubsub.publishSharded(channel, channel));
    }
    await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual(allowed));
    expect(String(denied.errors[0])).not.toMatch(/s3cret/);
  });
});

it.each(['channel', 'sharded'] as const)(
  'a %s that the user may no longer subscribe to fails',
  async (kind) => {
    const everywhere = (...rules: string[]): Promise<unknown> =>
      Promise.all(cluster.nodes.map((node) => cluster.command(node, 'ACL', 'SETUSER', 'app', ...rules)));
    const { pubsub } = connect('app');
    const [lost, kept] = [collect<ClusterMessage>(), collect<ClusterMessage>()];
    pubsub[kind]('open:lost').subscribe(lost.observer);
    pubsub[kind]('{open}:kept').subscribe(kept.observer);
    await pubsub.ready();
    const say = (channel: string): Promise<unknown> =>
      kind === 'channel' ? pubsub.publish(channel, 1) : pubsub.publishSharded(channel, 1);
    try {
      // whoever listens to what is not allowed any more is cut off by the server
      await everywhere('resetchannels', '&{open}:*');
      await eventually(() => expect(lost.errors).toEqual([expect.objectContaining({ code: 'NOPERM' })]));
      await eventually(() => say('{open}:kept').then(() => kept.values.length > 0));
      expect(kept.errors).toEqual([]);
    } finally {
      await everywhere('&open:*');
    }
    const anew = collect<ClusterMessage>();
    pubsub[kind]('open:lost').subscribe(anew.observer);
    await eventually(() => say('open:lost').then(() => anew.values.length > 0));
  },
);

it('a pattern that the user may not subscribe to fails', async () => {
  const { pubsub } = connect('app');
  const denied = collect();
  pubsub.pattern('*').subscribe(denied.observer);
  await expect(pubsub.ready()).rejects.toMatchObject({ code: 'NOPERM' });
  expect(denied.errors).toHaveLength(1);
  await expect(pubsub.publish('closed', 1)).rejects.toMatchObject({ code: 'NOPERM' });
});

it.each([
  ['channel', /cmdstat_ping:.*rejected_calls=(\d+)/],
  ['sharded', /cmdstat_hello:calls=(\d+)/],
] as const)('a user without permission for PING keeps a %s', async (kind, heartbeats) => {
  const { pubsub, engine } = connect('plain', 1_000);
  const gaps = collect<SubscriptionGap>();
  pubsub.gaps$.subscribe(gaps.observer);
  const seen = collect<ClusterMessage>();
  pubsub[kind]('stays').subscribe(seen.observer);
  await pubsub.ready();
  const node = engine.topology.nodeForKey('stays')?.name ?? '';
  const beats = async (): Promise<number> =>
    Number(heartbeats.exec(String(await cluster.command(node, 'INFO', 'commandstats')))?.[1] ?? 0);
  const before = await beats();
  await eventually(async () => (await beats()) > before + 5);
  await (kind === 'channel' ? pubsub.publish('stays', 1) : pubsub.publishSharded('stays', 1));
  await eventually(() => expect(seen.values).toHaveLength(1));
  expect(gaps.values).toEqual([]);
});

it('a subscription on a node that leaves the cluster moves to another node, and reports a gap', async () => {
  const [first] = cluster.primaries;
  const slot = keySlot('{leaving}');
  const owner = await cluster.primaryOfSlot(slot);
  const added = await cluster.addNode();
  await cluster.migrateSlots([slot], owner, added);
  // on a busy machine, a node is silent for a while
  const { pubsub, engine } = connect('plain', 10_000);
  const gaps = collect<SubscriptionGap>();
  pubsub.gaps$.subscribe(gaps.observer);
  const seen = collect<ClusterMessage>();
  await engine.connect();
  expect(engine.topology.nodeForSlot(slot)?.name).toBe(added.name);
  pubsub.channel('{leaving}').subscribe(seen.observer);
  await pubsub.ready();
  expect(await cluster.command(added, 'PUBSUB', 'NUMSUB', '{leaving}')).toEqual(['{leaving}', 1]);
  await cluster.migrateSlots([slot], added, first);
  await eventually(() => expect(gaps.values).toHaveLength(1), { timeoutMs: 15_000 });
  expect(gaps.values[0]).toMatchObject({ node: added.name, reason: 'nodeLeft', names: ['{leaving}'] });
  await cluster.removeNode(added);
  await pubsub.publish('{leaving}', 'after');
  await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual(['after']));
});
