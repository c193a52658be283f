import { readFileSync } from 'node:fs';
import { ClusterClient, keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/admin.md', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;
  let shown: unknown[];
  const console = { log: (...values: unknown[]) => void shown.push(values) };

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 2 });
    cluster = new ClusterClient({ nodes: local.seeds });
    await cluster.connect();
  });

  beforeEach(() => void (shown = []));

  afterAll(async () => {
    await cluster?.close();
    await local?.stop();
  });

  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/admin.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks).toHaveLength(4);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('inspects a cluster', async () => {
    const { state, slotsAssigned, size } = await cluster.admin.info();
    console.log(state, slotsAssigned, size); // ok 16384 2

    for (const { name, role, flags, slots } of await cluster.admin.nodes()) {
      console.log(name, role, flags.has('fail'), slots); // 127.0.0.1:7000 primary false [[0, 8191]]
    }

    expect(shown[0]).toEqual(['ok', 16_384, 2]);
    expect(shown).toContainEqual([local.nodes[0].name, 'primary', false, [[0, 8191]]]);
    expect(shown).toHaveLength(5);
  });

  it('moves slots', async () => {
    const slot = 4711;
    const to = cluster.topology.primaries.find((node) => node !== cluster.topology.nodeForSlot(slot))!;
    const key = Array.from({ length: 200_000 }, (_, i) => `key${i}`).find((each) => keySlot(each) === slot)!;
    await cluster.set(key, 'value');

    await cluster.admin.migrateSlots(
      { slots: [[0, 99], 4711], to },
      {
        onProgress: ({ slots, totalSlots, keys }) =>
          console.log(`${slots} of ${totalSlots} slots, ${keys} keys`),
      },
    );

    expect(shown.at(-1)).toEqual(['101 of 101 slots, 1 keys']);
    expect(await cluster.get(key)).toBe('value');
    await eventually(() => cluster.topology.nodeForSlot(slot)?.id === to.id);
  });

  it('plans how to share the load', async () => {
    const plan = await cluster.admin.rebalance({ dryRun: true });
    for (const { from, to, slots, load } of plan.moves) console.log(from.name, to.name, slots, load);

    expect(shown).toEqual(plan.moves.map(({ from, to, slots, load }) => [from.name, to.name, slots, load]));
    expect(plan.loads.size).toBe(2);
  });

  it('performs a failover', async () => {
    const [primary] = cluster.topology.primaries;

    const [replica] = await cluster.admin.replicas(primary);
    await cluster.admin.failover(replica);

    await eventually(() => cluster.topology.nodeForSlot(primary.slots[0][0])?.id === replica.id);
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
