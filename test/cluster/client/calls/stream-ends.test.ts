import { ClusterClient } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

describe('a reader of streams that starts at $', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let keys = 0;
  const newKey = (): string => `{${shared.keyspace}}${keys++}`;
  const entry = (id: string): [string, string[]] => [id, ['f', 'v']];
  const add = (through: ClusterClient, key: string, id: string): Promise<string | null> =>
    through.xadd(key, id, 'f', 'v');

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  it('receives entries that are added after its call, even if its connection is opened later', async () => {
    await using reader = new ClusterClient({ nodes: shared.nodes });
    await reader.connect();
    const [old, fresh] = [newKey(), newKey()];
    await add(client, old, '1-0');
    const read = reader.xread('BLOCK', 5_000, 'STREAMS', old, fresh, '$', '$');
    await Promise.all([add(reader, old, '2-0'), add(reader, fresh, '1-0')]);
    expect(await read).toEqual([
      [old, [entry('2-0')]],
      [fresh, [entry('1-0')]],
    ]);
  });

  it('leaves other positions unchanged, also with a key prefix and for Buffers', async () => {
    await using reader = new ClusterClient({ nodes: shared.nodes, keyPrefix: 'app:' });
    const [old, fresh] = [newKey(), newKey()];
    await add(reader, old, '1-0');
    await add(reader, fresh, '1-0');
    const read = reader.xread('BLOCK', 5_000, 'STREAMS', Buffer.from(old), fresh, '0', Buffer.from('$'));
    expect(await read).toEqual([[`app:${old}`, [entry('1-0')]]]);
  });

  it('misses nothing if its connection is lost while it waits', async () => {
    const clientName = newKey();
    await using reader = new ClusterClient({ nodes: shared.nodes, clientName });
    const key = newKey();
    const read = reader.xread('BLOCK', 0, 'STREAMS', key, '$');
    const node = client.target(client.topology.nodeForKey(key)!);
    const id = (await eventually(async () => {
      const list = String(await node.call('CLIENT', 'LIST')).split('\n');
      const blocked = list.find(
        (line) => line.includes(`name=leased:${clientName} `) && /flags=b/.test(line),
      );
      return blocked === undefined ? false : /\bid=(\d+)/.exec(blocked)![1];
    })) as string;
    // both leave in one write, so the entry is there before the reader can be back
    await Promise.all([node.call('CLIENT', 'KILL', 'ID', id), add(client, key, '1-0')]);
    expect(await read).toEqual([[key, [entry('1-0')]]]);
  });

  it('receives the error of the server about a wrong key', async () => {
    const key = newKey();
    await client.set(key, 'text');
    await expect(client.xread('BLOCK', 10, 'STREAMS', key, '$')).rejects.toMatchObject({ code: 'WRONGTYPE' });
    expect(await client.xread('BLOCK', 1, 'STREAMS', newKey(), '$')).toBeNull();
  });
});
