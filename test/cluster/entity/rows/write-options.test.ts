import {
  type ClusterRepository,
  CommandAbortedError,
  ConditionNotMetError,
  createRepositories,
  DeadlineExceededError,
  DurabilityError,
  EntityExistsError,
  EntityNotFoundError,
  InvalidArgumentError,
  VersionConflictError,
  type WriteOptions,
} from 'keyslot';
import { Order, Ticket, counted, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let orders: ClusterRepository<Order>;
let tickets: ClusterRepository<Ticket>;
beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Order, Ticket]);
  orders = registry.repository(Order);
  tickets = registry.repository(Ticket);
});

/** Every write, with its options. */
async function everyWrite(options: WriteOptions): Promise<PromiseSettledResult<unknown>[]> {
  const order = await orders.insert(orders.create());
  const other = await orders.insert(orders.create());
  const saved = await orders.insert(orders.create());
  saved.note = 'saved';
  return Promise.allSettled([
    orders.insert(orders.create(), options),
    orders.save(saved, options),
    orders.upsert(orders.create(), options),
    orders.update(order.id, { paid: true }, options),
    orders.increment(order.id, 'views', 1, options),
    orders.expire(order.id, 100_000, options),
    orders.persist(order.id, options),
    orders.delete(freshId(), options),
    orders.remove(other, options),
    orders.transaction(
      order.id,
      async (tx) => tx.save(tickets.create({ orderId: order.id, id: 'a', seat: 'A' })),
      options,
    ),
  ]);
}
const outcomes = (results: PromiseSettledResult<unknown>[]): unknown[] =>
  results.map((result) => (result.status === 'rejected' ? (result.reason as Error).constructor : 'written'));
const ALL = 10;

describe('write options', () => {
  it('durability waits for the replicas', async () => {
    await cluster.client.script('FLUSH'); // a connection that meets a node which does not know the script
    const results = await everyWrite({ durability: { replicas: 1, timeoutMs: 5_000 } });
    expect(outcomes(results)).toEqual(new Array(ALL).fill('written'));
  });

  it('durability that is not reached is reported after the write', async () => {
    const id = freshId();
    const impossible = { durability: { replicas: 9, timeoutMs: 1 } };
    await expect(orders.insert(orders.create({ id }), impossible)).rejects.toThrow(DurabilityError);
    expect(await orders.exists(id)).toBe(true);
    const read = orders.transaction(id, (tx) => tx.get(Order, id), impossible);
    expect(await read).toMatchObject({ id }); // nothing to be durable
  });

  it('a write that was not confirmed in time is applied nevertheless, and its object is up to date', async () => {
    const impossible = { durability: { replicas: 9, timeoutMs: 1 } };
    const order = orders.create({ id: freshId() });
    await expect(orders.insert(order, impossible)).rejects.toThrow(DurabilityError);
    expect(order.version).toBeGreaterThan(1e15);
    order.note = 'a';
    await expect(orders.save(order, impossible)).rejects.toThrow(DurabilityError);
    order.note = 'b';
    expect(await orders.saveMany([order], impossible)).toEqual([
      { ok: false, error: expect.any(DurabilityError) },
    ]);
    await expect(
      orders.transaction(
        order.id,
        async (tx) => {
          const read = (await tx.get(Order, order.id))!;
          tx.save(Object.assign(read, { note: 'c' }));
        },
        impossible,
      ),
    ).rejects.toThrow(DurabilityError);
    const found = await orders.findOneOrFail(order.id);
    expect(found).toMatchObject({ note: 'c', version: order.version + 1 });
    await expect(orders.remove(found, impossible)).rejects.toThrow(DurabilityError);
    await orders.insert(found); // it is new again
    // what is refused is not written, and so not in want of replicas
    await expect(orders.insert(orders.create({ id: order.id }), impossible)).rejects.toThrow(
      EntityExistsError,
    );
    await expect(orders.update(freshId(), { note: 'x' }, impossible)).rejects.toThrow(EntityNotFoundError);
  });

  it('signal ends the write', async () => {
    const results = await everyWrite({ signal: AbortSignal.abort() });
    expect(outcomes(results)).toEqual(new Array(ALL).fill(CommandAbortedError));
    const results2 = await everyWrite({ signal: new AbortController().signal });
    expect(outcomes(results2)).toEqual(new Array(ALL).fill('written'));
  });

  it('deadlineMs limits the write', async () => {
    await expect(orders.insert(orders.create(), { deadlineMs: -1 })).rejects.toThrow(InvalidArgumentError);
    const results = await everyWrite({ deadlineMs: 5_000 });
    expect(outcomes(results)).toEqual(new Array(ALL).fill('written'));
    expect(new DeadlineExceededError('x', 1).retryable).toBe(true);
  });

  it('options are checked before anything is sent', async () => {
    const id = freshId();
    const wrong = { durability: { replicas: 0, timeoutMs: 1 } };
    await expect(orders.insert(orders.create({ id }), wrong)).rejects.toThrow(InvalidArgumentError);
    expect(await orders.exists(id)).toBe(false);
  });
});

describe('update with a where option', () => {
  it('writes only if the row matches, atomically', async () => {
    const order = await orders.insert(orders.create({ cents: 5n, due: new Date(5), paid: false }));
    const { id, version } = order;
    client.calls.length = 0;
    expect(
      await orders.update(id, { note: 'x' }, { where: { status: 'new', cents: 5n, note: null } }),
    ).toEqual({
      version: version + 1,
    });
    expect(client.calls).toEqual(['script always']);
    for (const where of [
      { status: 'paid' as const },
      { note: null },
      { note: '' },
      { paid: null },
      { cents: 6n },
    ]) {
      const update = orders.update(id, { note: 'y' }, { where });
      await expect(update).rejects.toThrow(ConditionNotMetError);
    }
    expect(await orders.update(id, {}, { where: { due: new Date(5) } })).toEqual({
      version: version + 1,
    });
    await expect(orders.update(id, {}, { where: { due: null } })).rejects.toThrow(ConditionNotMetError);
    expect(await orders.findOneOrFail(id)).toMatchObject({ note: 'x', version: version + 1 });
  });

  it('distinguishes an empty string from no value', async () => {
    const { id } = await orders.insert(orders.create({ note: '' }));
    await expect(orders.update(id, {}, { where: { note: null } })).rejects.toThrow(ConditionNotMetError);
    await orders.update(id, { note: null }, { where: { note: '' } });
    await expect(orders.update(id, {}, { where: { note: '' } })).rejects.toThrow(ConditionNotMetError);
  });

  it('sells each ticket once', async () => {
    const key = { orderId: freshId(), id: 'a' };
    await tickets.insert(tickets.create({ ...key, seat: 'A1' }));
    const buyers = Array.from({ length: 50 }, (_, i) => `buyer ${i}`);
    const sales = await Promise.allSettled(
      buyers.map((holder) => tickets.update(key, { holder }, { where: { holder: null } })),
    );
    expect(sales.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await tickets.findOneOrFail(key)).holder).toBe(
      buyers[sales.findIndex(({ status }) => status === 'fulfilled')],
    );
  });

  it('applies to existing rows only, and can be combined with a version', async () => {
    const { id, version } = await orders.insert(orders.create());
    await expect(orders.update(freshId(), {}, { where: { note: null } })).rejects.toThrow(
      EntityNotFoundError,
    );
    const both = { where: { note: null }, ifVersion: version };
    await orders.update(id, { note: 'x' }, both);
    await expect(orders.update(id, { note: 'y' }, both)).rejects.toThrow(VersionConflictError);
  });

  it('accepts values that can be compared', async () => {
    const { id } = await orders.insert(orders.create());
    for (const where of [
      { tags: ['a'] },
      { extra: 1 },
      { seal: Buffer.alloc(1) },
      { nothing: 1 },
      { views: 1 },
    ])
      await expect(orders.update(id, {}, { where: where as object })).rejects.toThrow(
        'cannot be a condition',
      );
  });
});
