import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  type EntityRegistry,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
} from 'keyslot';
import { Order, counted, freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Booking', partition: () => Order })
class Booking {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'seat' | 'state' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() seat?: string;
  @Index() @Property() state?: string;
  @ExpiresAt() expiresAt?: Date;
}

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let registry: EntityRegistry;
let bookings: ClusterRepository<Booking>;
beforeAll(() => {
  client = counted(cluster.client);
  registry = createRepositories(client, [Order, Booking]);
  bookings = registry.repository(Booking);
});

const past = (): Date => new Date(Date.now() - 60_000);

/** Rows that have expired, and that nobody has swept; those that are taken are so by the server, as after their day. */
async function expired(orderId: string, count: number, taken = 0): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) =>
    bookings.create({ orderId, id: `a${String(i).padStart(5, '0')}`, state: 's', expiresAt: past() }),
  );
  const results = await bookings.saveMany(rows);
  expect(results.every(({ ok }) => ok)).toBe(true);
  await Promise.all(rows.slice(0, taken).map((row) => cluster.client.del(bookings.keyOf(row))));
}

async function faults(orderId: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { fault, index } of bookings.verifyIndexes({ partition: orderId }))
    found.push(`${fault} ${index}`);
  return found;
}

describe('a row that the server expired before it was swept, and that is recreated', () => {
  const again = async (way: 'insert' | 'upsert'): Promise<string> => {
    const orderId = freshId();
    const ada = { orderId, id: 'ada' };
    await bookings.insert(bookings.create({ ...ada, seat: 'A1', state: 's', expiresAt: past() }));
    await cluster.client.del(bookings.keyOf(ada));
    await bookings[way](bookings.create({ ...ada, seat: 'B2', state: 't' }));
    return orderId;
  };

  it.each(['insert', 'upsert'] as const)('counts once, by its own values, after an %s', async (way) => {
    const orderId = await again(way);
    expect(await bookings.countBy({ orderId })).toBe(1);
    expect(await bookings.countBy({ orderId, state: 't' })).toBe(1);
    expect(await bookings.countBy({ orderId, state: 's' })).toBe(0);
    expect(await bookings.findBy({ orderId, state: 's' })).toEqual([]);
  });

  it('does not hold the unique value of the former row, but its own', async () => {
    const orderId = await again('insert');
    const book = (id: string, seat: string): Promise<unknown> =>
      bookings.insert(bookings.create({ orderId, id, seat }));
    await book('bob', 'A1');
    await expect(book('eve', 'B2')).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' });
    await expect(book('eve', 'A1')).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' });
    expect((await bookings.findOneBy({ orderId, seat: 'A1' }))?.id).toBe('bob');
  });

  it('loses the leftovers of the former row in a sweep, and stays', async () => {
    const orderId = await again('insert');
    expect(await bookings.sweepExpired({ partition: orderId })).toEqual({ swept: 0 });
    expect(await faults(orderId)).toEqual([]);
    expect(await bookings.countBy({ orderId, state: 't' })).toBe(1);
    expect(await bookings.findBy({ orderId })).toMatchObject([{ id: 'ada', seat: 'B2' }]);
  });
});

describe('expired rows that wait for a sweep', () => {
  const orderId = freshId();
  const living = { orderId, id: 'z' };
  beforeAll(async () => {
    await bookings.insert(bookings.create({ ...living, state: 's' }));
    await expired(orderId, 1_150, 150);
  });

  it('cost a query few round trips', async () => {
    client.calls.length = 0;
    expect((await bookings.findOneBy({ orderId, state: 's' }))?.id).toBe('z');
    expect(client.calls.length).toBeLessThan(20);
    expect(await bookings.findBy({ orderId, state: 's' })).toHaveLength(1);
    expect((await bookings.findPage({ orderId }, { limit: 1 })).items).toMatchObject([{ id: 'z' }]);
  });

  it('are not counted', async () => {
    expect(await bookings.countBy({ orderId })).toBe(1);
    expect(await bookings.countBy({ orderId, state: 's' })).toBe(1);
    expect(await bookings.countBy({ orderId, state: 't' })).toBe(0);
  });

  it('do not count for the limit of a transaction, nor for that of loadAll', async () => {
    const loaded = await bookings.partition(orderId).loadAll([Booking]);
    expect(loaded).toMatchObject([[{ id: 'z' }]]);
    const other = freshId();
    await bookings.insert(bookings.create({ orderId: other, id: 'z', state: 's' }));
    await expired(other, 150);
    const found = bookings.transaction(other, async (tx) => {
      const [one, ...more] = await tx.find(Booking, { orderId: other });
      tx.save(Object.assign(one, { state: 'seen' }));
      return more.length;
    });
    expect(await found).toBe(0);
    expect((await bookings.findOneOrFail({ orderId: other, id: 'z' })).state).toBe('seen');
  });

  it('are reported as such if there are too many', async () => {
    const many = freshId();
    await bookings.saveMany(
      Array.from({ length: 1_001 }, (_, i) => bookings.create({ orderId: many, id: `${i}` })),
    );
    await expect(bookings.partition(many).loadAll([Booking])).rejects.toThrow(
      'What loadAll finds has 1001 rows or more',
    );
    await expect(bookings.transaction(many, (tx) => tx.find(Booking, { orderId: many }))).rejects.toThrow(
      'The transaction has 101 rows or more',
    );
  });
});

it('are swept with one read of the index, however many the server expired', async () => {
  const orderId = freshId();
  const living = Array.from({ length: 20 }, (_, i) =>
    bookings.create({ orderId, id: `l${i}`, seat: `${i}` }),
  );
  await bookings.saveMany(living);
  await expired(orderId, 600, 600);
  client.calls.length = 0;
  expect(await bookings.sweepExpired({ partition: orderId })).toEqual({ swept: 600 });
  // of the queue a page for each batch of 50, of the whole index its two pages
  expect(client.calls.filter((call) => call === 'zrangebylex').length).toBeLessThan(600 / 50 + 5);
  expect(await faults(orderId)).toEqual([]);
  expect(await bookings.countBy({ orderId })).toBe(20);
});
