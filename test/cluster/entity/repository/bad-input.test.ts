import {
  ClusterEntity,
  type ClusterRepository,
  ClusterSet,
  Counter,
  createRepositories,
  type EntityRegistry,
  ExpiresAt,
  Index,
  InvalidArgumentError,
  keySlot,
  PartitionKey,
  type PartitionTransaction,
  PrimaryKey,
  Property,
  SchemaError,
  SchemaMismatchError,
  SetOf,
  Shape,
  TransactionTooLargeError,
  Version,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Deed' })
class Deed {
  declare readonly [Shape]: { key: 'id'; counters: 'views' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() note?: string;
  @Property() size?: number;
  @Property(() => BigInt) cents?: bigint;
  @Property() at?: Date;
  @Property({ enum: ['old', 'new'] }) age?: 'old' | 'new';
  @Property() seal?: Buffer;
  @Counter() views!: number;
  @Version() version!: number;
  @ExpiresAt() until?: Date;
  @SetOf(String) tags!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Clause', partition: () => Deed })
class Clause {
  declare readonly [Shape]: { key: 'deedId' | 'id'; indexed: 'text' | 'at' };

  @PartitionKey() deedId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() text?: string;
  @Index() @Property() at?: Date;
  @SetOf(String) tags!: ClusterSet<string>;
}

/** The same rows in the next version of the program. */
@ClusterEntity({ name: 'Deed' })
class NewDeed {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() note?: string;
  @Property({ enum: ['old', 'new', 'newest'] }) age?: string;
  @Property() added?: string;
  @Counter() shares!: number;
  @SetOf(String) marks!: ClusterSet<string>;
}

const cluster = sharedClient();
let registry: EntityRegistry;
let deeds: ClusterRepository<Deed>;
let clauses: ClusterRepository<Clause>;
beforeAll(() => {
  registry = createRepositories(cluster.client, [Deed, Clause]);
  deeds = registry.repository(Deed);
  clauses = registry.repository(Clause);
});

/** What the server holds of a row. */
const held = (id: string): Promise<Record<string, Buffer>> => cluster.client.hgetallBuffer(deeds.keyOf(id));

const fateOf = (attempt: () => unknown): Promise<unknown> =>
  (async () => attempt())().then(
    () => 'no error',
    (error: unknown) => error,
  );

it('accepts ids with every character up to 255, and any beyond', async () => {
  const partition = freshId();
  const ids = [...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)), '\u2028', '\uffff', '🚀', '~ix', 'x:tags']; // prettier-ignore
  const results = await clauses.saveMany(
    ids.map((id) => clauses.create({ deedId: partition, id, text: id })),
  );
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const collections = ids.map((id) => clauses.collection({ deedId: partition, id }, 'tags'));
  await Promise.all(collections.map((tags, i) => tags.add(`of ${i}`)));

  const keys = [...ids.map((id) => clauses.keyOf({ deedId: partition, id })), ...collections.map(({ key }) => key)]; // prettier-ignore
  expect(new Set(keys).size).toBe(2 * ids.length);
  expect(new Set(keys.map(keySlot)).size).toBe(1);
  const found = await clauses.findBy({ deedId: partition });
  expect(found.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(await Promise.all(ids.map((id) => clauses.findOneBy({ deedId: partition, text: id })))).toMatchObject(ids.map((id) => ({ id }))); // prettier-ignore
  expect(await Promise.all(found.map(({ tags }) => tags.members()))).toEqual(found.map(({ id }) => [`of ${ids.indexOf(id)}`])); // prettier-ignore

  const deleted = await clauses.deleteMany(ids.map((id) => ({ deedId: partition, id })));
  expect(deleted.every((result) => result.ok && result.value.deleted)).toBe(true);
  expect(await cluster.client.exists(`${clauses.partition(partition).tag}:Clause~ix`)).toBe(0);

  for (const id of ['', '\ud800', 'x'.repeat(513), null, undefined, {}, Number.NaN, 2 ** 53])
    expect(await fateOf(() => deeds.findOne(id as never))).toBeInstanceOf(InvalidArgumentError);
});

describe('a row from a newer version of the program', () => {
  let newDeeds: ClusterRepository<NewDeed>;
  beforeAll(() => {
    newDeeds = createRepositories(cluster.client, [NewDeed]).repository(NewDeed);
  });
  const newer = async (age: string): Promise<NewDeed> => {
    const deed = await newDeeds.insert(newDeeds.create({ note: 'x', age, added: 'kept' }));
    await newDeeds.increment({ id: deed.id }, 'shares', 3);
    await deed.marks.add('kept');
    return deed;
  };

  it('is read and written without its unknown parts, which stay', async () => {
    const { id, marks } = await newer('new');
    const deed = await deeds.findOneOrFail(id);
    expect(deed).toMatchObject({ note: 'x', age: 'new', views: 0 });
    deed.note = 'saved';
    await deeds.save(deed);
    await deeds.update(id, { note: 'updated' });
    await deeds.upsert(deeds.create({ id, note: 'upserted' }));
    expect(await newDeeds.findOne({ id })).toMatchObject({ note: 'upserted', added: 'kept', shares: 3 });
    expect(await marks.members()).toEqual(['kept']);
  });

  it('is rejected if a value is unknown, and can be written nevertheless', async () => {
    const { id } = await newer('newest');
    expect(await fateOf(() => deeds.findOne(id))).toBeInstanceOf(SchemaMismatchError);
    await deeds.update(id, { note: 'updated' });
    expect(await newDeeds.findOne({ id })).toMatchObject({ note: 'updated', age: 'newest' });
  });
});

describe('values beyond exact ranges', () => {
  it.each([
    ['size', '9007199254740993'],
    ['size', '1e400'],
    ['at', '8640000000000001'],
    ['~x', '8640000000000001'],
    ['~v', '9007199254740993'],
    ['views', '9007199254740993'],
  ])('are rejected if another program has stored them in %s', async (field, value) => {
    const id = freshId();
    await cluster.client.hset(deeds.keyOf(id), { note: 'x', [field]: value });
    const error = await fateOf(() => deeds.findOne(id));
    expect(error).toBeInstanceOf(SchemaMismatchError);
    expect(String(error)).not.toContain(value);
  });

  it('are exact, or rejected before anything is sent', async () => {
    const { id } = await deeds.insert(deeds.create({ size: 2 ** 70, cents: -(2n ** 200n) }));
    expect(await deeds.findOne(id)).toMatchObject({ size: 2 ** 70, cents: -(2n ** 200n) });
    const before = await held(id);
    const attempts = [
      () => deeds.update(id, { size: Infinity }),
      () => deeds.update(id, { size: 1n as never }),
      () => deeds.update(id, { cents: (2 ** 60) as never }),
      () => deeds.update(id, { note: 'x' }, { ifVersion: 2 ** 60 }),
      () => deeds.update(id, { note: 'x' }, { ifVersion: Number.NaN }),
      () => deeds.increment(id, 'views', 2 ** 53),
      () => deeds.increment(id, 'views', 10n ** 18n),
      () => deeds.expire(id, 8.64e15),
    ];
    for (const attempt of attempts) expect(await fateOf(attempt)).toBeInstanceOf(InvalidArgumentError);
    expect(await held(id)).toEqual(before);
  });
});

it('rejects invalid dates everywhere', async () => {
  const never = new Date(Number.NaN);
  const deed = await deeds.insert(deeds.create({ at: new Date(8.64e15), until: new Date(8.64e15) }));
  expect(await deeds.findOne(deed.id)).toMatchObject({ at: deed.at, until: deed.until });
  const before = await held(deed.id);
  const attempts = [
    () => deeds.insert(deeds.create({ at: never })),
    () => deeds.insert(deeds.create({ until: never })),
    () => deeds.save(Object.assign(deed, { note: 'x', at: never })),
    () => deeds.upsert(deed),
    () => deeds.update(deed.id, { note: 'x', at: never }),
    () => deeds.update(deed.id, { note: 'x', until: never }),
    () => deeds.update(deed.id, { note: 'x' }, { where: { at: never } }),
    () => deeds.expire(deed.id, never),
    () => clauses.findBy({ deedId: deed.id, at: never }),
    () => clauses.countBy({ deedId: deed.id, at: { gt: never } }),
  ];
  for (const attempt of attempts) expect(await fateOf(attempt)).toBeInstanceOf(InvalidArgumentError);
  const [saved] = await deeds.saveMany([deeds.create({ at: never })]);
  expect(saved).toMatchObject({ ok: false, error: expect.any(InvalidArgumentError) });
  expect(await held(deed.id)).toEqual(before);
});

it('accepts 10 MB in a property, a patch and a collection, and rejects them in a transaction', async () => {
  const large = 'x'.repeat(10 * 1024 * 1024);
  const deed = await deeds.insert(deeds.create({ note: large }));
  await deeds.update(deed.id, { note: null, seal: Buffer.from(large) });
  await deed.tags.add(large);
  expect((await deeds.findOneOrFail(deed.id)).seal).toHaveLength(large.length);
  expect(await deed.tags.has(large)).toBe(true);
  const before = await cluster.client.hget(deeds.keyOf(deed.id), '~v');
  const attempt = (work: (tx: PartitionTransaction) => void): Promise<unknown> =>
    fateOf(() => deeds.transaction(deed.id, async (tx) => work(tx)));
  for (const work of [
    (tx: PartitionTransaction) => tx.save(Object.assign(deed, { note: `${large}!` })),
    (tx: PartitionTransaction) => tx.collection(Deed, deed.id, 'tags').add(`${large}!`),
    (tx: PartitionTransaction) => {
      for (let i = 0; i < 101; i++) tx.insert(clauses.create({ deedId: deed.id, id: `${i}` }));
    },
  ])
    expect(await attempt(work)).toBeInstanceOf(TransactionTooLargeError);
  expect(await cluster.client.hget(deeds.keyOf(deed.id), '~v')).toBe(before);
  expect(await deed.tags.size()).toBe(1);
  expect(await clauses.countBy({ deedId: deed.id })).toBe(0);
  await deeds.delete(deed.id);
});

it('accepts a limit of a million for reads in pages, and rejects it for a single page', async () => {
  const deedId = freshId();
  await clauses.insert(clauses.create({ deedId, id: 'a' }));
  expect(await clauses.findBy({ deedId }, { limit: 1_000_000 })).toHaveLength(1);
  const attempts = [
    () => clauses.findPage({ deedId }, { limit: 1_000_000 }),
    () => clauses.stream({ deedId }, { batchSize: 1_000_000 }).next(),
    () => clauses.findBy({ deedId }, { limit: 0 }),
    () => clauses.findBy({ deedId }, { limit: '5' as never }),
    () => clauses.sweepExpired({ limit: -1 }),
  ];
  for (const attempt of attempts) expect(await fateOf(attempt)).toBeInstanceOf(InvalidArgumentError);
});

it('rejects arguments of the wrong kind, before anything is sent', async () => {
  const { id } = await deeds.insert(deeds.create({ note: 'kept' }));
  const before = await held(id);
  const nothing = null as never;
  const attempts = [
    () => deeds.create(nothing),
    () => deeds.save(nothing),
    () => deeds.insert('x' as never),
    () => deeds.upsert(Object.assign(new Clause(), { deedId: 'x', id }) as never),
    () => deeds.remove(nothing),
    () => deeds.findMany(nothing),
    () => deeds.saveMany(nothing),
    () => deeds.deleteMany('x' as never),
    () => deeds.update(id, nothing),
    () => deeds.update(id, { __proto__x: 1 } as never),
    () => deeds.update(id, JSON.parse('{"__proto__":1}') as never),
    () => deeds.update(id, { constructor: 'x' } as never),
    () => deeds.update(id, { note: 'x' }, { opId: 5 as never }),
    () => deeds.update(id, { note: 'x' }, { deadlineMs: -1 }),
    () => deeds.increment(id, 'constructor' as never),
    () => deeds.transaction(id, nothing),
    () => deeds.transaction(id, async (tx) => tx.save(nothing)),
    () => deeds.partition(id).loadAll(nothing),
    () => clauses.findBy(nothing),
    () => clauses.findBy({ deedId: id, text: { in: 'ab' as never } }),
  ];
  for (const [i, attempt] of attempts.entries())
    expect([i, await fateOf(attempt)]).toEqual([i, expect.any(InvalidArgumentError)]);
  const [refused] = await deeds.saveMany([nothing]);
  expect(refused).toMatchObject({ ok: false, error: expect.any(InvalidArgumentError) });
  expect(await fateOf(() => registry.repository(nothing))).toBeInstanceOf(SchemaError);
  expect(await held(id)).toEqual(before);
});

it('says how to declare a counter if a class has none', async () => {
  const increment = clauses.increment({ deedId: 'x', id: 1 } as never, 'text' as never);
  await expect(increment).rejects.toThrow("Clause has no counter 'text'; declare it with @Counter()");
});
