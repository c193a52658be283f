import { createRepositories, EntityExistsError, VersionConflictError } from 'keyslot';
import { NODE_RUNTIME, useRuntime } from '../../../../lib/cluster/runtime/runtime.js';
import {
  Order,
  Ticket,
  counted,
  freshId,
  losingReplies,
  losingRequests,
  overtaking,
  sharedClient,
} from '../fixtures.js';

const cluster = sharedClient();

const ordersOf = (client: Parameters<typeof createRepositories>[0]) =>
  createRepositories(client, [Order]).repository(Order);

const TIMES = 2 ** 24;
const CODES = [18, 12, 6, 0];

/** What a row remembers of its writes, as if they had been made later, by so many seconds. */
const shifted = (writes: string, seconds: number): string =>
  writes.replaceAll(/(.{8})(.{4})/g, (_, token: string, text: string) => {
    const time = Array.from(text).reduce((sum, code) => sum * 64 + code.charCodeAt(0) - 48, 0);
    const later = (time + TIMES + seconds) % TIMES;
    return token + CODES.map((shift) => String.fromCharCode(48 + ((later >> shift) & 63))).join('');
  });

describe('a write that is sent again because its reply was lost', () => {
  it('is recognized, and counts once', async () => {
    const orders = ordersOf(losingReplies(cluster.client));
    const order = await orders.insert(orders.create());
    const { version } = order;
    order.note = 'saved';
    await orders.save(order);
    expect(order.version).toBe(version + 1);
    expect(await orders.update(order.id, { note: 'updated' })).toEqual({ version: version + 2 });
    await orders.upsert(Object.assign(order, { note: 'upserted' }));
    expect(order.version).toBe(version + 3);
    expect(await orders.findOne(order.id)).toMatchObject({ note: 'upserted', version: version + 3 });
  });

  it('is recognized after other writes, overwrites none of them, and does not claim their version', async () => {
    const others = ordersOf(cluster.client);
    const { id, version } = await others.insert(others.create());
    const theirs = () => others.update(id, { note: 'theirs' });
    const orders = ordersOf(losingReplies(cluster.client, async () => [await theirs(), await theirs()]));
    const order = await orders.findOneOrFail(id);
    order.note = 'mine';
    await orders.save(order);
    expect(order.version).toBe(version + 1);
    expect(await orders.findOne(id)).toMatchObject({ note: 'theirs', version: version + 3 });
    order.note = 'mine again'; // which knows nothing of theirs
    await expect(orders.save(order)).rejects.toThrow(VersionConflictError);
  });

  const untold = expect.objectContaining({ code: 'OUTCOME_UNKNOWN', applied: 'unknown' });
  const writeOften = async (id: string): Promise<void> => {
    for (let i = 0; i < 5; i++) await ordersOf(cluster.client).update(id, { note: `theirs ${i}` });
  };

  it('has an unknown outcome if its row no longer remembers it, and is not applied twice', async () => {
    const others = ordersOf(cluster.client);
    const { id, version } = await others.insert(others.create());
    const orders = ordersOf(losingReplies(cluster.client, () => writeOften(id)));
    const order = await orders.findOneOrFail(id);
    order.note = 'mine';
    await expect(orders.save(order)).rejects.toEqual(untold); // and no conflict
    await expect(orders.update(id, { note: 'mine' })).rejects.toEqual(untold);
    await expect(orders.upsert(order)).rejects.toEqual(untold);
    expect(await others.findOne(id)).toMatchObject({ note: 'theirs 4', version: version + 18 });

    const fresh = orders.create({ id: freshId() });
    const inserting = ordersOf(losingReplies(cluster.client, () => writeOften(fresh.id)));
    await expect(inserting.insert(fresh)).rejects.toEqual(untold); // and is not told that it exists
  });

  it('has an unknown outcome if its row has been deleted since, and does not recreate it', async () => {
    const others = ordersOf(cluster.client);
    const { id } = await others.insert(others.create());
    const orders = ordersOf(losingReplies(cluster.client, () => others.delete(id)));
    const order = await orders.findOneOrFail(id);
    order.note = 'mine';
    await expect(orders.save(order)).rejects.toEqual(untold);
    expect(await others.findOne(id)).toBeNull();
  });

  it('has an unknown outcome if its row has been recreated since, rather than a failure', async () => {
    const others = ordersOf(cluster.client);
    const { id } = await others.insert(others.create());
    const renew = async (): Promise<void> => {
      await others.delete(id);
      await others.insert(others.create({ id, note: 'theirs' }));
    };
    const orders = ordersOf(losingReplies(cluster.client, renew));
    const order = await orders.findOneOrFail(id);
    order.note = 'mine';
    await expect(orders.save(order)).rejects.toEqual(untold);
    await expect(orders.update(id, { note: 'mine' }, { ifVersion: order.version })).rejects.toEqual(untold);
    expect(await others.findOne(id)).toMatchObject({ note: 'theirs' });
  });

  it('is applied if it had not arrived, and its row remembers all writes since', async () => {
    const others = ordersOf(cluster.client);
    const orders = ordersOf(losingRequests(cluster.client));
    const { id, version } = await others.insert(others.create());
    await orders.update(id, { note: 'mine' });
    expect(await others.findOne(id)).toMatchObject({ note: 'mine', version: version + 1 });
    await writeOften(id);
    await expect(orders.update(id, { note: 'mine' })).rejects.toEqual(untold);
    // the same writes, a minute ago
    const writes = (await cluster.client.hget(others.keyOf(id), '~op')) as string;
    await cluster.client.hset(others.keyOf(id), '~op', shifted(writes, -60));
    await orders.update(id, { note: 'mine again' });
    expect(await others.findOne(id)).toMatchObject({ note: 'mine again', version: version + 7 });
    // what a row remembers does not make it larger for the server
    expect(await cluster.client.object('ENCODING', others.keyOf(id))).toBe('listpack');
  });

  it.each([1, 5, 900, -25])(
    'is not applied twice by a process whose clock is %p seconds behind',
    async (behind) => {
      const others = ordersOf(cluster.client);
      const { id } = await others.insert(others.create());
      // For this process, the others wrote by a clock that is ahead of its own.
      const elsewhere = async (): Promise<void> => {
        await writeOften(id);
        const writes = (await cluster.client.hget(others.keyOf(id), '~op')) as string;
        await cluster.client.hset(others.keyOf(id), '~op', shifted(writes, behind));
      };
      const orders = ordersOf(losingReplies(cluster.client, elsewhere));
      await expect(orders.update(id, { note: 'mine' })).rejects.toEqual(untold);
      await expect(orders.upsert(orders.create({ id, note: 'mine' }))).rejects.toEqual(untold);
      expect(await others.findOne(id)).toMatchObject({ note: 'theirs 4' });
    },
  );

  describe('if processes have different clocks', () => {
    afterEach(() => useRuntime(NODE_RUNTIME));

    /** Runs something as a process whose clock is ahead by so many seconds. */
    async function by(ahead: number, act: () => Promise<unknown>): Promise<void> {
      useRuntime({ ...NODE_RUNTIME, unixMs: () => NODE_RUNTIME.unixMs() + ahead * 1000 });
      await act();
      useRuntime(NODE_RUNTIME);
    }

    it.each([-86_400, -60, 60, 86_400])(
      'is not applied twice after writes of processes whose clocks are %p seconds ahead',
      async (ahead) => {
        const others = ordersOf(cluster.client);
        const { id } = await others.insert(others.create());
        const orders = ordersOf(losingReplies(cluster.client, () => by(ahead, () => writeOften(id))));
        await expect(orders.update(id, { note: 'mine' })).rejects.toEqual(untold);
        const order = await others.findOneOrFail(id);
        order.note = 'mine';
        await expect(orders.save(order)).rejects.toEqual(untold);
        expect(await others.findOne(id)).toMatchObject({ note: 'theirs 4' });
      },
    );

    it.each(['\0', ' ', '~', 'ÿ'])(
      'is not applied twice if another program has put %j in the place of times',
      async (character) => {
        const others = ordersOf(cluster.client);
        const { id } = await others.insert(others.create());
        for (let days = 0; days < 194; days += 24) {
          await cluster.client.hset(others.keyOf(id), '~op', character.repeat(60));
          const orders = ordersOf(
            losingReplies(cluster.client, () => by(days * 86_400, () => writeOften(id))),
          );
          await by(days * 86_400, () => expect(orders.update(id, { note: 'mine' })).rejects.toEqual(untold));
        }
      },
    );

    it('has an unknown outcome until its clock reaches the time that a clock ahead has left in the row', async () => {
      const others = ordersOf(cluster.client);
      const { id } = await others.insert(others.create());
      await by(3_600, () => others.update(id, { note: 'by a clock ahead' }));
      await writeOften(id);
      const orders = ordersOf(losingRequests(cluster.client));
      await by(3_500, () => expect(orders.update(id, { note: 'mine' })).rejects.toEqual(untold));
      await by(3_700, () => orders.update(id, { note: 'mine' }));
      expect(await others.findOne(id)).toMatchObject({ note: 'mine' });
    });

    it('is applied if it had not arrived, after writes that were earlier by all clocks', async () => {
      const others = ordersOf(cluster.client);
      const id = freshId();
      await by(-7_200, () => others.insert(others.create({ id })));
      await by(-3_600, () => writeOften(id));
      const orders = ordersOf(losingRequests(cluster.client));
      await orders.update(id, { note: 'mine' });
      expect(await others.findOne(id)).toMatchObject({ note: 'mine' });
    });
  });

  it.each([
    ['that touches no index', { note: 'mine' }],
    ['of an index', { row: 'mine', big: 1n }],
    ['that removes a value', { row: 'mine', note: null }],
  ])('is done once if it overtakes itself: an update %s', async (_, mine) => {
    const others = createRepositories(cluster.client, [Order, Ticket]).repository(Ticket);
    const key = { orderId: freshId(), id: '1' };
    const { orderId } = await others.insert(others.create({ ...key, note: 'first', row: 'first' }));
    // others write between the call that was sent again and the one that was sent first
    const meanwhile = () => others.update(key, { note: 'theirs', row: 'theirs', big: 2n });
    const tickets = createRepositories(overtaking(cluster.client, meanwhile), [Order, Ticket]).repository(
      Ticket,
    );
    await tickets.update(key, mine);
    expect(await others.findOne(key)).toMatchObject({ note: 'theirs', row: 'theirs', big: 2n });
    expect(await others.countBy({ orderId, row: 'mine' })).toBe(0);
  });

  it('is not mistaken for another write', async () => {
    const orders = ordersOf(losingReplies(cluster.client));
    const { id } = await orders.insert(orders.create());
    await expect(orders.insert(orders.create({ id }))).rejects.toThrow(EntityExistsError);
  });
});

it('recognizes the opId of the caller', async () => {
  const orders = ordersOf(cluster.client);
  const id = freshId();
  const first = await orders.insert(orders.create({ id }), { opId: 'request-1' });
  const second = await orders.insert(orders.create({ id }), { opId: 'request-1' });
  expect(second.version).toBe(first.version);
  await expect(orders.insert(orders.create({ id }), { opId: 'request-2' })).rejects.toThrow(
    EntityExistsError,
  );
});

it('applies only to writes that can be recognized', async () => {
  const client = counted(cluster.client);
  const orders = ordersOf(client);
  const order = await orders.insert(orders.create());
  await orders.update(order.id, { note: 'x' });
  await orders.upsert(order);
  expect(client.calls).toEqual(['script always', 'script always', 'script always']);
  client.calls.length = 0;
  await orders.increment(order.id, 'views');
  await orders.remove(order);
  await orders.delete(order.id);
  await orders.transaction(order.id, async (tx) => {
    tx.insert(orders.create({ id: order.id }));
    tx.increment(Order, order.id, 'views');
    return Promise.resolve();
  });
  expect(client.calls).toEqual(['script safe', 'script safe', 'script safe', 'script safe']);
});
