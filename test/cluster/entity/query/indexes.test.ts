import {
  ClusterError,
  type ClusterRepository,
  createRepositories,
  InvalidArgumentError,
  UnindexedQueryError,
  UniqueViolationError,
  VersionConflictError,
} from 'keyslot';
import { orderBigInt, orderNumber, orderText } from '../../../../lib/entity/codec/order-encoding.js';
import { Order, Ticket, counted, freshId, losingReplies, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let tickets: ClusterRepository<Ticket>;
beforeAll(() => {
  client = counted(cluster.client);
  tickets = createRepositories(client, [Order, Ticket]).repository(Ticket);
});

type Data = Partial<Omit<Ticket, 'orderId'>> & { id: string };
const insert = (orderId: string, ...all: Data[]): Promise<Ticket[]> =>
  Promise.all(all.map((data) => tickets.insert(tickets.create({ orderId, ...data }))));
const ids = (found: readonly Ticket[]): string[] => found.map(({ id }) => id);

/** What the index and the uniques of a partition must hold for these rows, and what they do hold. */
async function kept(orderId: string, rows: Iterable<Data>): Promise<{ expected: unknown; actual: unknown }> {
  const entries: string[] = [];
  const uniques: Record<string, string> = {};
  for (const { id, seat, row, price, at, holder, big } of rows) {
    const text = (value?: string): string[] => (value === undefined ? [] : [orderText(value)]);
    const number = (value?: number): string[] => (value === undefined ? [] : [orderNumber(value)]);
    const entry = (name: string, size: number, ...parts: string[]): string[] =>
      parts.length < size ? [] : [[name, ...parts].join('\0')];
    entries.push(
      ...[
        '~pk',
        ...entry('row', 1, ...text(row)),
        ...entry('price', 1, ...number(price)),
        ...entry('byRowAndPrice', 2, ...text(row), ...number(price)),
        ...entry('byDay', 3, ...number(at?.getTime()), ...text(row), ...number(price)),
        ...entry('big', 1, ...(big === undefined ? [] : [orderBigInt(big)])),
      ].map((beginning) => `${beginning}\0${id}`),
    );
    for (const unique of [
      ...entry('seat', 1, ...text(seat)),
      ...entry('holding', 2, ...text(holder), ...text(row)),
    ])
      uniques[unique] = id;
  }
  const { tag } = tickets.partition(orderId);
  return {
    expected: { entries: entries.sort(), uniques },
    actual: {
      entries: (await cluster.client.zrange(`${tag}:Ticket~ix`, '0', '-1')).sort(),
      uniques: { ...(await cluster.client.hgetall(`${tag}:Ticket~uq`)) },
    },
  };
}

describe('findBy', () => {
  const orderId = freshId();
  const at = (day: number): Date => new Date(day * 86_400_000);
  beforeAll(async () => {
    await insert(
      orderId,
      { id: 'a', seat: '1A', row: 'left', price: 10, at: at(1), big: -(2n ** 70n) },
      { id: 'b', seat: '1B', row: 'left', price: -3.5, at: at(2), big: 2n ** 70n },
      { id: 'c', seat: '2A', row: 'lef', price: 10, at: at(1) },
      { id: 'd', row: 'le\0ft', price: 0, holder: 'H' },
      { id: 'e', row: 'right', price: 1e9, at: at(-1), holder: 'H', note: 'no row of its own' },
      { id: 'f' },
    );
  });

  it.each<[string, object, string[]]>([
    ['nothing', {}, ['a', 'b', 'c', 'd', 'e', 'f']],
    ['a value', { row: 'left' }, ['a', 'b']],
    ['a value that begins another', { row: 'lef' }, ['c']],
    ['a value with a zero byte', { row: 'le\0ft' }, ['d']],
    ['a number', { price: 10 }, ['a', 'c']],
    ['gt', { price: { gt: 0 } }, ['a', 'c', 'e']],
    ['gte', { price: { gte: 0 } }, ['d', 'a', 'c', 'e']],
    ['lt', { price: { lt: 10 } }, ['b', 'd']],
    ['lte', { price: { lte: 10 } }, ['b', 'd', 'a', 'c']],
    ['between', { price: { between: [-3.5, 10] } }, ['b', 'd', 'a', 'c']],
    ['two bounds', { price: { gt: -3.5, lt: 10 } }, ['d']],
    ['bounds with nothing between', { price: { gt: 10, lt: 10 } }, []],
    ['startsWith', { row: { startsWith: 'le' } }, ['d', 'c', 'a', 'b']],
    ['startsWith all of a value', { row: { startsWith: 'left' } }, ['a', 'b']],
    ['startsWith and a bound', { row: { startsWith: 'le', lt: 'left' } }, ['d', 'c']],
    ['in, in the order of the index', { row: { in: ['right', 'lef', 'lef', 'none'] } }, ['c', 'e']],
    ['an empty in', { row: { in: [] } }, []],
    ['a composite', { row: 'left', price: 10 }, ['a']],
    ['a composite with a range at its end', { row: 'left', price: { lte: 10 } }, ['b', 'a']],
    ['a composite with lists', { row: { in: ['left', 'lef'] }, price: { in: [10, 0] } }, ['c', 'a']],
    ['the beginning of a composite', { at: at(1) }, ['c', 'a']],
    ['the beginning of a composite, with a range', { at: { lt: at(2) } }, ['e', 'c', 'a']],
    ['two fields of three', { at: at(1), row: 'left' }, ['a']],
    ['bigints', { big: { gt: 0n } }, ['b']],
    ['a unique', { seat: '1B' }, ['b']],
    ['values of a unique', { seat: { in: ['2A', '9Z', '1A'] } }, ['a', 'c']],
    ['a composite unique', { holder: 'H', row: 'right' }, ['e']],
  ])('finds by %s', async (_name, where, expected) => {
    expect(ids(await tickets.findBy({ orderId, ...where }))).toEqual(expected);
    expect(await tickets.countBy({ orderId, ...where })).toBe(expected.length);
    expect((await tickets.findOneBy({ orderId, ...where }))?.id).toBe(expected[0]);
    expect(ids(await tickets.findBy({ orderId, ...where }, { limit: 2 }))).toEqual(expected.slice(0, 2));
  });

  it('takes two round trips, and returns entities as findOne does', async () => {
    client.calls.length = 0;
    const found = await tickets.findBy({ orderId, row: 'left' });
    expect(client.calls).toEqual(['zrangebylex', 'pipeline']);
    expect(found[0]).toEqual(await tickets.findOne({ orderId, id: 'a' }));
    await tickets.save(Object.assign(found[0], { note: 'x' }));
  });

  it('checks each row, also between rows that match', async () => {
    const other = freshId();
    await insert(other, ...['a', 'b', 'c', 'd'].map((id) => ({ id, row: 'left' })));
    // as another program, which does not know the index
    await cluster.client.hset(tickets.keyOf({ orderId: other, id: 'b' }), 'row', 'right');
    await cluster.client.hdel(tickets.keyOf({ orderId: other, id: 'c' }), 'row');
    expect(ids(await tickets.findBy({ orderId: other, row: 'left' }))).toEqual(['a', 'd']);
    expect(ids(await tickets.findBy({ orderId: other, row: { startsWith: 'le' } }))).toEqual(['a', 'd']);
  });

  it('rejects queries that no index covers', async () => {
    for (const where of [
      { note: 'x' },
      { id: 'a' },
      { seat: '1A', price: 10 },
      { price: 10, at: at(1) },
      { seat: { startsWith: '1' } },
      { holder: 'H' },
      { at: { gt: at(1) }, row: 'left' },
      { nothing: 1 },
    ])
      await expect(tickets.findBy({ orderId, ...where } as object)).rejects.toThrow(UnindexedQueryError);
    const orders = createRepositories(client, [Order]).repository(Order);
    await expect(orders.findBy({ id: 'x' } as never)).rejects.toThrow('is a partition of its own');
  });

  it('rejects a query without its partition, and invalid conditions', async () => {
    await expect(tickets.findBy({ row: 'left' })).rejects.toThrow(
      'A query on Ticket must include the partition key `orderId`',
    );
    for (const where of [
      { price: '10' },
      { price: null },
      { price: NaN },
      { price: { gt: 'x' } },
      { price: { near: 1 } },
      { price: { between: [1] } },
      { price: { in: 1 } },
      { price: { in: [1], gt: 0 } },
      { price: { startsWith: '1' } },
      { at: new Date(NaN) },
      { price: { in: Array.from({ length: 2_000 }, (_, i) => i) } },
    ])
      await expect(tickets.findBy({ orderId, ...where } as object)).rejects.toThrow(InvalidArgumentError);
    for (const limit of [0, -1, 1.5, NaN])
      await expect(tickets.findBy({ orderId }, { limit })).rejects.toThrow('limit');
  });

  it('leaves out rows that changed or were deleted since the index was read', async () => {
    const moving = freshId();
    await insert(moving, { id: 'a', row: 'x' }, { id: 'b', row: 'x' }, { id: 'c', row: 'x' });
    const racing = counted(cluster.client);
    racing.zrangebylex = async (...call) => {
      const entries = await cluster.client.zrangebylex(...call);
      await tickets.update({ orderId: moving, id: 'a' }, { row: 'y' });
      await tickets.delete({ orderId: moving, id: 'b' });
      return entries;
    };
    const found = await createRepositories(racing, [Ticket])
      .repository(Ticket)
      .findBy({ orderId: moving, row: 'x' });
    expect(ids(found)).toEqual(['c']);
  });
});

describe('findPage', () => {
  it('returns every row once while rows are added and deleted', async () => {
    const orderId = freshId();
    const all = Array.from({ length: 25 }, (_, i) => ({
      id: `${i}`.padStart(2, '0'),
      row: `${i % 3}`,
      price: i,
    }));
    await insert(orderId, ...all);
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await tickets.findPage({ orderId, row: { in: ['0', '1', '2'] } }, { limit: 4, cursor });
      seen.push(...ids(page.items));
      ({ cursor } = page);
      await tickets.delete({ orderId, id: page.items.at(-1)!.id }); // the cursor's own row
      await insert(orderId, { id: `new${++pages}`, row: '0' });
    } while (cursor !== undefined);
    const before = all.map(({ id }) => id);
    expect(seen.filter((id) => before.includes(id)).sort()).toEqual(before);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('returns no cursor on the last page, and nothing after it', async () => {
    const orderId = freshId();
    await insert(orderId, { id: 'a' }, { id: 'b' });
    expect(await tickets.findPage({ orderId }, { limit: 2 })).toEqual({
      items: [expect.anything(), expect.anything()],
    });
    expect((await tickets.findPage({ orderId }, { limit: 1 })).cursor).toBeDefined();
  });

  it('rejects foreign cursors, and unlimited limits', async () => {
    const orderId = freshId();
    await insert(
      orderId,
      { id: 'a', row: 'x' },
      { id: 'b', row: 'x' },
      { id: 'c', row: 'y' },
      { id: 'd', row: 'y' },
    );
    const { cursor } = await tickets.findPage({ orderId, row: 'x' }, { limit: 1 });
    for (const other of [
      '',
      'x',
      '!',
      `${cursor}=`,
      Buffer.from('row\0').toString('base64url'),
      Buffer.from([0xff]).toString('base64url'),
    ])
      await expect(tickets.findPage({ orderId, row: 'x' }, { limit: 1, cursor: other })).rejects.toThrow(
        'cursor',
      );
    await expect(tickets.findPage({ orderId, row: 'y' }, { limit: 1, cursor })).rejects.toThrow('cursor');
    for (const limit of [0, 1_000_000])
      await expect(tickets.findPage({ orderId }, { limit })).rejects.toThrow('limit');
  });
});

describe('a unique constraint', () => {
  it('is enforced by every write, and reported without its value', async () => {
    const orderId = freshId();
    const [a, b] = await insert(orderId, { id: 'a', seat: 'secret' }, { id: 'b', seat: '2' });
    const taken = [
      () => insert(orderId, { id: 'c', seat: 'secret' }),
      () => tickets.save(Object.assign(b, { seat: 'secret' })),
      () => tickets.update({ orderId, id: 'b' }, { seat: 'secret' }),
      () => tickets.upsert(tickets.create({ orderId, id: 'b', seat: 'secret' })),
    ];
    for (const write of taken) {
      const error: unknown = await write().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UniqueViolationError);
      expect(error).toMatchObject({ entity: 'Ticket', unique: 'seat' });
      expect(String(error)).not.toContain('secret');
    }
    await tickets.remove(a);
    await tickets.save(b); // free again
    await insert(freshId(), { id: 'a', seat: 'secret' }); // and always was in another partition
    const { expected, actual } = await kept(orderId, [b]);
    expect(actual).toEqual(expected);
  });

  it('can be swapped and passed on in one transaction', async () => {
    const orderId = freshId();
    await insert(orderId, { id: 'a', seat: '1' }, { id: 'b', seat: '2' }, { id: 'c', seat: '3' });
    await tickets.transaction(orderId, async (tx) => {
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => tx.get(Ticket, { orderId, id })));
      [a!.seat, b!.seat] = [b!.seat, a!.seat];
      tx.remove(c!);
      [a, b].forEach((ticket) => tx.save(ticket!));
      tx.insert(tickets.create({ orderId, id: 'd', seat: '3' }));
    });
    expect((await tickets.findBy({ orderId })).map(({ id, seat }) => id + seat)).toEqual(['a2', 'b1', 'd3']);
    const twice = tickets.transaction(orderId, async (tx) => {
      for (const id of ['a', 'b'])
        tx.save(Object.assign((await tx.get(Ticket, { orderId, id }))!, { seat: '9' }));
    });
    await expect(twice).rejects.toThrow(UniqueViolationError);
    const { expected, actual } = await kept(orderId, await tickets.findBy({ orderId }));
    expect(actual).toEqual(expected);
  });
});

it('agrees with the rows after any writes, with or without lost replies', async () => {
  const orderId = freshId();
  const writers = [tickets, createRepositories(losingReplies(cluster.client), [Ticket]).repository(Ticket)];
  const model = new Map<string, Data>();
  const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)];
  const fields = (): Omit<Data, 'id'> => ({
    seat: pick([undefined, '1', '2', '3', '4', '5']),
    row: pick([undefined, 'left', 'right', 'le\0ft\x01', '€']),
    price: pick([undefined, -1, 0, 2.5]),
    at: pick([undefined, new Date(0), new Date(-5)]),
    holder: pick([undefined, 'A', 'B']),
    big: pick([undefined, 1n, -1n]),
    note: pick([undefined, 'x', 'y']),
  });
  let refused = 0;
  for (let i = 0; i < 600; i++) {
    const repository = pick(writers);
    const id = pick(['a', 'b:', 'c{', 'd', 'e', 'f']);
    const key = { orderId, id };
    const data = { id, ...fields() };
    const [property] = pick(Object.entries(fields()));
    const patch = { [property]: data[property as keyof Data] ?? null };
    const writes: Record<string, () => Promise<Data | null>> = {
      insert: async () => repository.insert(repository.create({ orderId, ...data })),
      upsert: async () => repository.upsert(repository.create({ orderId, ...data })),
      save: async () =>
        repository.save(Object.assign((await repository.findOne(key)) ?? repository.create(key), data)),
      update: async () => (await repository.update(key, patch), repository.findOne(key)),
      remove: async () => (await tickets.remove((await tickets.findOne(key)) ?? tickets.create(key)), null),
      delete: async () => (await tickets.delete(key), null),
    };
    try {
      const written = await pick(Object.values(writes))();
      if (written) model.set(id, written);
      else model.delete(id);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeLessThan(500);
  const rows = await tickets.findBy({ orderId });
  expect(rows).toEqual(
    [...model.values()].sort((a, b) => (tickets.keyOf(a as Ticket) < tickets.keyOf(b as Ticket) ? -1 : 1)),
  );
  const agreed = await kept(
    orderId,
    rows.map((row) => ({ ...row, id: encodeURIComponent(row.id) })),
  );
  expect(agreed.actual).toEqual(agreed.expected);
  for (const { id } of rows) await tickets.delete({ orderId, id });
  expect((await kept(orderId, [])).actual).toEqual({ entries: [], uniques: {} });
});

it('costs only the writes that change it', async () => {
  const orderId = freshId();
  const [ticket] = await insert(orderId, { id: 'a', seat: '1', row: 'x' });
  const keys: number[] = [];
  const watching = counted(cluster.client);
  watching.with = (options) => ({
    ...counted(cluster.client).with(options),
    runScript: (script, all, args) => {
      keys.push(all.length);
      return cluster.client.with(options).runScript(script, all, args);
    },
  });
  const watched = createRepositories(watching, [Ticket]).repository(Ticket);
  await watched.update({ orderId, id: 'a' }, { note: 'x' });
  await expect(tickets.save(Object.assign(ticket, { row: 'y' }))).rejects.toThrow(VersionConflictError);
  await watched.update({ orderId, id: 'a' }, { row: 'y' });
  await watched.update({ orderId, id: 'a' }, { seat: '2' });
  expect(keys).toEqual([1, 3, 3]); // the row; with ~ix and ~uq, for a composite unique has the row's row
});
