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
    let reading = true;
    try {
      await client.connect();
      await client.set('k', 'v');
      const reads = client.with({ readFrom: 'replica' });
      await eventually(async () => (await reads.get('k')) === 'v');
      const reader = (async () => {
        let served = 0;
        for (; reading; served++) await reads.exists('k');
        return served;
      })();
      for (let round = 0; round < 6; round++) {
        const shard = client.topology.shardForSlot(keySlot('k'));
        const [primary, replica] = [shard?.primary, shard?.replicas[0]];
        await cluster.failover(replica?.name as string);
        await client.set('k', 'v');
        await eventually(() => {
          const now = client.topology.shardForSlot(keySlot('k'));
          expect(now?.primary.name).toBe(replica?.name);
          expect(now?.replicas.map(({ name }) => name)).toEqual([primary?.name]);
        });
        await cluster.waitUntilStable();
      }
      reading = false;
      expect(await reader).toBeGreaterThan(0);
    } finally {
      reading = false;
      await client.close();
      await cluster.stop();
    }
  });

  it('is queried again if the first view is from the middle of the failover', async () => {
    const [one, two] = [await FakeNode.start(), await FakeNode.start()];
    const entry = ({ host, port }: FakeNode): string =>
      `*3\r\n$${host.length}\r\n${host}\r\n:${port}\r\n$40\r\n${String(port).padStart(40, '0')}\r\n`;
    const view = (primary: FakeNode, ...replicas: FakeNode[]): string =>
      `*1\r\n*${3 + replicas.length}\r\n:0\r\n:16383\r\n${[primary, ...replicas].map(entry).join('')}`;
    let failedOver = false;
    let incomplete = 0;
    const answer =
      (self: FakeNode) =>
      ([name, word]: readonly string[]): string | undefined => {
        const command = name.toLowerCase();
        if (command === 'cluster' && word === 'SLOTS') {
          if (!failedOver) return view(one, two);
          return incomplete++ < 4 ? view(two) : view(two, one);
        }
        if (command === 'set' && failedOver && self === one) return `-MOVED 0 ${two.name}\r\n`;
        return undefined;
      };
    one.become(answer(one));
    two.become(answer(two));
    const client = new ClusterClient({ nodes: [one, two], ...NO_REFRESH });
    try {
      await client.connect();
      failedOver = true;
      const read = client.set('k', 'v').then(() => client.with({ readFrom: 'replica' }).get('k'));
      await eventually(() => {
        expect(client.topology.primaries.map(({ name }) => name)).toEqual([two.name]);
        expect(client.topology.replicas.map(({ name }) => name)).toEqual([one.name]);
      });
      expect(await read).toBe('OK');
    } finally {
      await client.close();
      await Promise.all([one.stop(), two.stop()]);
    }
  });
});
