import { ClusterClient, keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';
import { FakeNode } from '../../fake-node.js';

/** Never by itself in the time of a test. */
const NO_REFRESH = { refreshIntervalMs: 2 ** 31 - 1 };

describe('the former primary, after a planned failover', () => {
  it('soon becomes a replica in the topology, and reads from replicas are served meanwhile', async () => {
    const cluster = await LocalCluster.start({ replicasPerPrimary: 1 });
    const client = new ClusterClient({ nodes: cluster.seeds, ...NO_REFRESH });
    // only a write tells it of the failover, as it never asks nodes for their role
    const writer = new ClusterClient({ nodes: cluster.seeds, ...NO_REFRESH });
    let reading = true;
    try {
      await client.connect();
      await writer.connect();
      await client.set('k', 'v');
      const reads = client.with({ readFrom: 'replica' });
      await eventually(async () => (await reads.get('k')) === 'v');
      const reader = (async () => {
        let served = 0;
        for (; reading; served++) await reads.exists('k');
        return served;
      })();
      for (let round = 0; round < 4; round++) {
        const shard = client.topology.shardForSlot(keySlot('k'));
        const [primary, replica] = [shard?.primary, shard?.replicas[0]];
        await cluster.failover(replica?.name as string);
        await Promise.all([client.set('k', 'v'), writer.set('k', 'v')]);
        await eventually(() => {
          for (const { topology } of [client, writer]) {
            const now = topology.shardForSlot(keySlot('k'));
            expect(now?.primary.name).toBe(replica?.name);
            expect(now?.replicas.map(({ name }) => name)).toEqual([primary?.name]);
          }
        });
        await cluster.waitUntilStable();
      }
      reading = false;
      expect(await reader).toBeGreaterThan(0);
    } finally {
      reading = false;
      await Promise.all([client.close(), writer.close()]);
      await cluster.stop();
    }
  });

  describe('is queried again', () => {
    let [one, two]: FakeNode[] = [];
    let failedOver = false;
    beforeEach(async () => {
      failedOver = false;
      [one, two] = [await FakeNode.start(), await FakeNode.start()];
    });
    afterEach(() => Promise.all([one.stop(), two.stop()]));

    const entry = ({ host, port }: FakeNode): string =>
      `*3\r\n$${host.length}\r\n${host}\r\n:${port}\r\n$40\r\n${String(port).padStart(40, '0')}\r\n`;
    const view = (primary: FakeNode, ...replicas: FakeNode[]): string =>
      `*1\r\n*${3 + replicas.length}\r\n:0\r\n:16383\r\n${[primary, ...replicas].map(entry).join('')}`;

    /** Two nodes that exchange their roles. The first views after that are from a moment before it is known. */
    const clientOf = (firstViews: () => string): ClusterClient => {
      let views = 0;
      const answer =
        (self: FakeNode) =>
        ([name, word]: readonly string[]): string | undefined => {
          const command = name.toLowerCase();
          if (command === 'cluster' && word === 'SLOTS') {
            if (!failedOver) return view(one, two);
            return views++ < 4 ? firstViews() : view(two, one);
          }
          if (command === 'set' && failedOver && self === one) return `-MOVED 0 ${two.name}\r\n`;
          return undefined;
        };
      for (const node of [one, two]) node.become(answer(node));
      return new ClusterClient({ nodes: [one, two], ...NO_REFRESH });
    };

    const exchanged = (client: ClusterClient): Promise<unknown> =>
      eventually(() => {
        expect(client.topology.primaries.map(({ name }) => name)).toEqual([two.name]);
        expect(client.topology.replicas.map(({ name }) => name)).toEqual([one.name]);
      });

    it('if the first view is from the middle of the failover', async () => {
      await using client = clientOf(() => view(two));
      await client.connect();
      failedOver = true;
      const read = client.set('k', 'v').then(() => client.with({ readFrom: 'replica' }).get('k'));
      await exchanged(client);
      expect(await read).toBe('OK');
    });

    it('if the first view is from before the failover', async () => {
      await using client = clientOf(() => view(one, two));
      await client.connect();
      failedOver = true;
      expect(await client.set('k', 'v')).toBe('OK');
      await exchanged(client);
    });
  });
});
