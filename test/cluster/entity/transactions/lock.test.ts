import {
  ClusterEntity,
  type ClusterRepository,
  type ClusterSet,
  Counter,
  createRepositories,
  CrossPartitionError,
  LockLostError,
  LockTimeoutError,
  PartitionKey,
  type PartitionLock,
  PrimaryKey,
  Property,
  SetOf,
  Shape,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Stock' })
class Stock {
  declare readonly [Shape]: { key: 'id'; counters: 'sold' };
  @PrimaryKey() id!: string;
  @Property() left: number = 0;
  @Counter() sold!: number;
  @SetOf(String) watchers!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Sale', partition: () => Stock })
class Sale {
  declare readonly [Shape]: { key: 'stockId' | 'id' };
  @PartitionKey() stockId!: string;
  @PrimaryKey({ generate: 'ulid' }) id!: string;
}

const cluster = sharedClient();
let stocks: ClusterRepository<Stock>;
let others: ClusterRepository<Stock>; // those of another process, as far as locks can tell
beforeAll(() => {
  stocks = createRepositories(cluster.client, [Stock, Sale]).repository(Stock);
  others = createRepositories(cluster.client, [Stock, Sale]).repository(Stock);
});

/** Something to be waited for. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

const lockKey = (id: string, name = 'lock'): string => `${stocks.partition(id).tag}~lk:${name}`;

/** Takes the lock away from its holder, as its time running out does. */
const expireLock = (id: string): Promise<unknown> => cluster.client.hset(lockKey(id), 'x', '1');

it('admits one holder at a time, in one process and in several', async () => {
  const id = freshId();
  await stocks.insert(stocks.create({ id, left: 20 }));
  let inside = 0;
  const tokens: number[] = [];
  const sell = (repository: ClusterRepository<Stock>) =>
    repository.withLock(id, async ({ token, repository: under }) => {
      expect(++inside).toBe(1);
      tokens.push(token);
      const stock = await under(Stock).findOneOrFail(id);
      stock.left--;
      await under(Stock).save(stock);
      inside--;
    });
  await Promise.all(Array.from({ length: 20 }, (_, i) => sell(i % 2 ? stocks : others)));
  expect(await stocks.findOne(id)).toMatchObject({ left: 0 });
  expect(tokens).toHaveLength(20);
  expect(tokens.toSorted((a, b) => a - b)).toEqual(tokens);
  expect(new Set(tokens).size).toBe(20);
});

it('acquires and releases the same lock although replies are lost', async () => {
  const id = freshId();
  const losing = createRepositories(losingReplies(cluster.client), [Stock]).repository(Stock);
  const first = await losing.withLock(id, async ({ token }) => Promise.resolve(token));
  const second = await losing.withLock(id, async ({ token }) => Promise.resolve(token), { waitMs: 0 });
  expect(second).toBeGreaterThan(first);
});

it('is released when the function throws', async () => {
  const id = freshId();
  const failing = stocks.withLock(id, async () => Promise.reject(new Error('mine')));
  await expect(failing).rejects.toThrow('mine');
  expect(await others.withLock(id, async () => Promise.resolve(1), { waitMs: 0 })).toBe(1);
});

it('is waited for no longer than requested', async () => {
  const id = freshId();
  const { open, opened } = gate();
  const entered = gate();
  const holding = stocks.withLock(id, () => (entered.open(), opened));
  await entered.opened;
  const run = (): Promise<never> => Promise.reject(new Error('called'));
  await expect(others.withLock(id, run, { waitMs: 0 })).rejects.toThrow(LockTimeoutError);
  await expect(others.withLock(id, run, { waitMs: 50 })).rejects.toThrow(LockTimeoutError);
  await expect(stocks.withLock(id, run, { waitMs: 0 })).rejects.toThrow(LockTimeoutError);
  await expect(stocks.withLock(id, run, { waitMs: 50 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
  const aborter = new AbortController();
  const waiting = [stocks, others].map((each) => each.withLock(id, run, { signal: aborter.signal }));
  aborter.abort(new Error('enough'));
  for (const each of waiting) await expect(each).rejects.toThrow('enough');
  await others.withLock(id, async () => Promise.resolve(), { name: 'another' });
  const next = stocks.withLock(id, async () => Promise.resolve('next'));
  open();
  await holding;
  expect(await next).toBe('next');
});

it('is renewed for as long as the function runs', async () => {
  const id = freshId();
  const till = async (): Promise<number> => Number(await cluster.client.hget(lockKey(id), 'x'));
  await stocks.withLock(
    id,
    async ({ signal }) => {
      const begun = await till();
      await eventually(async () => (await till()) > begun + 600); // three times its time
      expect(signal.aborted).toBe(false);
      await expect(others.withLock(id, async () => Promise.resolve(), { waitMs: 0 })).rejects.toThrow(
        LockTimeoutError,
      );
    },
    { ttlMs: 300 },
  );
});

describe('a lock that another holder has taken over', () => {
  /** Runs `work` in a holder that has lost its lock and does not know it yet. */
  async function lateHolder(id: string, work: (lock: PartitionLock) => Promise<unknown>): Promise<unknown> {
    return stocks.withLock(id, async (lock) => {
      await expireLock(id);
      await others.withLock(id, async ({ token }) => {
        expect(token).toBeGreaterThan(lock.token);
        await others.update(id, { left: 5 });
        return Promise.resolve();
      });
      return work(lock);
    });
  }

  it('rejects every write, and applies nothing of it', async () => {
    const id = freshId();
    await stocks.insert(stocks.create({ id, left: 9 }));
    const stock = await stocks.findOneOrFail(id);
    const late = lateHolder(id, async (lock) => {
      const under = lock.repository(Stock);
      stock.left = 1;
      await expect(under.save(stock)).rejects.toThrow(LockLostError);
      await expect(under.update(id, { left: 1 })).rejects.toMatchObject({ code: 'LOCK_LOST' });
      await expect(under.upsert(under.create({ id, left: 1 }))).rejects.toThrow(LockLostError);
      await expect(under.increment(id, 'sold')).rejects.toThrow(LockLostError);
      await expect(under.delete(id)).rejects.toThrow(LockLostError);
      await expect(under.expire(id, 1_000)).rejects.toThrow(LockLostError);
      const results = await under.saveMany([stock, under.create({ id: freshId() })]);
      expect(results).toMatchObject([
        { ok: false, error: { code: 'LOCK_LOST' } },
        { ok: false, error: { code: 'CROSS_PARTITION' } },
      ]);
      const transaction = lock.transaction(async (tx) => {
        tx.insert(lock.repository(Sale).create({ stockId: id }));
        return Promise.resolve();
      });
      await expect(transaction).rejects.toThrow(LockLostError);
    });
    await expect(late).rejects.toThrow(LockLostError); // though its function has ended well
    expect(await stocks.findOne(id)).toMatchObject({ left: 5, sold: 0 });
  });

  it('aborts the signal of its function, and the caller receives an error', async () => {
    const id = freshId();
    const losing = stocks.withLock(
      id,
      async ({ signal }) => {
        await expireLock(id);
        await others.withLock(id, async () => Promise.resolve());
        await eventually(() => signal.aborted);
        expect(signal.reason).toBeInstanceOf(LockLostError);
      },
      { ttlMs: 300 },
    );
    await expect(losing).rejects.toThrow(LockLostError);
  });

  it('is lost with its key, too, and tokens keep growing', async () => {
    const id = freshId();
    let token = 0;
    const losing = stocks.withLock(id, async (lock) => {
      token = lock.token;
      await cluster.client.del(lockKey(id));
      await expect(lock.repository(Stock).upsert(stocks.create({ id }))).rejects.toThrow(LockLostError);
    });
    await expect(losing).rejects.toThrow(LockLostError);
    expect(await stocks.withLock(id, async (lock) => Promise.resolve(lock.token))).toBeGreaterThan(token);
  });
});

it('writes while it is held, in its partition only, and not afterwards', async () => {
  const id = freshId();
  let kept: PartitionLock | undefined;
  await stocks.withLock(id, async (lock) => {
    kept = lock;
    await lock.repository(Stock).insert(stocks.create({ id, left: 2 }));
    await lock.repository(Stock).increment(id, 'sold');
    await lock.transaction(async (tx) => {
      const stock = await tx.get(Stock, id);
      tx.save(Object.assign(stock!, { left: 1 }));
      tx.insert(lock.repository(Sale).create({ stockId: id }));
    });
    await expect(lock.repository(Stock).update(freshId(), { left: 1 })).rejects.toThrow(CrossPartitionError);
  });
  expect(await stocks.findOne(id)).toMatchObject({ left: 1, sold: 1 });
  await expect(kept!.repository(Stock).update(id, { left: 7 })).rejects.toThrow(LockLostError);
});

it('rejects invalid options', async () => {
  const run = (): Promise<void> => Promise.resolve();
  for (const [argument, options] of Object.entries({
    ttlMs: { ttlMs: 10 },
    waitMs: { waitMs: -1 },
    name: { name: 'a:b' },
  }))
    await expect(stocks.withLock('1', run, options)).rejects.toMatchObject({ argument });
});

describe('the collections of entities that are loaded under a lock', () => {
  it('can be written after the lock has ended', async () => {
    const id = freshId();
    await stocks.insert(stocks.create({ id }));
    const stock = await stocks.withLock(id, async (lock) => lock.repository(Stock).findOneOrFail(id));
    expect(await stock.watchers.add('ada')).toBe(1);
    stock.left = 3;
    await stocks.save(stock);
    expect(await stock.watchers.add('bob')).toBe(1);
    expect((await stock.watchers.members()).sort()).toEqual(['ada', 'bob']);
  });

  it('are rejected once the lock is lost', async () => {
    const id = freshId();
    await stocks.insert(stocks.create({ id }));
    let stock!: Stock;
    const losing = stocks.withLock(id, async (lock) => {
      stock = await lock.repository(Stock).findOneOrFail(id);
      await expireLock(id);
      await others.withLock(id, () => Promise.resolve());
      await expect(stock.watchers.add('ada')).rejects.toThrow(LockLostError);
    });
    await expect(losing).rejects.toThrow(LockLostError);
    await expect(stock.watchers.add('ada')).rejects.toThrow(LockLostError);
    expect(await (await stocks.findOneOrFail(id)).watchers.size()).toBe(0);
  });
});
