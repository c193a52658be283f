import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Shape,
  Unique,
  UnindexedQueryError,
  UniqueViolationError,
} from 'keyslot';
import { Order, freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Formed', partition: () => Order })
class Formed {
  declare readonly [Shape]: {
    key: 'orderId' | 'id';
    indexed: 'due' | 'state' | 'name' | 'tags' | 'mail';
  };
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index({ nulls: true })
  @Index({ name: 'byState', fields: ['state', 'due'], nulls: true })
  @Property()
  due?: number;
  @Property() state?: string;
  @Index({ caseInsensitive: true }) @Property() name?: string;
  @Index({ elements: true })
  @Index({ name: 'tagged', fields: ['tags', 'due'], elements: true })
  @Property(() => [String])
  tags?: string[];
  @Unique({ caseInsensitive: true }) @Property() mail?: string;
}

const cluster = sharedClient();
let rows: ClusterRepository<Formed>;
beforeAll(() => {
  rows = createRepositories(cluster.client, [Order, Formed]).repository(Formed);
});

const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);
type Data = Partial<Formed> & { id: string };
const insert = (orderId: string, ...all: Data[]): Promise<Formed[]> =>
  Promise.all(all.map((data) => rows.insert(rows.create({ orderId, ...data }))));

/** The faults of a partition's indexes. */
async function faults(orderId: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { fault, index } of rows.verifyIndexes({ partition: orderId }))
    found.push(`${fault} ${index}`);
  return found;
}

describe('an index with nulls', () => {
  it('finds rows without a value, and sorts them first', async () => {
    const orderId = freshId();
    await insert(
      orderId,
      { id: 'a', state: 'open', due: 5 },
      { id: 'b', state: 'open' },
      { id: 'c', due: -1 },
      { id: 'd' },
    );
    expect(ids(await rows.findBy({ orderId, due: { isNull: true } }))).toEqual(['b', 'd']);
    expect(ids(await rows.findBy({ orderId, due: { isNull: false } }))).toEqual(['c', 'a']);
    expect(ids(await rows.findBy({ orderId, state: 'open', due: { isNull: true } }))).toEqual(['b']);
    expect(ids(await rows.findBy({ orderId, state: { isNull: true }, due: { gt: -5 } }))).toEqual(['c']);
    expect(ids(await rows.findBy({ orderId }, { order: { due: 'asc' } }))).toEqual(['b', 'd', 'c', 'a']);
    expect(ids(await rows.findBy({ orderId, state: 'open' }, { order: { due: 'desc' } }))).toEqual([
      'a',
      'b',
    ]);
    for (const [due, count] of [
      [{ isNull: true }, 2],
      [{ lt: 10 }, 2],
      [{ not: 5 }, 1],
      [{ gte: -1 }, 2],
    ] as const)
      expect([due, await rows.countBy({ orderId, due })]).toEqual([due, count]);
    const or = [{ due: { isNull: true } }, { due: { gt: 0 } }];
    expect(ids(await rows.findBy({ orderId, or }))).toEqual(['b', 'd', 'a']);
    expect(await faults(orderId)).toEqual([]);
  });

  it('follows every kind of write', async () => {
    const orderId = freshId();
    const nothing = async (): Promise<string[]> => ids(await rows.findBy({ orderId, due: { isNull: true } }));
    const [row] = await insert(orderId, { id: 'a', due: 1 });
    expect(await nothing()).toEqual([]);
    row.due = undefined;
    await rows.save(row);
    expect(await nothing()).toEqual(['a']);
    await rows.update({ orderId, id: 'a' }, { due: 3 });
    expect(await nothing()).toEqual([]);
    await rows.upsert(rows.create({ orderId, id: 'a' }));
    await rows.upsert(rows.create({ orderId, id: 'new' }));
    expect(await nothing()).toEqual(['a', 'new']);
    await rows.transaction(orderId, async (tx) => {
      tx.insert(rows.create({ orderId, id: 'b' }));
      expect(ids(await tx.find(Formed, { orderId, due: { isNull: true } }))).toEqual(['a', 'b', 'new']);
    });
    expect(await faults(orderId)).toEqual([]);
    for (const id of ['a', 'b', 'new']) await rows.delete({ orderId, id });
    expect(await nothing()).toEqual([]);
    expect(await cluster.client.zcard(`${rows.partition(orderId).tag}:Formed~ix`)).toBe(0);
  });

  it('is repaired', async () => {
    const orderId = freshId();
    await insert(orderId, { id: 'a' });
    await cluster.client.zrem(`${rows.partition(orderId).tag}:Formed~ix`, 'due\0\x01\0a');
    expect(await faults(orderId)).toEqual(['missing due']);
    for await (const progress of rows.reindex({ partition: orderId }))
      expect(progress.unresolved).toEqual([]);
    expect(await faults(orderId)).toEqual([]);
  });
});

describe('an index without regard to case', () => {
  it('finds prefixes and values in any case', async () => {
    const orderId = freshId();
    const names = ['Ada', 'ADAM', 'adele', 'Straße', 'ΟΔΟΣ', 'Bob'];
    await insert(orderId, ...names.map((name, i) => ({ id: String(i), name })));
    const found = async (name: object): Promise<(string | undefined)[]> =>
      (await rows.findBy({ orderId, name })).map((row) => row.name);
    expect(await found({ startsWith: 'aDa', ignoreCase: true })).toEqual(['Ada', 'ADAM']);
    expect(await found({ eq: 'ADELE', ignoreCase: true })).toEqual(['adele']);
    expect(await found({ in: ['bob', 'ada'], ignoreCase: true })).toEqual(['Ada', 'Bob']);
    expect(await found({ startsWith: 'STRASS', ignoreCase: true })).toEqual(['Straße']);
    expect(await found({ startsWith: 'οδοσ', ignoreCase: true })).toEqual(['ΟΔΟΣ']);
    await expect(rows.findBy({ orderId, name: 'Ada' })).rejects.toThrow(UnindexedQueryError);
    await rows.update({ orderId, id: '5' }, { name: 'Adrian' });
    expect(await found({ startsWith: 'ad', ignoreCase: true })).toEqual(['Ada', 'ADAM', 'adele', 'Adrian']);
    expect(await faults(orderId)).toEqual([]);
  });

  it('makes values unique in any case', async () => {
    const orderId = freshId();
    await insert(orderId, { id: 'a', mail: 'Ada@example.org' });
    await expect(insert(orderId, { id: 'b', mail: 'ada@EXAMPLE.org' })).rejects.toThrow(UniqueViolationError);
    const found = await rows.findOneBy({ orderId, mail: { eq: 'ADA@example.org', ignoreCase: true } });
    expect(found?.mail).toBe('Ada@example.org');
  });
});

describe('an index of elements', () => {
  it('finds arrays by an element, once, after every kind of write', async () => {
    const orderId = freshId();
    const red = async (): Promise<string[]> => ids(await rows.findBy({ orderId, tags: { contains: 'red' } }));
    const [a] = await insert(
      orderId,
      { id: 'a', tags: ['red', 'blue', 'red', ''], due: 2 },
      { id: 'b', tags: ['red\0', 'redder'], due: 1 },
      { id: 'c', tags: [] },
      { id: 'd' },
      { id: 'e', tags: ['red'], due: 1 },
    );
    expect(await red()).toEqual(['a', 'e']);
    expect(await rows.countBy({ orderId, tags: { contains: 'red' } })).toBe(2);
    expect(ids(await rows.findBy({ orderId, tags: { contains: '' } }))).toEqual(['a']);
    const where = { orderId, tags: { contains: 'red' } };
    expect(ids(await rows.findBy(where, { order: { due: 'asc' } }))).toEqual(['e', 'a']);
    expect(ids(await rows.findBy({ ...where, due: { gt: 1 } }))).toEqual(['a']);
    a.tags!.splice(0, 3, 'green');
    await rows.save(a);
    expect(await red()).toEqual(['e']);
    await rows.update({ orderId, id: 'd' }, { tags: ['red', 'new'] });
    expect(await red()).toEqual(['d', 'e']);
    await rows.update({ orderId, id: 'e' }, { tags: null });
    expect(await red()).toEqual(['d']);
    const found = await rows.transaction(orderId, async (tx) => {
      tx.insert(rows.create({ orderId, id: 'f', tags: ['red'], due: 0 }));
      return tx.find(Formed, where);
    });
    expect(ids(found)).toEqual(['d', 'f']);
    expect(await faults(orderId)).toEqual([]);
    await cluster.client.zrem(`${rows.partition(orderId).tag}:Formed~ix`, 'tags\0red\0d');
    expect(await faults(orderId)).toEqual(['missing tags']);
    for await (const progress of rows.reindex({ partition: orderId }))
      expect(progress.unresolved).toEqual([]);
    expect(await red()).toEqual(['d', 'f']);
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await rows.delete({ orderId, id });
    expect(await cluster.client.zcard(`${rows.partition(orderId).tag}:Formed~ix`)).toBe(0);
  });

  it.each<[object, string]>([
    [{ tags: ['red'] }, 'use { contains: element }'],
    [{ tags: { contains: ['red'] } }, 'name one element'],
    [{ tags: { contains: 1 } }, 'must be queried by a string'],
    [{ due: { contains: 1 } }, 'which is for arrays'],
    [{ due: { isNull: 'yes' } }, 'not true or false'],
    [{ due: { isNull: true, gt: 1 } }, 'beside other operators'],
    [{ name: { ignoreCase: true } }, 'without another operator'],
    [{ due: { eq: 1, ignoreCase: true } }, 'does not accept `ignoreCase`'],
  ])('refuses conditions that make no sense: %p', async (conditions, message) => {
    const found = rows.findBy({ orderId: 'x', ...conditions } as never);
    await expect(found).rejects.toThrow(InvalidArgumentError);
    await expect(found).rejects.toThrow(message);
  });

  it('refuses more than a thousand elements', async () => {
    const tags = Array.from({ length: 1_001 }, (_, i) => String(i));
    await expect(insert(freshId(), { id: 'a', tags })).rejects.toThrow('1001 different elements');
  });
});

it('a form that does not fit its property is a fault of the schema', () => {
  @ClusterEntity({ name: 'Misformed', partition: () => Order })
  class Misformed {
    @PartitionKey() orderId!: string;
    @PrimaryKey() id!: string;
    @Index({ caseInsensitive: true }) @Property() count!: number;
    @Index({ elements: true }) @Property() text!: string;
    @Index({ elements: true, nulls: true }) @Property(() => [String]) tags!: string[];
    @Index({ name: 'away', fields: ['count'], elements: true }) @Property(() => [String]) more!: string[];
    @Index({ name: 'far', scope: 'global', nulls: true }) @Property() far!: string;
    @Index({ name: 'odd', nulls: 'yes' as never }) @Property() odd!: string;
  }
  const build = (): unknown => createRepositories(cluster.client, [Order, Misformed]);
  expect(build).toThrow(SchemaError);
  for (const message of [
    'count is in the index',
    'text is in the index',
    'elements beside nulls',
    'not one of its fields',
    'only an index of a partition can have',
    'nulls: "yes"',
  ])
    expect(build).toThrow(message);
});
