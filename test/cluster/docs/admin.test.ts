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
    expect(blocks).toHaveLength(3);
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

  it('moves a slot', async () => {
    const slot = keySlot('{moving}');
    const from = cluster.topology.nodeForSlot(slot)!;
    const to = cluster.topology.primaries.find((node) => node !== from)!;
    const keys = Array.from({ length: 250 }, (_, i) => `{moving}${i}`);
    await cluster.mset(keys.flatMap((key) => [key, key]));

    await cluster.admin.setSlot(to, slot, 'IMPORTING', from);
    await cluster.admin.setSlot(from, slot, 'MIGRATING', to);
    for (;;) {
      const batch = await cluster.admin.getKeysInSlotBuffer(slot, 100);
      if (batch.length === 0) break;
      await cluster.target(from).migrate(to.host, to.port, '', 0, 5_000, 'KEYS', ...batch);
    }
    await cluster.admin.setSlot(to, slot, 'NODE', to);
    await cluster.admin.setSlot(from, slot, 'NODE', to);

    expect(await cluster.mget(keys)).toEqual(keys);
    await eventually(() => cluster.topology.nodeForSlot(slot)?.id === to.id);
    expect(await cluster.admin.countKeysInSlot(slot)).toBe(250);
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
