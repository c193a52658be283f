import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  UnindexedQueryError,
} from 'keyslot';
import { User } from '../global/fixtures.js';
import { Order, Ticket, freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Numbered', partition: () => Order })
class Numbered {
  declare readonly [Shape]: { key: 'orderId' | 'line' };
  @PartitionKey() orderId!: string;
  @PrimaryKey() line!: number;
}

@ClusterEntity({ name: 'Task', partition: () => Order })
class Task {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'state' | 'owner' | 'due' };
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index({ name: 'byState', fields: ['state', 'due'] }) @Property() state!: string;
  @Index({ name: 'byOwner', fields: ['owner', 'due'] }) @Property() owner!: string;
  @Index() @Property() due!: number;
  @Property() note?: string;
}

const cluster = sharedClient();
let tickets: ClusterRepository<Ticket>;
let tasks: ClusterRepository<Task>;
let users: ClusterRepository<User>;
let numbered: ClusterRepository<Numbered>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Order, Ticket, Task, User, Numbered]);
  tickets = registry.repository(Ticket);
  tasks = registry.repository(Task);
  users = registry.repository(User);
  numbered = registry.repository(Numbered);
});

const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);

describe('order', () => {
  const orderId = freshId();
  beforeAll(async () => {
    const rows = [
      { id: 'a', row: 'left', price: 10 },
      { id: 'b', row: 'right', price: 3 },
      { id: 'c', row: 'left', price: 3 },
      { id: 'd', row: 'middle', price: 7 },
      { id: 'e' },
    ];
    await tickets.saveMany(rows.map((row) => tickets.create({ orderId, ...row })));
  });

  it.each<[string, object, string[]]>([
    ['all rows', {}, ['e', 'd', 'c', 'b', 'a']],
    ['a range', { price: { gte: 3, lt: 10 } }, ['d', 'c', 'b']],
    ['a list of values', { row: { in: ['left', 'middle'] } }, ['d', 'c', 'a']],
    ['a list over two fields', { row: { in: ['left', 'right'] }, price: 3 }, ['b', 'c']],
    ['a prefix', { row: { startsWith: 'l' } }, ['c', 'a']],
    ['nothing', { row: 'none' }, []],
  ])('desc reverses %s, in every kind of call', async (_, conditions, expected) => {
    const where = { orderId, ...conditions };
    expect(ids(await tickets.findBy(where, { order: 'desc' }))).toEqual(expected);
    expect(ids(await tickets.findBy(where, { order: 'asc' }))).toEqual(expected.toReversed());
    expect((await tickets.findOneBy(where, { order: 'desc' }))?.id).toBe(expected[0]);
    expect(ids((await tickets.findPage(where, { order: 'desc' })).items)).toEqual(expected);
    const streamed: Ticket[] = [];
    for await (const ticket of tickets.stream(where, { order: 'desc', batchSize: 1 })) streamed.push(ticket);
    expect(ids(streamed)).toEqual(expected);
    const observed: Ticket[] = [];
    await tickets.observe(where, { order: 'desc' }).forEach((ticket) => observed.push(ticket));
    expect(ids(observed)).toEqual(expected);
    const found = await tickets.transaction(orderId, (tx) => tx.find(Ticket, where, { order: 'desc' }));
    expect(ids(found)).toEqual(expected);
  });

  it.each<[string, object, object, string[]]>([
    ['an index of its own', {}, { price: 'desc' }, ['a', 'd', 'c', 'b']],
    ['the field after a value', { row: 'left' }, { price: 'desc' }, ['a', 'c']],
    ['a field with a range', { row: 'left', price: { gt: 3 } }, { price: 'asc' }, ['a']],
    ['two fields', {}, { row: 'asc', price: 'asc' }, ['c', 'a', 'd', 'b']],
    ['a field of which all rows have one value', { row: 'left' }, { row: 'desc', price: 'desc' }, ['a', 'c']],
    [
      'a list of values of the field before',
      { row: { in: ['left', 'right'] } },
      { price: 'asc' },
      ['c', 'b', 'a'],
    ],
    ['the same, backwards', { row: { in: ['left', 'right'] } }, { price: 'desc' }, ['a', 'b', 'c']],
    ['the id', {}, { id: 'desc' }, ['e', 'd', 'c', 'b', 'a']],
    ['a value and the id', { price: 3 }, { price: 'desc', id: 'desc' }, ['c', 'b']],
    ['the id after a list', { price: { in: [3, 10] } }, { id: 'asc' }, ['a', 'b', 'c']],
  ])('by %s uses an index that has it', async (_, conditions, order, expected) => {
    const where = { orderId, ...conditions };
    const options = { order: order as { price: 'asc' } };
    expect(ids(await tickets.findBy(where, options))).toEqual(expected);
    const found = await tickets.transaction(orderId, (tx) => tx.find(Ticket, where, options));
    expect(ids(found)).toEqual(expected);
    // Pages of one, forwards and backwards, are the same rows.
    const forwards: string[] = [];
    let page = await tickets.findPage(where, { ...options, limit: 1 });
    for (; ; page = await tickets.findPage(where, { ...options, limit: 1, cursor: page.next })) {
      forwards.push(...ids(page.items));
      if (page.next === undefined) break;
    }
    const backwards = ids(page.items);
    while (page.previous !== undefined) {
      page = await tickets.findPage(where, { ...options, limit: 1, cursor: page.previous });
      backwards.unshift(...ids(page.items));
    }
    expect([forwards, backwards]).toEqual([expected, expected]);
  });

  it.each<[object, object]>([
    [{}, { seat: 'asc' }],
    [{}, { note: 'desc' }],
    [{ row: 'left' }, { at: 'asc' }],
    [{ row: { gt: 'a' } }, { price: 'asc' }],
    [{}, { price: 'asc', row: 'asc' }],
    [{ price: { gt: 3 } }, { id: 'asc' }],
  ])('is refused where no index has it: %p by %p', async (conditions, order) => {
    const found = tickets.findBy({ orderId, ...conditions }, { order: order as { price: 'asc' } });
    await expect(found).rejects.toThrow(UnindexedQueryError);
    await expect(found).rejects.toThrow(`in the order of ${Object.keys(order)[0]}`);
  });

  it.each<[unknown, string]>([
    ['up', "order must be 'asc', 'desc'"],
    [null, "order must be 'asc', 'desc'"],
    [['price'], "order must be 'asc', 'desc'"],
    [{}, 'order names no property'],
    [{ price: 'up' }, 'order has price with a direction'],
    [{ row: 'asc', price: 'desc' }, 'order mixes asc and desc'],
    [{ id: 'asc', price: 'asc' }, 'order names a property after id'],
  ])('that is not valid is refused: %p', async (order, message) => {
    const found = tickets.findBy({ orderId }, { order: order as 'asc' });
    await expect(found).rejects.toThrow(InvalidArgumentError);
    await expect(found).rejects.toThrow(message);
  });

  it('of ids that are numbers is refused, because indexes sort ids as text', async () => {
    await expect(numbered.findBy({ orderId }, { order: { line: 'asc' } })).rejects.toThrow(
      'sort ids as text',
    );
  });

  it('of a stream of all rows is refused', async () => {
    await expect(tickets.stream(undefined, { order: 'desc' }).next()).rejects.toThrow('has no order');
  });

  it('sees the writes of a transaction', async () => {
    const found = await tickets.transaction(orderId, async (tx) => {
      tx.insert(tickets.create({ orderId, id: 'new', row: 'left', price: 5 }));
      const all = await tx.find(Ticket, { orderId }, { order: { price: 'desc' } });
      return all.map(({ price }) => price);
    });
    expect(found).toEqual([10, 7, 5, 3, 3]);
    await tickets.delete({ orderId, id: 'new' });
  });

  it('holds for global indexes', async () => {
    const team = freshId();
    await users.saveMany([30, 10, 20].map((age) => users.create({ id: `${team}-${age}`, team, age })));
    const found = async (options: object): Promise<(number | undefined)[]> =>
      (await users.findBy({ team }, options)).map(({ age }) => age);
    expect(await found({ order: { age: 'desc' } })).toEqual([30, 20, 10]);
    expect(await found({ order: { age: 'asc' }, limit: 2 })).toEqual([10, 20]);
    const first = await users.findPage({ team }, { order: { age: 'desc' }, limit: 2 });
    const second = await users.findPage({ team }, { order: { age: 'desc' }, limit: 2, cursor: first.next });
    expect(second.items.map(({ age }) => age)).toEqual([10]);
    const back = await users.findPage(
      { team },
      { order: { age: 'desc' }, limit: 2, cursor: second.previous },
    );
    expect(back.items.map(({ age }) => age)).toEqual([30, 20]);
    expect(back.previous).toBeUndefined();
  });
});

describe('pages', () => {
  const orderId = freshId();
  const all = Array.from({ length: 10 }, (_, i) => `t${i}`);
  const where = { orderId };
  beforeAll(() => tickets.saveMany(all.map((id, i) => tickets.create({ orderId, id, price: i % 3 }))));

  it('have cursors to both sides, where there is a page', async () => {
    const first = await tickets.findPage(where, { limit: 4 });
    expect([first.previous, first.cursor]).toEqual([undefined, first.next]);
    const second = await tickets.findPage(where, { limit: 4, cursor: first.next });
    const third = await tickets.findPage(where, { limit: 4, cursor: second.next });
    expect([...ids(first.items), ...ids(second.items), ...ids(third.items)]).toEqual(all);
    expect(third).not.toHaveProperty('next');
    const back = await tickets.findPage(where, { limit: 4, cursor: third.previous });
    expect(ids(back.items)).toEqual(ids(second.items));
    expect(ids((await tickets.findPage(where, { limit: 4, cursor: back.next })).items)).toEqual(
      ids(third.items),
    );
  });

  it('stay where they are while rows come and go', async () => {
    const own = freshId();
    await tickets.saveMany(['b', 'd', 'f', 'h'].map((id) => tickets.create({ orderId: own, id })));
    const first = await tickets.findPage({ orderId: own }, { limit: 2 });
    await tickets.saveMany(['a', 'c', 'e'].map((id) => tickets.create({ orderId: own, id })));
    await tickets.delete({ orderId: own, id: 'd' }); // the row that the cursor came from
    const second = await tickets.findPage({ orderId: own }, { limit: 2, cursor: first.next });
    expect(ids(second.items)).toEqual(['e', 'f']);
    const back = await tickets.findPage({ orderId: own }, { limit: 2, cursor: second.previous });
    expect(ids(back.items)).toEqual(['b', 'c']);
  });

  it('without rows lead back', async () => {
    const own = freshId();
    await tickets.saveMany(['a', 'b', 'c'].map((id) => tickets.create({ orderId: own, id })));
    const first = await tickets.findPage({ orderId: own }, { limit: 2 });
    await tickets.delete({ orderId: own, id: 'c' });
    const empty = await tickets.findPage({ orderId: own }, { limit: 2, cursor: first.next });
    expect([empty.items, empty.next]).toEqual([[], undefined]);
    const back = await tickets.findPage({ orderId: own }, { limit: 2, cursor: empty.previous });
    expect(ids(back.items)).toEqual(['a', 'b']);
  });

  it('count all rows if they are to', async () => {
    expect(await tickets.findPage(where, { limit: 3, total: true })).toMatchObject({ total: 10 });
    expect(await tickets.findPage({ orderId, price: 1 }, { total: true })).toMatchObject({ total: 3 });
    expect(await tickets.findPage(where)).not.toHaveProperty('total');
    await expect(tickets.findPage(where, { total: 'yes' as never })).rejects.toThrow(InvalidArgumentError);
  });

  it('refuse the cursor of another query, and of another order', async () => {
    const { next } = await tickets.findPage(where, { limit: 4 });
    await expect(tickets.findPage(where, { cursor: next, order: 'desc' })).rejects.toThrow('does not belong');
    await expect(tickets.findPage({ orderId, price: 1 }, { cursor: next })).rejects.toThrow(
      'does not belong',
    );
    for (const made of ['', 'x', 'PmFzYzA6', `${next}=`, Buffer.from('>asc9:~pk').toString('base64url')])
      await expect(tickets.findPage(where, { cursor: made })).rejects.toThrow('does not belong');
  });

  it('can be skipped with an offset', async () => {
    expect(ids(await tickets.findBy(where, { offset: 7 }))).toEqual(all.slice(7));
    expect(ids(await tickets.findBy(where, { offset: 3, limit: 2 }))).toEqual(all.slice(3, 5));
    expect(ids(await tickets.findBy(where, { offset: 1, limit: 2, order: 'desc' }))).toEqual(['t8', 't7']);
    expect(await tickets.findBy(where, { offset: 100, limit: 2 })).toEqual([]);
    for (const offset of [-1, 0.5, '1'])
      await expect(tickets.findBy(where, { offset: offset as number })).rejects.toThrow(InvalidArgumentError);
  });
});

describe('or', () => {
  const orderId = freshId();
  beforeAll(async () => {
    const rows = [
      ['a', 'open', 'ada', 5],
      ['b', 'done', 'ada', 1],
      ['c', 'open', 'bob', 3],
      ['d', 'done', 'bob', 2],
      ['e', 'done', 'eve', 9],
    ] as const;
    await tasks.saveMany(
      rows.map(([id, state, owner, due]) => tasks.create({ orderId, id, state, owner, due })),
    );
  });

  it.each<[string, object, object, string[]]>([
    ['finds rows of each condition, once, the first one first', {}, {}, ['c', 'a', 'b']],
    ['backwards', {}, { order: 'desc' }, ['b', 'a', 'c']],
    ['merges them into one order', {}, { order: { due: 'asc' } }, ['b', 'c', 'a']],
    ['backwards', {}, { order: { due: 'desc' } }, ['a', 'c', 'b']],
    ['has the conditions beside it in each', { due: { gt: 1 } }, { order: { due: 'asc' } }, ['c', 'a']],
  ])('%s', async (_, beside, options, expected) => {
    const where = { orderId, ...beside, or: [{ state: 'open' }, { owner: 'ada' }] };
    expect(ids(await tasks.findBy(where, options))).toEqual(expected);
    expect(await tasks.countBy(where)).toBe(expected.length);
    const found = await tasks.transaction(orderId, (tx) => tx.find(Task, where, options));
    expect(ids(found)).toEqual(expected);
    const paged: string[] = [];
    const back: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await tasks.findPage(where, { ...options, limit: 1, cursor });
      paged.push(...ids(page.items));
      for (let { previous } = page; !page.next && previous;) {
        const earlier = await tasks.findPage(where, { ...options, limit: 1, cursor: previous });
        back.unshift(...ids(earlier.items));
        ({ previous } = earlier);
      }
      if (!page.next) break;
      cursor = page.next;
    }
    expect([paged, [...back, paged.at(-1)]]).toEqual([expected, expected]);
  });

  it('has a value on both sides', async () => {
    const where = { orderId, due: { gte: 2 }, or: [{ due: { lt: 4 } }, { owner: 'eve' }] };
    expect(ids(await tasks.findBy(where))).toEqual(['d', 'c', 'e']);
  });

  it('of nothing finds nothing', async () => {
    expect(await tasks.findBy({ orderId, or: [] })).toEqual([]);
    expect(await tasks.findPage({ orderId, or: [] }, { total: true })).toEqual({ items: [], total: 0 });
    expect(await tasks.findOneBy({ orderId, or: [] })).toBeNull();
  });

  it.each<[unknown, string]>([
    [{ state: 'open' }, 'or must be an array'],
    [[{}], 'or[0] has no condition'],
    [[{ state: 'open' }, null], 'or[1] must be an object'],
    [[{ state: undefined }], 'state is undefined'],
    [[{ or: [] }], 'must not be inside another or'],
    [[{ orderId: 'x' }], 'must be beside or'],
    [Array.from({ length: 33 }, () => ({ state: 'open' })), '33 alternatives'],
  ])('that is not valid is refused: %p', async (or, message) => {
    const found = tasks.findBy({ orderId, or } as never);
    await expect(found).rejects.toThrow(InvalidArgumentError);
    await expect(found).rejects.toThrow(message);
  });

  it('is refused where one of the conditions has no index', async () => {
    const found = tasks.findBy({ orderId, or: [{ state: 'open' }, { note: 'x' }] } as never);
    await expect(found).rejects.toThrow(UnindexedQueryError);
  });

  it('holds for global indexes', async () => {
    const team = freshId();
    await users.saveMany([30, 10, 20].map((age) => users.create({ id: `${team}-${age}`, team, age })));
    const where = { team, or: [{ age: { lt: 15 } }, { age: { gt: 5, lt: 25 } }] };
    expect((await users.findBy(where)).map(({ age }) => age)).toEqual([10, 20]);
    expect(await users.countBy(where)).toBe(2);
  });
});

describe('not and notIn', () => {
  const orderId = freshId();
  beforeAll(() =>
    tickets.saveMany([1, 2, 3, undefined].map((price, i) => tickets.create({ orderId, id: `${i}`, price }))),
  );

  it.each<[object, string[]]>([
    [{ not: 2 }, ['0', '2']],
    [{ not: 7 }, ['0', '1', '2']],
    [{ notIn: [1, 3] }, ['1']],
    [{ notIn: [] }, ['0', '1', '2']],
    [{ gte: 2, not: 3 }, ['1']],
    [{ gt: 1, lt: 3, notIn: [2] }, []],
  ])('%p finds other values, and counts them in the index', async (price, expected) => {
    expect(ids(await tickets.findBy({ orderId, price }))).toEqual(expected);
    expect(await tickets.countBy({ orderId, price })).toBe(expected.length);
  });

  it.each<[object, string]>([
    [{ not: [1] }, 'use { notIn: [...] }'],
    [{ not: null }, 'use { isNull: true }'],
    [{ not: undefined }, 'not with undefined'],
    [{ notIn: 1 }, 'a `notIn` that is not an array'],
    [{ notIn: [1, null] }, 'null in its list'],
    [{ not: 'x' }, 'must be queried by a finite number'],
  ])('%p is refused', async (price, message) => {
    await expect(tickets.findBy({ orderId, price } as never)).rejects.toThrow(message);
  });
});

describe('scan', () => {
  const orderId = freshId();
  beforeAll(() =>
    tickets.saveMany(
      Array.from({ length: 300 }, (_, i) =>
        tickets.create({ orderId, id: String(i).padStart(3, '0'), row: `r${i % 3}`, note: `n${i % 50}` }),
      ),
    ),
  );

  it('filters what the index that narrows most has found', async () => {
    const where = { orderId, row: 'r1', note: 'n7' };
    await expect(tickets.findBy(where as never)).rejects.toThrow(UnindexedQueryError);
    const expected = Array.from({ length: 300 }, (_, i) => i)
      .filter((i) => i % 3 === 1 && i % 50 === 7)
      .map((i) => String(i).padStart(3, '0'));
    expect(ids(await tickets.findBy(where, { scan: true }))).toEqual(expected);
    expect(await tickets.countBy(where, { scan: true })).toBe(2);
    const page = await tickets.findPage(where, { scan: true, limit: 1, total: true });
    expect([ids(page.items), page.total]).toEqual([expected.slice(0, 1), 2]);
    expect((await tickets.findOneBy(where, { scan: true, order: 'desc' }))?.id).toBe(expected[1]);
  });

  it('finds rows that an index lacks because they have no value', async () => {
    const own = freshId();
    await tickets.insert(tickets.create({ orderId: own, id: 'x', row: 'left', note: 'here' }));
    // byRowAndPrice has no entry of it
    expect(ids(await tickets.findBy({ orderId: own, note: 'here' }, { scan: true }))).toEqual(['x']);
    expect(ids(await tickets.findBy({ orderId: own, price: { isNull: true } }, { scan: true }))).toEqual([
      'x',
    ]);
    expect(ids(await tickets.findBy({ orderId: own, note: { isNull: false } }, { scan: true }))).toEqual([
      'x',
    ]);
    expect(await tickets.findBy({ orderId: own, note: { isNull: true } }, { scan: true })).toEqual([]);
    expect(
      ids(
        await tickets.findBy({ orderId: own, note: { startsWith: 'HE', ignoreCase: true } }, { scan: true }),
      ),
    ).toEqual(['x']);
    await expect(tickets.findBy({ orderId: own, price: { isNull: true } })).rejects.toThrow(
      UnindexedQueryError,
    );
  });

  it('is for one partition', async () => {
    const found = users.findBy({ team: 'x' } as never, { scan: true });
    await expect(found).rejects.toThrow('scan reads the rows of one partition');
    await expect(tickets.findBy({ orderId }, { scan: 1 as never })).rejects.toThrow(InvalidArgumentError);
  });

  it('in a transaction notices rows that would match by the commit', async () => {
    const own = freshId();
    await tickets.saveMany(['a', 'b'].map((id) => tickets.create({ orderId: own, id, note: id })));
    let runs = 0;
    const found = await tickets.transaction(own, async (tx) => {
      const all = await tx.find(Ticket, { orderId: own, note: 'a' }, { scan: true });
      if (++runs === 1) await tickets.update({ orderId: own, id: 'b' }, { note: 'a' });
      tx.insert(tickets.create({ orderId: own, id: `new-${all.length}` }));
      return ids(all);
    });
    expect([runs, found]).toEqual([2, ['a', 'b']]);
  });
});
