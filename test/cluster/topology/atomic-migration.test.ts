import { ClusterClient, InvalidArgumentError, keySlot, UnsupportedServerFeatureError } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';

/** How servers that move slots in one step are told to; the node it is said to comes first. */
const WAYS: Readonly<
  Record<string, (from: LocalNode, to: LocalNode, slot: string) => [LocalNode, ...string[]]>
> = {
  'cluster|migration': (_, to, slot) => [to, 'MIGRATION', 'IMPORT', slot, slot], // Redis 8.4
  'cluster|migrateslots': (from, to, slot) => [from, 'MIGRATESLOTS', 'SLOTSRANGE', slot, slot, 'NODE', to.id], // Valkey 9
};

describe('a slot that moves in one step', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  let ways: string[];

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    client = new ClusterClient({ nodes: cluster.seeds });
    const names = ((await client.command('LIST')) as string[]).map((name) => name.toLowerCase());
    ways = Object.keys(WAYS).filter((name) => names.includes(name));
  });
  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  it('is followed under load, there and back, or rejected by a server without the feature', async () => {
    const slot = keySlot('k');
    const owner = await cluster.primaryOfSlot(slot);
    const other = cluster.primaries.find((node) => node !== owner)!;
    for (const name of Object.keys(WAYS).filter((way) => !ways.includes(way))) {
      const [node, ...words] = WAYS[name](owner, other, String(slot));
      await expect(
        client.target(client.topology.node(node.name)!).call('CLUSTER', ...words),
      ).rejects.toMatchObject({ code: 'ERR' });
    }
    expect(await cluster.primaryOfSlot(slot)).toBe(owner);

    await client.mset(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`{k}${i}`, i])));
    const heard: unknown[] = [];
    client.pubsub.sharded('k').subscribe(({ payload }) => heard.push(payload));
    await client.pubsub.ready();
    let counted = 1;
    let loaded = true;
    await client.set('{k}n', counted);
    const load = async (): Promise<void> => {
      while (loaded) {
        const [[error]] = await client.pipeline().incr('{k}n').get('{k}1').exec();
        if (error) throw error;
        await client.multi().incr('{k}n').get('{k}2').exec();
        counted += 2;
      }
    };
    const loads = Promise.all([load(), load(), load()]);
    try {
      for (const name of ways) {
        for (const [from, to] of [
          [owner, other],
          [other, owner],
        ]) {
          const [node, ...words] = WAYS[name](from, to, String(slot));
          await eventually(async () => {
            // a node may not have heard yet of the move before
            await client.target(client.topology.node(node.name)!).call('CLUSTER', ...words);
          });
          await eventually(async () => (await cluster.primaryOfSlot(slot)) === to);
          const before = counted;
          await eventually(() => counted > before + 20);
          expect(client.topology.nodeForSlot(slot)?.id).toBe(to.id);
        }
      }
    } finally {
      loaded = false;
    }
    await loads;
    expect(await client.get('{k}n')).toBe(String(counted));
    expect(await client.mget(['{k}0', '{k}499'])).toEqual(['0', '499']);
    await eventually(async () => {
      await client.pubsub.publishSharded('k', 'still here');
      return heard.length > 0;
    });
  });

  it('is moved by a local cluster, or rejected by one whose servers cannot do so', async () => {
    const slot = keySlot('local');
    const from = await cluster.primaryOfSlot(slot);
    const to = cluster.primaries.find((node) => node !== from)!;
    const names = Array.from({ length: 300 }, (_, i) => `{local}${i}`);
    await client.mset(Object.fromEntries(names.map((name) => [name, name])));
    await expect(cluster.migrateSlotsAtomically([16_384], from, to)).rejects.toBeInstanceOf(
      InvalidArgumentError,
    );
    const move = cluster.migrateSlotsAtomically([[slot, slot], slot], from, to);
    if (ways.length > 0) await move;
    else await expect(move).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
    expect(await cluster.primaryOfSlot(slot)).toBe(ways.length > 0 ? to : from);
    expect(await client.mget(names)).toEqual(names);
  });
});
