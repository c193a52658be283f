import { ClusterClient } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

/** What one caller sends to a slot arrives in the order of the calls. */
describe('order of calls in one slot', () => {
  let local: LocalCluster;

  beforeAll(async () => {
    // stands for a command of a module, which the client does not know
    local = await LocalCluster.start({
      primaries: 2,
      replicasPerPrimary: 0,
      config: { 'rename-command': 'APPEND MYAPPEND' },
    });
  });

  afterAll(() => local?.stop());

  it('holds for commands that are not in the table yet', async () => {
    const client = new ClusterClient({ nodes: local.seeds });
    try {
      await client.connect();
      await Promise.all([1, 2, 3].map((value) => client.call('myappend', 'unknown', value)));
      expect(await client.get('unknown')).toBe('123');
    } finally {
      await client.close();
    }
  });

  it('holds for calls over several slots that wait for the connection', async () => {
    const client = new ClusterClient({ nodes: local.seeds });
    try {
      const replies = await Promise.all([client.set('a', 1), client.del('a', 'b'), client.set('a', 2)]);
      expect(replies).toEqual(['OK', 1, 'OK']);
      expect(await client.get('a')).toBe('2');
    } finally {
      await client.close();
    }
  });
});
