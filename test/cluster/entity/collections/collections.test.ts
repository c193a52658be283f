import {
  ClusterEntity,
  ClusterHash,
  ClusterList,
  type ClusterRepository,
  ClusterSet,
  ClusterSortedSet,
  ClusterStream,
  createRepositories,
  EntityNotSavedError,
  HashOf,
  InvalidArgumentError,
  ListOf,
  PrimaryKey,
  Property,
  SchemaMismatchError,
  SetOf,
  Shape,
  SortedSetOf,
  StreamOf,
} from 'keyslot';
import { Address, counted, freshId, sharedClient } from '../fixtures.js';

const asMinutes = { to: (hours: number) => hours * 60, from: (minutes: number) => minutes / 60 };

@ClusterEntity({ name: 'Shelf' })
class Shelf {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() label?: string;
  @SetOf(String) tags!: ClusterSet<string>;
  @SetOf(() => BigInt) numbers!: ClusterSet<bigint>;
  @SetOf(Buffer) seals!: ClusterSet<Buffer>;
  @SetOf({ enum: ['oak', 'ash'] }) woods!: ClusterSet<'oak' | 'ash'>;
  @ListOf(Date) days!: ClusterList<Date>;
  @ListOf(Object) notes!: ClusterList<unknown>;
  @ListOf(Number) steps!: ClusterList<number>;
  @ListOf({ type: Number, transformer: asMinutes }) hours!: ClusterList<number>;
  @SortedSetOf(String) ranks!: ClusterSortedSet<string>;
  @HashOf(Number) stock!: ClusterHash<number>;
  @HashOf(() => BigInt) cents!: ClusterHash<bigint>;
  @HashOf(String) words!: ClusterHash<string>;
  @StreamOf(() => Address) moves!: ClusterStream<Address>;
}

const cluster = sharedClient();
let shelves: ClusterRepository<Shelf>;
beforeAll(() => {
  shelves = createRepositories(cluster.client, [Shelf]).repository(Shelf);
});

const stored = (): Promise<Shelf> => shelves.insert(shelves.create());

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of from) found.push(element);
  return found;
}

describe('a set', () => {
  it('contains each element once', async () => {
    const { tags } = await stored();
    expect(await tags.add('a', 'b', 'a')).toBe(2);
    expect(await tags.add('b')).toBe(0);
    expect(await tags.add()).toBe(0);
    expect([await tags.has('a'), await tags.has('c'), await tags.size()]).toEqual([true, false, 2]);
    expect((await tags.members()).toSorted()).toEqual(['a', 'b']);
    expect(await tags.delete('a', 'c')).toBe(1);
    expect(await tags.pop(5)).toEqual(['b']);
    expect(await tags.pop()).toEqual([]);
    expect(await tags.members()).toEqual([]);
  });

  it('accepts more elements at once than Lua can unpack, and returns them in pages', async () => {
    const { tags } = await stored();
    const many = Array.from({ length: 12_345 }, (_, i) => `tag ${i}`);
    expect(await tags.add(...many)).toBe(many.length);
    const calls = counted(cluster.client);
    const again = createRepositories(calls, [Shelf]).repository(Shelf);
    const id = tags.key.split(':').at(-2)!;
    let seen = 0;
    for await (const tag of again.collection(id, 'tags')) if (tag && ++seen === 150) break;
    expect(calls.calls).toEqual(['sscan']);
    expect(new Set(await all(tags))).toEqual(new Set(many));
    expect(await tags.clear()).toBe(true);
    expect(await tags.clear()).toBe(false);
  });
});

describe('a list', () => {
  it('keeps its order, and elements can be removed at both ends', async () => {
    const { steps } = await stored();
    expect(await steps.push(1, 2, 3)).toBe(3);
    expect(await steps.unshift(-1, 0)).toBe(5);
    expect(await steps.range()).toEqual([-1, 0, 1, 2, 3]);
    expect(await steps.range(1, -2)).toEqual([0, 1, 2]);
    expect([await steps.at(0), await steps.at(-1), await steps.at(9)]).toEqual([-1, 3, null]);
    expect([await steps.pop(), await steps.shift()]).toEqual([3, -1]);
    await steps.push(0, 0);
    expect(await steps.remove(0, 1)).toBe(1);
    expect(await steps.range()).toEqual([1, 2, 0, 0]);
    await steps.trim(0, 1);
    expect([await steps.range(), await steps.size()]).toEqual([[1, 2], 2]);
    await steps.clear();
    expect([await steps.pop(), await steps.shift(), await steps.size()]).toEqual([null, null, 0]);
  });

  it('is iterated in order, in pages', async () => {
    const { steps } = await stored();
    const many = Array.from({ length: 6_000 }, (_, i) => i);
    await steps.push(...many);
    expect(await all(steps)).toEqual(many);
    await steps.clear();
    await steps.unshift(...many);
    expect(await all(steps)).toEqual(many);
  });
});

describe('a sorted set', () => {
  it('orders by score', async () => {
    const { ranks } = await stored();
    expect(await ranks.add('ada', 3)).toBe(true);
    expect(await ranks.add('ada', 4)).toBe(false);
    expect(
      await ranks.addMany([
        ['bob', 1.5],
        ['eve', -2],
        ['kim', 4],
      ]),
    ).toBe(3);
    expect(await ranks.increment('bob', 1)).toBe(2.5);
    expect(await ranks.increment('new')).toBe(1);
    expect([await ranks.score('bob'), await ranks.score('nobody')]).toEqual([2.5, null]);
    expect([await ranks.rank('eve'), await ranks.rank('eve', { reverse: true })]).toEqual([0, 4]);
    expect(await ranks.rank('nobody')).toBeNull();
    const names = (scored: { element: string }[]) => scored.map(({ element }) => element);
    expect(names(await ranks.range())).toEqual(['eve', 'new', 'bob', 'ada', 'kim']);
    expect(await ranks.range({ to: 1, reverse: true })).toEqual([
      { element: 'kim', score: 4 },
      { element: 'ada', score: 4 },
    ]);
    expect(names(await ranks.rangeByScore({ min: 1, max: 4, offset: 1, limit: 2 }))).toEqual(['bob', 'ada']);
    expect(names(await ranks.rangeByScore({ max: 3, reverse: true }))).toEqual(['bob', 'new', 'eve']);
    expect([await ranks.countByScore({ min: 0 }), await ranks.size()]).toEqual([4, 5]);
    expect((await all(ranks)).toSorted((a, b) => a.score - b.score)[0]).toEqual({
      element: 'eve',
      score: -2,
    });
    expect(await ranks.deleteByScore({ max: 0 })).toBe(1);
    expect(await ranks.keepHighest(3)).toBe(1);
    expect(await ranks.keepLowest(2)).toBe(1);
    expect(names(await ranks.range())).toEqual(['bob', 'ada']);
    expect(await ranks.delete('bob', 'nobody')).toBe(1);
  });

  it('returns infinite scores that another program has set, and accepts none', async () => {
    const { ranks } = await stored();
    await ranks.add('a', 1);
    await cluster.client.zadd(ranks.key, '+inf', 'top', '-inf', 'bottom');
    expect((await ranks.range()).map(({ score }) => score)).toEqual([-Infinity, 1, Infinity]);
    expect(await ranks.increment('top')).toBe(Infinity);
    await expect(ranks.add('b', Infinity)).rejects.toThrow(InvalidArgumentError);
    await expect(ranks.increment('b', Number.NaN)).rejects.toThrow(InvalidArgumentError);
    await expect(ranks.countByScore({ min: Number.NaN })).rejects.toThrow(InvalidArgumentError);
    await expect(ranks.range({ to: 0.5 })).rejects.toThrow(InvalidArgumentError);
    await expect(ranks.rangeByScore({ limit: 0 })).rejects.toThrow(InvalidArgumentError);
  });
});

describe('a hash', () => {
  it('stores values by name', async () => {
    const { stock } = await stored();
    expect(await stock.set('pen', 3)).toBe(true);
    expect(await stock.setMany(new Map([['pen', 4], ['ink', 0.5]]))).toBe(1); // prettier-ignore
    expect([await stock.get('pen'), await stock.get('cup')]).toEqual([4, null]);
    expect(await stock.getMany(['ink', 'cup', 'pen'])).toEqual([0.5, null, 4]);
    expect(await stock.getMany([])).toEqual([]);
    expect([await stock.has('ink'), await stock.has('cup'), await stock.size()]).toEqual([true, false, 2]);
    expect(await stock.getAll()).toEqual(new Map([['pen', 4], ['ink', 0.5]])); // prettier-ignore
    expect(new Map(await all(stock))).toEqual(await stock.getAll());
    expect(await stock.delete('ink', 'cup')).toBe(1);
  });

  it('increments integers exactly', async () => {
    const { stock, cents, words } = await stored();
    expect(await stock.increment('pen', 3)).toBe(3);
    expect(await stock.increment('pen', -5)).toBe(-2);
    expect(await cents.increment('all', 999_999_999_999_999_999n)).toBe(999_999_999_999_999_999n);
    await stock.set('half', 0.5);
    await expect(stock.increment('half', 1)).rejects.toThrow(SchemaMismatchError);
    expect(await stock.get('half')).toBe(0.5);
    await expect(stock.increment('pen', 0.5)).rejects.toThrow(InvalidArgumentError);
    await expect(cents.increment('all', 1 as never)).rejects.toThrow(InvalidArgumentError);
    await expect(words.increment('a', 1 as never)).rejects.toThrow(InvalidArgumentError);
  });

  it('accepts any name', async () => {
    const { words } = await stored();
    const names = ['__proto__', 'constructor', '', '1', 'a\0b', '{:}~'];
    await words.setMany(names.map((name) => [name, `of ${name}`]));
    const values = await words.getAll();
    expect([...values.keys()].toSorted()).toEqual(names.toSorted());
    expect(await words.get('__proto__')).toBe('of __proto__');
    await expect(words.set('\ud800', 'x')).rejects.toThrow(InvalidArgumentError);
    await expect(words.get(1 as never)).rejects.toThrow(InvalidArgumentError);
  });
});

describe('a stream', () => {
  const move = (street: string): Address => Object.assign(new Address(), { street, since: undefined });

  it('is appended to and read in order', async () => {
    const { moves } = await stored();
    const ids: string[] = [];
    for (const street of ['a', 'b', 'c']) ids.push(await moves.append(move(street)));
    expect(await moves.range()).toEqual(
      ['a', 'b', 'c'].map((street, i) => ({ id: ids[i], value: move(street) })),
    );
    expect((await moves.range())[0].value.label()).toBe('to a');
    const streets = (entries: { value: Address }[]) => entries.map(({ value }) => value.street);
    expect(streets(await moves.range({ reverse: true, limit: 2 }))).toEqual(['c', 'b']);
    expect(streets(await moves.range({ from: ids[1], to: ids[1] }))).toEqual(['b']);
    expect(streets(await moves.read({ after: ids[0] }))).toEqual(['b', 'c']);
    expect(streets(await moves.read({ limit: 1 }))).toEqual(['a']);
    expect(await moves.delete(ids[1], '1-1')).toBe(1);
    expect([await moves.delete(), await moves.size()]).toEqual([0, 2]);
    expect(await moves.trim(1)).toBe(1);
    expect(streets(await moves.range())).toEqual(['c']);
    await expect(moves.read({ after: 'x' })).rejects.toThrow(InvalidArgumentError);
    await expect(moves.append(move('x'), { maxLength: -1 })).rejects.toThrow(InvalidArgumentError);
  });

  it('is iterated in pages, and keeps the configured number of entries', async () => {
    const { moves } = await stored();
    await Promise.all(Array.from({ length: 250 }, (_, i) => moves.append(move(`${i}`))));
    expect((await all(moves)).map(({ value }) => Number(value.street))).toEqual(Array.from({ length: 250 }, (_, i) => i)); // prettier-ignore
    for (let i = 0; i < 100; i++) await moves.append(move('last'), { maxLength: 10 });
    expect(await moves.size()).toBeLessThanOrEqual(200); // the server lets go of whole nodes of 100
  });

  it('ignores entries that another program has appended', async () => {
    const { moves } = await stored();
    await cluster.client.xadd(moves.key, '*', 'other', 'x');
    await expect(moves.range()).rejects.toThrow(SchemaMismatchError);
  });
});

it('supports the types of properties', async () => {
  const { numbers, seals, woods, days, notes, hours } = await stored();
  await numbers.add(2n ** 70n, -1n);
  expect(new Set(await numbers.members())).toEqual(new Set([2n ** 70n, -1n]));
  const bytes = Buffer.from([0, 255, 128, 44, 37, 10]);
  await seals.add(bytes);
  expect([await seals.has(bytes), await seals.members(), await all(seals)]).toEqual([true, [bytes], [bytes]]);
  expect(await seals.pop()).toEqual([bytes]);
  await woods.add('oak');
  expect(await woods.members()).toEqual(['oak']);
  const day = new Date('2026-01-02');
  await days.push(day);
  expect(await days.range()).toEqual([day]);
  await notes.push({ a: [1, { b: null }] }, 'text', false);
  expect(await notes.range()).toEqual([{ a: [1, { b: null }] }, 'text', false]);
  await hours.push(1.5);
  expect([await hours.range(), await cluster.client.lrange(hours.key, 0, -1)]).toEqual([[1.5], ['90']]);
});

it('rejects elements of other types, with the property but no value', async () => {
  const { tags, numbers, woods, days, id } = await stored();
  const attempts = [
    () => tags.add('fine', 'secret\ud800'),
    () => tags.add(null as never),
    () => tags.has(undefined as never),
    () => numbers.add(1 as never),
    () => woods.add('secret' as never),
    () => days.push(new Date(Number.NaN)),
  ];
  for (const attempt of attempts) {
    const error: unknown = await attempt().catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(String(error)).toMatch(/Shelf\.(tags|numbers|woods|days) holds /);
    expect(String(error)).not.toMatch(/secret/);
  }
  expect(await tags.size()).toBe(0);
  expect(() => shelves.collection(id, 'label' as never)).toThrow(InvalidArgumentError);
});

it('reports elements that another program stored in another type', async () => {
  const { tags, numbers, stock } = await stored();
  await cluster.client.set(tags.key, 'x');
  for (const call of [() => tags.add('a'), () => tags.members(), () => all(tags), () => tags.clear()])
    await expect(call()).rejects.toThrow(SchemaMismatchError);
  await cluster.client.sadd(numbers.key, 'secret');
  await expect(numbers.members()).rejects.toThrow(
    /^Shelf\.numbers is stored as something other than a bigint; /,
  );
  await cluster.client.hset(stock.key, 'pen', '1e400');
  await expect(stock.get('pen')).rejects.toThrow(SchemaMismatchError);
});

describe('collection handles', () => {
  it('exist on created, loaded and saved entities, and are not part of their data', async () => {
    const shelf = shelves.create({ label: 'x' });
    expect(shelf.tags).toBeInstanceOf(ClusterSet);
    const made = Object.assign(new Shelf(), { id: freshId() });
    await shelves.save(made);
    await made.tags.add('a');
    const loaded = await shelves.findOneOrFail(made.id);
    expect(await loaded.tags.members()).toEqual(['a']);
    expect(JSON.parse(JSON.stringify(loaded))).toEqual({ id: made.id });
    expect(Object.keys(loaded).toSorted()).toEqual(['id', 'label']);
    expect({ ...loaded }).toEqual({ id: made.id, label: undefined });
    const calls = counted(cluster.client);
    const others = createRepositories(calls, [Shelf]).repository(Shelf);
    const again = await others.findOneOrFail(made.id);
    await again.tags.add('b');
    calls.calls.length = 0;
    await others.save(again);
    expect(calls.calls).toEqual([]); // nothing has changed
    await expect(shelves.update(made.id, { tags: [] } as never)).rejects.toThrow(InvalidArgumentError);
  });

  it('require a row', async () => {
    const shelf = shelves.create();
    const { tags } = shelf;
    expect(() => tags.key).toThrow(EntityNotSavedError);
    await expect(tags.add('a')).rejects.toThrow(
      /Shelf\.tags is a collection of an entity that was never saved/,
    );
    await expect(tags.members()).rejects.toMatchObject({ code: 'ENTITY_NOT_SAVED' });
    await expect(all(tags)).rejects.toThrow(EntityNotSavedError);
    await shelves.save(shelf);
    expect(await tags.add('a')).toBe(1);
    await shelves.remove(shelf);
    await expect(tags.add('a')).rejects.toThrow(EntityNotSavedError);
  });

  it('can be obtained without loading the row', async () => {
    const { id, tags } = await stored();
    const handle: ClusterSet<string> = shelves.collection(id, 'tags');
    await handle.add('a');
    expect(await tags.members()).toEqual(['a']);
    expect(handle.key).toBe(`{Shelf:${id}}:Shelf:${id}:tags`);
  });
});

it('take one round trip per write, and accept write options', async () => {
  const { id } = await stored();
  const calls = counted(cluster.client);
  const tags = createRepositories(calls, [Shelf]).repository(Shelf).collection(id, 'tags');
  await tags.add('a');
  await tags.with({ durability: { replicas: 1, timeoutMs: 5_000 } }).add('b');
  expect(calls.calls).toEqual(['script safe', 'script safe']);
  await expect(tags.with({ signal: AbortSignal.abort() }).add('c')).rejects.toMatchObject({
    code: 'ABORTED',
  });
  expect((await tags.members()).toSorted()).toEqual(['a', 'b']);
});

it('are not returned by a stream of the rows', async () => {
  const { id, stock } = await stored();
  await stock.set('pen', 1);
  const rows = (await all(shelves.stream())).filter((shelf) => shelf.id === id);
  expect(rows).toHaveLength(1);
});
