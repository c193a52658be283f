import { firstValueFrom } from 'rxjs';
import {
  ClusterClient,
  ClusterEntity,
  createRepositories,
  keySlot,
  PrimaryKey,
  Property,
  UnsupportedServerFeatureError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { FakeNode } from '../../../fake-node.js';

@ClusterEntity({ name: 'notes' })
class Note {
  @PrimaryKey() id!: string;
  @Property() text!: string;
}

describe('the option database', () => {
  it('selects the database on every connection, and again after a loss', async () => {
    const selected: string[] = [];
    const node = await FakeNode.start((request, socket) => {
      if (request[0] !== 'SELECT') return undefined;
      selected.push(`${request[1]} on ${socket.remotePort}`);
      return '+OK\r\n';
    });
    const client = new ClusterClient({ nodes: [node], database: 5 });
    try {
      await client.connect();
      await client.set('a', 1);
      expect(selected).toHaveLength(1);
      client.pubsub.channel('news').subscribe();
      void client.blpop('list', 1).catch(() => {});
      await eventually(() => selected.length >= 3);
      node.cut();
      await eventually(async () => {
        await client.set('a', 2);
        return selected.length >= 5;
      });
      expect(selected.every((text) => text.startsWith('5 on '))).toBe(true);
      expect(new Set(selected).size).toBe(selected.length);
    } finally {
      client.disconnect();
      await node.stop();
    }
  });

  it('is taken from the names and URLs of ioredis, and kept by copies', () => {
    const client = ClusterClient.fromUrl('redis://127.0.0.1:7000?database=3', { lazyConnect: true });
    expect(client.options.redisOptions.db).toBe(3);
    expect(client.duplicate().options.redisOptions.db).toBe(3);
    expect(client.duplicate([], { redisOptions: { db: 4 } }).options.redisOptions.db).toBe(4);
    expect(new ClusterClient({ lazyConnect: true }).options.redisOptions.db).toBe(0);
  });
});

describe('a cluster and a client with a database', () => {
  let plain: LocalCluster;
  /** Has several databases, if this server can have them. */
  let several: LocalCluster | undefined;

  beforeAll(async () => {
    plain = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
    const info = String(await plain.command(plain.primaries[0], 'INFO', 'server'));
    const valkey = /^valkey_version:(\d+)/m.exec(info)?.[1];
    if (Number(valkey ?? 0) < 9) return;
    several = await LocalCluster.start({
      primaries: 2,
      replicasPerPrimary: 1,
      config: { 'cluster-databases': '4', 'notify-keyspace-events': 'KA' },
    });
  });

  afterAll(() => Promise.all([plain?.stop(), several?.stop()]));

  it('sees only its database, or is refused at once if the servers do not have it', async () => {
    for (const protocol of [2, 3] as const) {
      const client = new ClusterClient({ nodes: plain.seeds, database: 3, protocol });
      const begun = client.connect();
      await expect(begun).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
      await expect(begun).rejects.toMatchObject({
        code: 'UNSUPPORTED_SERVER_FEATURE',
        message: expect.stringMatching(/^Option database: 3 needs .*Valkey 9.*cluster-databases/),
      });
      await expect(client.get('a')).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
      await client.close();
    }
    const zero = new ClusterClient({ nodes: plain.seeds, database: 0 });
    expect(await zero.set('a', 1)).toBe('OK');
    await zero.close();
    if (several === undefined) return; // no server of this version has other databases
    const beyond = new ClusterClient({ nodes: several.seeds, database: 4 });
    await expect(beyond.connect()).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
    await beyond.close();

    // commands, scans, leased connections, entities, and events
    const client = new ClusterClient({ nodes: several.seeds, database: 3 });
    const other = new ClusterClient({ nodes: several.seeds });
    try {
      const event = firstValueFrom(client.pubsub.keyspace({ pattern: 'k*' }));
      const elsewhere: string[] = [];
      other.pubsub.keyspace({ pattern: '*' }).subscribe(({ key }) => elsewhere.push(key));
      await Promise.all([client.pubsub.ready(), other.pubsub.ready()]);
      await client.mset({ '{k}1': 'one', '{k}2': 'two' });
      await client.set('k3', 'three');
      expect((await event).event).toBe('set');
      await eventually(async () => (await client.get('{k}1')) === 'one');
      expect(await other.get('{k}1')).toBeNull();
      const keys: string[] = [];
      for await (const key of client.scanIterator()) keys.push(key);
      expect(keys.toSorted()).toEqual(['k3', '{k}1', '{k}2']);
      expect(await other.dbsize()).toBe(0);

      const popped = client.blpop('list', 10);
      await client.rpush('list', 'x');
      expect(await popped).toEqual(['list', 'x']);
      expect(await client.multi().set('m', 1).get('m').exec()).toEqual([
        [null, 'OK'],
        [null, '1'],
      ]);
      expect(await client.pipeline().get('m').exec()).toEqual([[null, '1']]);
      expect(await client.eval("return redis.call('GET', KEYS[1])", 1, 'm')).toBe('1');
      await client.transaction(['m'], async (tx) => {
        expect(await tx.get('m')).toBe('1');
        return tx.multi().set('m', 2);
      });
      expect(await client.get('m')).toBe('2');
      const [direct] = client.nodes('master').filter((node) => node.options.db === 3);
      expect(await direct.dbsize()).toBeGreaterThanOrEqual(0);
      expect(client.nodes('master')).toHaveLength(2);

      const notes = createRepositories(client, [Note]).repository(Note);
      await notes.insert({ id: '1', text: 'hello' });
      expect(await notes.findOne({ id: '1' })).toMatchObject({ text: 'hello' });
      expect(await createRepositories(other, [Note]).repository(Note).findOne({ id: '1' })).toBeNull();

      const slot = keySlot('{k}1');
      const [to] = several.primaries.filter(({ id }) => id !== client.topology.nodeForSlot(slot)?.id);
      await client.admin.migrateSlots({ slots: [slot], to });
      expect(await client.mget('{k}1', '{k}2')).toEqual(['one', 'two']);
      expect(elsewhere).toEqual([]);

      // a slot that has begun to move key by key goes on like that, and keys of other databases would be lost
      await other.set('{k}0', 'zero');
      const [back] = several.primaries.filter(({ id }) => id !== to.id);
      const begun = await several.beginSlotMigration(slot, to, back);
      await expect(client.admin.migrateSlots({ slots: [slot], to: back })).rejects.toBeInstanceOf(
        UnsupportedServerFeatureError,
      );
      await begun.cancel();
      expect(await other.get('{k}0')).toBe('zero');
      expect(await client.mget('{k}1', '{k}2')).toEqual(['one', 'two']);
    } finally {
      await Promise.all([client.close(), other.close()]);
    }
  });
});
