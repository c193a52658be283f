import { LocalCluster } from 'keyslot/testing';
import { type KeyEvent, keySlot, type SubscriptionGap } from 'keyslot';
import { eventually } from '../../cluster-fixture.js';
import { collect, NumberPublisher, pubsubFactory } from './fixture.js';

const open = pubsubFactory();
let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start({
    replicasPerPrimary: 1,
    nodeTimeoutMs: 1_000,
    config: { 'notify-keyspace-events': 'KA' },
  });
});
afterAll(() => cluster.stop());

it('delivers every keyspace event once outside of gaps, through planned failovers', async () => {
  const { pubsub, engine } = open({ nodes: cluster.seeds, deadlineMs: 10_000 });
  const seen = collect<KeyEvent>();
  const gaps = collect<SubscriptionGap>();
  pubsub.gaps$.subscribe(gaps.observer);
  pubsub.keyspace({ pattern: '{k}*', events: 'set' }).subscribe(seen.observer);
  await pubsub.ready();
  const writer = new NumberPublisher((number) =>
    engine.run('set', [`{k}${number}`, 'x'], engine.options, { buffers: false }),
  );
  for (let failover = 1; failover <= 3; failover++) {
    await cluster.waitUntilStable();
    const old = await cluster.primaryOfSlot(keySlot('{k}'));
    const replica = await eventually(async () => {
      for (const node of cluster.nodes) {
        const role = (await cluster.command(node, 'ROLE')) as unknown[];
        if (role[0] === 'slave' && role[2] === old.port) return node;
      }
      throw new Error(`No replica follows ${old.name}`);
    });
    await cluster.failover(replica);
    // the events of the new primary, well after the topology has been read anew
    await eventually(() => {
      expect(engine.topology.node(old.name)?.role).toBe('replica');
      expect(gaps.values.length).toBeGreaterThanOrEqual(failover);
      const { until } = gaps.values.at(-1) as SubscriptionGap;
      const after = seen.values.filter(({ node, receivedAt }) => node === replica.name && receivedAt > until);
      expect(after.length).toBeGreaterThan(200);
    });
  }
  await writer.stop();
  const last = `{k}${writer.published.findLast(({ acknowledged }) => acknowledged)?.number}`;
  await eventually(() => expect(seen.values.some(({ key }) => key === last)).toBe(true));
  const numbers = seen.values.map(({ key }) => Number(key.slice('{k}'.length)));
  const { doubled, lost } = writer.account(numbers, gaps.values);
  expect({ doubled: doubled.length, lost: lost.length }).toEqual({ doubled: 0, lost: 0 });
});
