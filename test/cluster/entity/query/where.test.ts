import { runInNewContext } from 'node:vm';
import {
  ClusterEntity,
  type ClusterRepository,
  type ClusterSortedSet,
  Counter,
  createRepositories,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  SortedSetOf,
} from 'keyslot';
import { User } from '../global/fixtures.js';
import { Order, Ticket, counted, freshId, sharedClient } from '../fixtures.js';

/** What is stored as JSON, and asked for by the text of it. */
interface Point {
  readonly x: number;
  readonly y: number;
}

@ClusterEntity({ name: 'Pin', partition: () => Order })
class Pin {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index()
  @Property({
    type: String,
    transformer: {
      to: ({ x, y }: Point): string => `${x}/${y}`,
      from: (text: string): Point => ({ x: Number(text.split('/')[0]), y: Number(text.split('/')[1]) }),
    },
  })
  at!: Point;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
  @Counter() seen!: number;
}

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let tickets: ClusterRepository<Ticket>;
let users: ClusterRepository<User>;
let pins: ClusterRepository<Pin>;
beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Order, Ticket, User, Pin]);
  tickets = registry.repository(Ticket);
  users = registry.repository(User);
  pins = registry.repository(Pin);
});

const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);

/** The property that a call is refused for; nothing may have been sent. */
async function refusedFor(call: () => Promise<unknown>): Promise<string> {
  client.calls.length = 0;
  const error = await call().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(client.calls).toEqual([]);
  return (error as InvalidArgumentError).argument;
}

describe('an undefined condition', () => {
  const orderId = freshId();
  const where = (conditions: object): never => ({ orderId, ...conditions }) as never;
  beforeAll(async () => {
    await tickets.insert(tickets.create({ orderId, id: 'victim', seat: '1A', row: 'left', price: 1 }));
    await users.insert(users.create({ id: orderId, team: orderId, age: 3, email: orderId }));
  });

  it.each<[object, string]>([
    [{ seat: undefined }, 'seat'],
    [{ row: undefined, price: 1 }, 'row'],
    [{ row: undefined }, 'row'],
    [{ orderId: undefined, row: 'left' }, 'orderId'],
    ...['eq', 'in', 'gt', 'gte', 'lt', 'lte', 'between', 'startsWith'].map((operator): [object, string] => [
      { row: { [operator]: undefined } },
      'row',
    ]),
    [{ price: { gte: 0, lt: undefined } }, 'price'],
    [{ price: { in: [1, undefined] } }, 'price'],
    [{ price: { between: [1, undefined] } }, 'price'],
  ])('is rejected in a query: %p', async (conditions, property) => {
    const given = where(conditions);
    const reads: (() => Promise<unknown>)[] = [
      () => tickets.findBy(given),
      () => tickets.findOneBy(given),
      () => tickets.findPage(given, { limit: 5 }),
      () => tickets.countBy(given),
      () => tickets.stream(given).next(),
      () => tickets.transaction(orderId, (tx) => tx.find(Ticket, given)),
    ];
    for (const read of reads) expect(await refusedFor(read)).toBe(property);
  });

  it('is rejected in a query by a global index', async () => {
    expect(await refusedFor(() => users.findBy({ team: orderId, age: undefined } as never))).toBe('age');
    expect(await refusedFor(() => users.findOneBy({ email: undefined } as never))).toBe('email');
    expect(await refusedFor(() => users.countBy({ team: { gte: undefined } } as never))).toBe('team');
  });

  it('is rejected as the guard of an update, which then writes nothing', async () => {
    const key = { orderId, id: 'victim' };
    const updates: [object, string][] = [
      [{ where: { note: undefined } }, 'note'],
      [{ where: { note: null, row: undefined } }, 'row'],
      [{ where: undefined }, 'where'],
      [{ ifVersion: undefined }, 'ifVersion'],
    ];
    for (const [options, property] of updates)
      expect(await refusedFor(() => tickets.update(key, { note: 'stolen' }, options))).toBe(property);
    expect((await tickets.findOneOrFail(key)).note).toBeUndefined();
  });

  it('is rejected as a bound of scores', async () => {
    const pin = await pins.insert(pins.create({ orderId, id: 'scored', at: { x: 1, y: 1 } }));
    await pin.scores.addMany([
      ['a', 1],
      ['b', 2],
    ]);
    const calls: [() => Promise<unknown>, string][] = [
      [() => pin.scores.deleteByScore({}), 'bounds'],
      [() => pin.scores.deleteByScore({ max: undefined } as never), 'max'],
      [() => pin.scores.deleteByScore({ min: undefined, max: 5 } as never), 'min'],
      [() => pin.scores.deleteByScore(undefined as never), 'bounds'],
      [() => pin.scores.countByScore({ min: undefined } as never), 'min'],
      [() => pin.scores.rangeByScore({ max: undefined } as never), 'max'],
    ];
    for (const [call, name] of calls) expect(await refusedFor(call)).toBe(name);
    expect(await pin.scores.size()).toBe(2);
    expect(await pin.scores.deleteByScore({ min: -Infinity })).toBe(2);
  });
});

describe('a condition', () => {
  const orderId = freshId();
  const find = async (conditions: object): Promise<string[]> =>
    ids(await tickets.findBy({ orderId, ...conditions } as never));
  beforeAll(async () => {
    for (const [id, row, price] of [
      ['a', 'left', 1],
      ['b', 'right', 2],
    ] as const)
      await tickets.insert(tickets.create({ orderId, id, row, price, seat: id, at: new Date(price) }));
  });

  it('with `eq` is a value, whatever it looks like', async () => {
    expect(await find({ row: { eq: 'left' } })).toEqual(['a']);
    expect(await find({ seat: { eq: 'b' } })).toEqual(['b']);
    expect(await find({ row: { eq: 'right' }, price: { gt: 1 } })).toEqual(['b']);
    // what a request has brought where text was expected
    const evil = JSON.parse('{ "gte": "" }') as never;
    expect(await find({ row: evil })).toEqual(['a', 'b']);
    await expect(find({ row: { eq: evil } })).rejects.toThrow('must be queried by a string');
    await expect(find({ row: { eq: 'left', gt: '' } })).rejects.toThrow('beside other operators');
  });

  it('can be an object of any prototype', async () => {
    class Range {
      constructor(
        readonly gte: number,
        readonly lt: number,
      ) {}
    }
    expect(await find({ price: new Range(1, 2) })).toEqual(['a']);
    expect(await find({ price: Object.assign(Object.create(null) as object, { gt: 1 }) })).toEqual(['b']);
    expect(await find({ row: runInNewContext("({ startsWith: 'ri' })") as object })).toEqual(['b']);
    expect(await find({ at: runInNewContext('new Date(1)') as Date })).toEqual(['a']);
  });

  it('with `eq` works for a property whose values are objects', async () => {
    await pins.insert(pins.create({ orderId, id: 'p', at: { x: 3, y: 4 } }));
    expect(ids(await pins.findBy({ orderId, at: { eq: { x: 3, y: 4 } } }))).toEqual(['p']);
    expect(await pins.countBy({ orderId, at: { in: [{ x: 3, y: 4 }] } })).toBe(1);
  });

  it('is rejected with advice if it is null, a list, or an object without operators', async () => {
    await expect(find({ row: null })).rejects.toThrow('use { isNull: true }');
    await expect(find({ row: ['left'] })).rejects.toThrow('use { in: [...] }');
    await expect(find({ row: new Map() })).rejects.toThrow('without operators');
    await expect(find({ row: {} })).rejects.toThrow('without operators'); // a parsed body, say
    await expect(find({ row: Object.create(null) as object })).rejects.toThrow('without operators');
    await expect(find({ row: Promise.resolve('left') })).rejects.toThrow('without operators');
  });

  it('that no index covers is rejected with the index that would', async () => {
    await expect(find({ note: 'x' })).rejects.toThrow('declare @Index() on note, or pass { scan: true }');
    await expect(find({ note: 'x', row: 'left' })).rejects.toThrow(
      "declare @Index({ name: '…', fields: ['note', 'row'] }), or",
    );
    await expect(find({ id: 'a' })).rejects.toThrow('findOne() finds a row by its key');
    await expect(find({ rwo: 'left' })).rejects.toThrow('rwo is not one of its @Property() members');
  });
});

it('a page has a hundred entities by default', async () => {
  const orderId = freshId();
  const all = Array.from({ length: 101 }, (_, i) =>
    tickets.create({ orderId, id: String(i).padStart(3, '0') }),
  );
  await tickets.saveMany(all);
  const { items, cursor } = await tickets.findPage({ orderId });
  expect(ids(items)).toEqual(ids(all.slice(0, 100)));
  expect(ids((await tickets.findPage({ orderId }, { cursor })).items)).toEqual(['100']);
});

it('eq and in accept the plain objects of a transformer', async () => {
  const orderId = freshId();
  await pins.saveMany([
    pins.create({ orderId, id: '1', at: { x: 1, y: 2 } }),
    pins.create({ orderId, id: '2', at: { x: 3, y: 4 } }),
  ]);
  expect(ids(await pins.findBy({ orderId, at: { eq: { x: 3, y: 4 } } }))).toEqual(['2']);
  expect(await pins.countBy({ orderId, at: { in: [{ x: 1, y: 2 }] } })).toBe(1);
  const prefix = { orderId, at: { startsWith: '1' } } as never;
  await expect(pins.findBy(prefix)).rejects.toThrow('strings without an enum or a transformer');
});
