import { BackpressureError, ClusterClient } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

const shared = sharedCluster();
const MIB = 1024 * 1024;

describe('what may wait for one node', () => {
  const clients: ClusterClient[] = [];
  let names = 0;
  const key = (): string => `{${shared.keyspace}room}${names++}`;
  const bounded = (commands: number, bytes = 64 * MIB): ClusterClient => {
    const client = new ClusterClient({
      nodes: shared.nodes,
      maxPendingPerNode: { commands, bytes },
      deadlineMs: 60_000,
    });
    clients.push(client);
    return client;
  };

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  it('has room for one large command beside many small ones, and for no second', async () => {
    const client = bounded(1_000, MIB);
    await client.connect();
    const [large, second, small] = [key(), key(), key()];
    const written = client.set(large, 'x'.repeat(2 * MIB));
    const refused = client.set(second, 'x'.repeat(2 * MIB)).catch((error: unknown) => error);
    const others = Promise.all(Array.from({ length: 100 }, () => client.append(small, 'y')));
    expect(await written).toBe('OK');
    expect(await refused).toBeInstanceOf(BackpressureError);
    expect((await others).at(-1)).toBe(100);
    expect(await client.set(second, 'x'.repeat(2 * MIB))).toBe('OK');
    await client.del(large, second);
  });
});
