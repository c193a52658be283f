import {
  ClusterClient,
  ClusterEntity,
  Counter,
  createRepositories,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
  Shape,
  Unique,
  type ClusterRepository,
  type ClusterSet,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { freshId } from '../fixtures.js';

@ClusterEntity({ name: 'Shop' })
class Shop {
  declare readonly [Shape]: { key: 'id'; counters: 'visits' };
  @PrimaryKey() id!: string;
  @Property() name?: string;
  @Counter() visits!: number;
  @SetOf(String) tags!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Item', partition: () => Shop, changes: true, idempotency: 'window' })
class Item {
  declare readonly [Shape]: { key: 'shopId' | 'id'; indexed: 'sku' | 'state' };
  @PartitionKey() shopId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() sku?: string;
  @Index() @Property() state?: string;
  @ExpiresAt() expiresAt?: Date;
}

@ClusterEntity({ name: 'User' })
class User {
  declare readonly [Shape]: { key: 'id'; indexed: 'mail' };
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() mail?: string;
}

describe('a server that rejects writes', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  let shops: ClusterRepository<Shop>;
  let items: ClusterRepository<Item>;
  let users: ClusterRepository<User>;

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
    client = new ClusterClient({ nodes: cluster.seeds });
    const registry = createRepositories(client, [Shop, Item, User]);
    shops = registry.repository(Shop);
    items = registry.repository(Item);
    users = registry.repository(User);
    await client.connect();
  });
  afterAll(async () => {
    client?.disconnect();
    await cluster?.stop();
  });

  const configure = (name: string, value: string): Promise<unknown> =>
    cluster.command(cluster.nodes[0], 'CONFIG', 'SET', name, value);

  async function filled(): Promise<string> {
    const id = freshId();
    const shop = await shops.insert(shops.create({ id, name: 'full' }));
    await shop.tags.add('a', 'b');
    for (const line of ['1', '2', '3', '4'])
      await items.insert(items.create({ shopId: id, id: line, sku: `sku ${line}`, state: 'new' }));
    await users.insert(users.create({ id, mail: `${id}@example.org` }));
    return id;
  }

  const read = (id: string): Promise<number> =>
    shops.transaction(id, async (tx) => {
      const shop = await tx.get(Shop, id);
      const found = await tx.find(Item, { shopId: id, state: 'new' });
      return shop ? found.length : -1;
    });

  describe('because its memory is full', () => {
    let end = (): void => {};
    afterEach(async () => {
      end();
      await configure('maxmemory', '0');
    });

    it('can be emptied: deletes, expiries, sweeps, removals and the release of a lock succeed', async () => {
      const id = await filled();
      const loaded = (await items.findOne({ shopId: id, id: '1' }))!;
      const shop = (await shops.findOne(id))!;
      const other = await filled();
      const held = new Promise<void>((taken) => {
        void shops.withLock(other, () => new Promise<void>((resolve) => ((end = resolve), taken())), {
          ttlMs: 600_000,
        });
      });
      await held;
      await configure('maxmemory', '1');
      await expect(shops.update(id, { name: 'more' })).rejects.toMatchObject({ code: 'OOM', applied: false });
      expect(await read(id)).toBe(4);
      await items.remove(loaded);
      expect(await items.delete({ shopId: id, id: '2' })).toEqual({ deleted: true });
      expect(await items.expire({ shopId: id, id: '3' }, -1)).toBe(true);
      expect(await items.sweepExpired({ partition: id })).toEqual({ swept: 1 });
      expect(await items.deleteMany([{ shopId: id, id: '4' }])).toEqual([
        { ok: true, value: { deleted: true } },
      ]);
      expect(await read(id)).toBe(0);
      expect(await shop.tags.delete('a')).toBe(1);
      expect(await shop.tags.clear()).toBe(true);
      await expect(shop.tags.add('c')).rejects.toMatchObject({ code: 'OOM' });
      expect(await users.delete(id)).toEqual({ deleted: true });
      await shops.transaction(id, async (tx) => {
        const found = await tx.get(Shop, id);
        tx.remove(found!);
      });
      expect(await shops.exists(id)).toBe(false);
      end();
      await configure('maxmemory', '0');
      expect(await shops.withLock(other, async () => 'free', { waitMs: 60_000 })).toBe('free');
      await eventually(async () => (await client.keys(`*{User:${id}}:User*`)).length === 0);
      // and the value that was given up on the full server is free
      await users.insert(users.create({ id: freshId(), mail: `${id}@example.org` }));
    });
  });

  describe('because it has no replicas', () => {
    afterEach(() => configure('min-replicas-to-write', '0'));

    it('serves read-only transactions', async () => {
      const id = await filled();
      await configure('min-replicas-to-write', '1');
      expect(await read(id)).toBe(4);
      await expect(items.delete({ shopId: id, id: '1' })).rejects.toMatchObject({ code: 'NOREPLICAS' });
    });
  });

  it('serves read-only transactions to a user with read permission only', async () => {
    const id = await filled();
    const rights = '+cluster|slots +cluster|myid +evalsha_ro +eval_ro +hgetall +hmget +exists +zrangebylex';
    await cluster.command(
      cluster.nodes[0],
      'ACL',
      'SETUSER',
      'reader',
      'reset',
      'on',
      '>secret',
      '%R~*',
      '-@all',
      '+time',
      ...rights.split(' '),
    );
    const reader = new ClusterClient({ nodes: cluster.seeds, username: 'reader', password: 'secret' });
    try {
      const registry = createRepositories(reader, [Shop, Item]);
      const count = await registry.repository(Shop).transaction(id, async (tx) => {
        await tx.get(Shop, id);
        return (await tx.find(Item, { shopId: id, state: 'new' })).length;
      });
      expect(count).toBe(4);
    } finally {
      reader.disconnect();
    }
  });
});
