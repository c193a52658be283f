import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  type ClusterSet,
  Counter,
  createRepositories,
  DeletedAt,
  EntityNotFoundError,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  SetOf,
  Version,
  VersionConflictError,
} from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const shared = sharedCluster();

@ClusterEntity({ name: 'CachedShop', cache: true })
class Shop {
  @PrimaryKey() id!: string;
  @Property() name: string = 'shop';
}

@ClusterEntity({ name: 'CachedItem', partition: () => Shop, cache: { maxAgeMs: 30_000 } })
class Item {
  @PartitionKey() shopId!: string;
  @PrimaryKey() id!: string;
  @Property() title: string = 'item';
  @Property() image?: Buffer;
  @Property(() => [String]) tags: string[] = [];
  @Counter() views!: number;
  @Version() version!: number;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'CachedNowhere' })
class Uncached {
  @PrimaryKey() id!: string;
}

const CACHED = { cache: true } as const;
let client: ClusterClient;
let other: ClusterClient;
let items: ClusterRepository<Item>;
let shops: ClusterRepository<Shop>;
let uncached: ClusterRepository<Uncached>;
let theirs: ClusterRepository<Item>;
let unique = 0;

beforeAll(async () => {
  const options = { nodes: shared.nodes, keyPrefix: shared.keyspace };
  client = new ClusterClient({ ...options, cache: { maxBytes: 2 ** 20, maxStaleMs: 5_000 } });
  other = new ClusterClient(options);
  await Promise.all([client.connect(), other.connect()]);
  const mine = createRepositories(client, [Shop, Item, Uncached]);
  items = mine.repository(Item);
  shops = mine.repository(Shop);
  uncached = mine.repository(Uncached);
  theirs = createRepositories(other, [Shop, Item]).repository(Item);
});

afterAll(() => Promise.all([client.close(), other.close()]));

const freshKey = (): { shopId: string; id: string } => ({ shopId: `s${unique}`, id: `i${unique++}` });

async function hitsOf(work: () => Promise<unknown>): Promise<number> {
  const { hits } = client.cache.stats();
  await work();
  return client.cache.stats().hits - hits;
}

test('findOne and findMany read rows from memory, until another client changes them', async () => {
  const [a, b] = [freshKey(), freshKey()];
  await theirs.insert(theirs.create({ ...a, image: Buffer.from([0, 255]), tags: ['x'] }));
  const find = (): Promise<Item | null> => items.findOne(a, CACHED);
  expect(await find()).toMatchObject({ title: 'item', image: Buffer.from([0, 255]), tags: ['x'], views: 0 });
  expect(await hitsOf(find)).toBe(1);
  expect(await hitsOf(() => items.findOne(a))).toBe(0);
  expect(await hitsOf(() => items.findOneOrFail(a, { cache: { maxAgeMs: 10_000 } }))).toBe(1);
  expect(await items.findMany([a, b], CACHED)).toEqual([expect.objectContaining(a), null]);
  expect(await hitsOf(() => items.findMany([a, b], CACHED))).toBe(2);
  await expect(items.findOneOrFail(b, CACHED)).rejects.toBeInstanceOf(EntityNotFoundError);
  await theirs.update(a, { title: 'theirs' });
  await theirs.insert(theirs.create(b));
  await eventually(async () => {
    const found = await items.findMany([a, b], CACHED);
    expect(found).toEqual([expect.objectContaining({ title: 'theirs' }), expect.objectContaining(b)]);
  });
});

test('each caller gets an entity of its own', async () => {
  const key = freshKey();
  await items.insert(items.create({ ...key, image: Buffer.from('abc'), tags: ['x'] }));
  for (let i = 0; i < 3; i++) {
    const found = await items.findOneOrFail(key, CACHED);
    expect(found).toMatchObject({ title: 'item', image: Buffer.from('abc'), tags: ['x'] });
    found.title = 'changed';
    found.image?.fill(0);
    found.tags.push('y');
  }
});

test('every write of this client is seen by its next read', async () => {
  const key = freshKey();
  const entity = items.create(key);
  const read = async (): Promise<[string | undefined, number | undefined]> => {
    const found = await items.findOne(key, CACHED);
    return [found?.title, found?.views];
  };
  expect(await read()).toEqual([undefined, undefined]);
  await items.insert(entity);
  expect(await read()).toEqual(['item', 0]);
  entity.title = 'saved';
  await items.save(entity);
  expect(await read()).toEqual(['saved', 0]);
  await items.update(key, { title: 'updated' });
  expect(await read()).toEqual(['updated', 0]);
  await items.increment(key, 'views', 2);
  expect(await read()).toEqual(['updated', 2]);
  await items.transaction(key.shopId, async (tx) => {
    const row = await tx.get(Item, key);
    if (row === null) throw new Error('The row is missing');
    row.title = 'transaction';
    tx.save(row);
  });
  expect(await read()).toEqual(['transaction', 2]);
  await items.saveMany([Object.assign(await items.findOneOrFail(key), { title: 'many' })]);
  expect(await read()).toEqual(['many', 2]);
  await items.softDelete(key);
  expect(await read()).toEqual([undefined, undefined]);
  expect(await items.findOne(key, { ...CACHED, withDeleted: true })).not.toBeNull();
  await items.restore(key);
  expect(await read()).toEqual(['many', 2]);
  await items.delete(key);
  expect(await read()).toEqual([undefined, undefined]);
});

test('an entity from memory that is outdated is not saved', async () => {
  const key = freshKey();
  await items.insert(items.create(key));
  await items.findOne(key, CACHED);
  const outdated = await items.findOneOrFail(key, CACHED);
  await theirs.update(key, { title: 'theirs' });
  outdated.title = 'mine';
  await expect(items.save(outdated)).rejects.toBeInstanceOf(VersionConflictError);
  expect(await items.findOne(key, CACHED)).toMatchObject({ title: 'theirs' });
});

test('is refused where it cannot be, by name', async () => {
  const refused = (work: () => Promise<unknown>): Promise<unknown> =>
    work().catch((error: unknown) => [
      error instanceof InvalidArgumentError,
      (error as InvalidArgumentError).argument,
    ]);
  const key = freshKey();
  expect(await refused(() => uncached.findOne('1', CACHED))).toEqual([true, 'cache']);
  expect(await refused(() => theirs.findOne(key, CACHED))).toEqual([true, 'cache']);
  expect(await refused(() => items.findOne(key, { cache: true, select: ['title'] }))).toEqual([
    true,
    'cache',
  ]);
  for (const cache of ['yes', 0, {}, { maxAgeMs: 0 }, null])
    expect([cache, await refused(() => shops.findMany(['1'], { cache: cache as never }))]).toEqual([
      cache,
      [true, 'cache'],
    ]);
  expect(await shops.findOne('none', { cache: false })).toBeNull();
});

test('a class with collections, or with another value, is rejected at the start', () => {
  @ClusterEntity({ name: 'CachedTags', cache: true })
  class Tagged {
    @PrimaryKey() id!: string;
    @SetOf(String) tags!: ClusterSet<string>;
  }
  @ClusterEntity({ name: 'CachedOdd', cache: { maxAgeMs: 0 } })
  class Odd {
    @PrimaryKey() id!: string;
  }
  for (const [type, fault] of [
    [Tagged, /cache and collections/],
    [Odd, /whole number of milliseconds from 1/],
  ] as const) {
    const start = (): unknown => createRepositories(client, [type]);
    expect(start).toThrow(SchemaError);
    expect(start).toThrow(fault);
  }
});
