import {
  ClusterClient,
  ClusterEntity,
  Counter,
  createRepositories,
  ExpiresAt,
  HashOf,
  Index,
  ListOf,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  type ClusterHash,
  type ClusterList,
  type ClusterRepository,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { sharedClient, freshId } from '../fixtures.js';

@ClusterEntity({ name: 'Bank' })
class Bank {
  declare readonly [Shape]: { key: 'id'; counters: 'total' | 'big' };
  @PrimaryKey() id!: string;
  @Property() name?: string;
  @Counter() total!: number;
  @Counter() big!: bigint;
  @HashOf(Number) numbers!: ClusterHash<number>;
  @HashOf(BigInt) bigs!: ClusterHash<bigint>;
  @ListOf(String) log!: ClusterList<string>;
}

@ClusterEntity({ name: 'Account', partition: () => Bank })
class Account {
  declare readonly [Shape]: { key: 'bankId' | 'id'; counters: 'cents'; indexed: 'iban' | 'state' };
  @PartitionKey() bankId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() iban?: string;
  @Index() @Property() state?: string;
  @Property() balance?: number;
  @Counter() cents!: number;
  @ExpiresAt() expiresAt?: Date;
}

@ClusterEntity({ name: 'Branch', partition: () => Bank, idempotency: 'window' })
class Branch {
  declare readonly [Shape]: { key: 'bankId' | 'id'; counters: 'clients' };
  @PartitionKey() bankId!: string;
  @PrimaryKey() id!: string;
  @Property() city?: string;
  @Counter() clients!: number;
  @ListOf(String) log!: ClusterList<string>;
}

const cluster = sharedClient();
let banks: ClusterRepository<Bank>;
let accounts: ClusterRepository<Account>;
let branches: ClusterRepository<Branch>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Bank, Account, Branch]);
  banks = registry.repository(Bank);
  accounts = registry.repository(Account);
  branches = registry.repository(Branch);
});

const newBank = (): Promise<Bank> => banks.insert(banks.create({ id: freshId() }));
const outOfRange = expect.objectContaining({
  code: 'INVALID_ARGUMENT',
  applied: false,
  message: expect.stringContaining('would leave the range'),
});

describe('a sum beyond the range of a counter is rejected before it is written', () => {
  it.each<['total' | 'big', number | bigint]>([
    ['total', Number.MAX_SAFE_INTEGER],
    ['total', -Number.MAX_SAFE_INTEGER],
    ['big', 10n ** 18n - 1n],
    ['big', -(10n ** 18n) + 1n],
  ])('in %s at %p', async (counter, end) => {
    const { id } = await newBank();
    const one = end > 0 ? 1 : -1;
    expect(await banks.increment(id, counter, end)).toBe(end);
    await expect(banks.increment(id, counter, one)).rejects.toEqual(outOfRange);
    await expect(
      banks.transaction(id, async (tx) => {
        tx.insert(accounts.create({ bankId: id, id: 'a' }));
        tx.increment(Bank, id, counter, one);
      }),
    ).rejects.toEqual(outOfRange);
    expect(await accounts.exists({ bankId: id, id: 'a' })).toBe(false);
    expect((await banks.findOneOrFail(id))[counter]).toBe(end);
    const less = typeof end === 'bigint' ? end - BigInt(one) : end - one;
    expect(await banks.increment(id, counter, -one)).toBe(less);
  });

  it('in a hash, even if earlier steps of the commit have changed it', async () => {
    const bank = await newBank();
    await bank.numbers.set('n', Number.MAX_SAFE_INTEGER - 1);
    expect(await bank.numbers.increment('n', 1)).toBe(Number.MAX_SAFE_INTEGER);
    await expect(bank.numbers.increment('n', 1)).rejects.toEqual(outOfRange);
    await bank.bigs.set('b', 10n ** 18n - 2n);
    await expect(
      banks.transaction(bank.id, async (tx) => {
        const bigs = tx.collection(Bank, bank.id, 'bigs');
        bigs.increment('b', 1n);
        bigs.increment('b', 1n);
      }),
    ).rejects.toEqual(outOfRange);
    expect(await bank.bigs.get('b')).toBe(10n ** 18n - 2n);
    expect(await bank.bigs.increment('b', 1n)).toBe(10n ** 18n - 1n);
    expect(await bank.numbers.getAll()).toEqual(new Map([['n', Number.MAX_SAFE_INTEGER]]));
  });

  it('and all other sums are exact', async () => {
    const { id } = await newBank();
    let sum = 0n;
    for (const by of [999_999_999n, 1n, -1n, 10n ** 17n, -(10n ** 17n) - 10n ** 9n, 1n, -7n, 10n ** 9n, 6n])
      expect(await banks.increment(id, 'big', by)).toBe((sum += by));
  });
});

describe('a commit is atomic', () => {
  it.each(['007', '-0', '00', '+1', ' 1', '1e3'])(
    'if another program has written %p as a counter',
    async (text) => {
      const { id } = await newBank();
      for (const one of ['a', 'b'])
        await accounts.insert(accounts.create({ bankId: id, id: one, balance: 100 }));
      await cluster.client.hset(accounts.keyOf({ bankId: id, id: 'b' }), 'cents', text);
      const transfer = accounts.transaction(id, async (tx) => {
        const a = (await tx.get(Account, { bankId: id, id: 'a' }))!;
        a.balance = 50;
        tx.save(a);
        tx.increment(Account, { bankId: id, id: 'b' }, 'cents', 50);
      });
      await expect(transfer).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
      expect((await accounts.findOneOrFail({ bankId: id, id: 'a' })).balance).toBe(100);
      const increment = accounts.increment({ bankId: id, id: 'b' }, 'cents');
      await expect(increment).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
      const bank = await banks.findOneOrFail(id);
      await cluster.client.hset(bank.numbers.key, 'n', text);
      await expect(bank.numbers.increment('n', 1)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    },
  );

  it('if the user lacks a permission for one of its commands', async () => {
    const local = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
    const admin = new ClusterClient({ nodes: local.seeds });
    const half = new ClusterClient({ nodes: local.seeds, username: 'half', password: 'secret' });
    try {
      const allow = (...rights: string[]): Promise<unknown> =>
        local.command(local.nodes[0], 'ACL', 'SETUSER', 'half', 'on', '>secret', '~*', '&*', ...rights);
      await allow('+@all');
      const all = createRepositories(admin, [Bank, Account]).repository(Account);
      const registry = createRepositories(half, [Bank, Account]);
      const few = registry.repository(Account);
      const fewBanks = registry.repository(Bank);
      const noRight = expect.objectContaining({ code: 'NOPERM', applied: false });
      const key = { bankId: 'b', id: 'kept' };
      await all.insert(all.create({ ...key, iban: '1', state: 'new', balance: 1 }));
      const expiring = { expiresAt: new Date(Date.now() + 600_000) };
      const before = await admin.hgetall(all.keyOf(key));
      for (const missing of ['hset', 'zadd', 'zrem', 'hdel']) {
        await allow('+@all', `-${missing}`);
        await expect(few.update(key, { iban: '2', state: 'old' })).rejects.toEqual(noRight);
      }
      for (const missing of ['pexpireat', 'zadd', 'hset']) {
        await allow('+@all', `-${missing}`);
        const row = few.create({ bankId: 'b', id: 'new', iban: '3', state: 'new', ...expiring });
        await expect(few.insert(row)).rejects.toEqual(noRight);
      }
      await allow('+@all', '-unlink');
      await expect(few.delete(key)).rejects.toEqual(noRight);
      await allow('+@all', '-hincrby');
      await expect(
        few.transaction('b', async (tx) => {
          tx.insert(few.create({ bankId: 'b', id: 'new' }));
          tx.increment(Account, key, 'cents');
        }),
      ).rejects.toEqual(noRight);
      await allow('+@all', '-persist');
      await expect(few.persist(key)).rejects.toEqual(noRight);
      await allow('+@all', '-rpush');
      await expect(
        fewBanks.transaction('b', async (tx) => {
          tx.insert(fewBanks.create({ id: 'b' }));
          tx.collection(Bank, 'b', 'log').push('x');
        }),
      ).rejects.toEqual(noRight);
      await allow('+@all', '-hdel');
      await fewBanks.insert(fewBanks.create({ id: 'c', name: 'n' }));
      const bank = await fewBanks.findOneOrFail('c');
      bank.name = undefined;
      await expect(fewBanks.save(bank)).rejects.toEqual(noRight);
      expect(await fewBanks.findOneOrFail('c')).toMatchObject({ name: 'n' });
      expect(await admin.hgetall(all.keyOf(key))).toEqual(before);
      expect(await all.exists({ bankId: 'b', id: 'new' })).toBe(false);
      const faults: unknown[] = [];
      for await (const fault of all.verifyIndexes({ partition: 'b' })) faults.push(fault);
      expect(faults).toEqual([]);
    } finally {
      half.disconnect();
      admin.disconnect();
      await local.stop();
    }
  });
});

describe('the opId of a write', () => {
  it('distinguishes the writes of a request', async () => {
    const { id: bankId } = await newBank();
    for (const id of ['a', 'b']) await branches.insert(branches.create({ bankId, id }));
    const options = { opId: 'request-7' };
    for (let repeated = 0; repeated < 2; repeated++) {
      expect(await branches.increment({ bankId, id: 'a' }, 'clients', -100, options)).toBe(-100);
      expect(await branches.increment({ bankId, id: 'b' }, 'clients', 100, options)).toBe(100);
      await branches.insert(branches.create({ bankId, id: 'c', city: 'new' }), options);
      const log = branches.collection({ bankId, id: 'c' }, 'log').with(options);
      expect(await log.push('x')).toBe(1);
      expect(await log.unshift('y')).toBe(2);
    }
    expect(await branches.findOne({ bankId, id: 'c' })).toMatchObject({ city: 'new' });
    expect(await branches.delete({ bankId, id: 'c' }, options)).toEqual({ deleted: true });
    expect(await branches.delete({ bankId, id: 'c' }, options)).toEqual({ deleted: true });

    const bank = await banks.insert(banks.create({ id: freshId(), name: 'a' }), options);
    await banks.save(Object.assign(bank, { name: 'b' }), options);
    expect((await banks.findOneOrFail(bank.id)).name).toBe('b');
  });

  it('is rejected if nothing would remember it', async () => {
    const bank = await newBank();
    const options = { opId: 'payment-7' };
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'opId' });
    await expect(banks.increment(bank.id, 'total', 1, options)).rejects.toEqual(refused);
    await expect(bank.log.with(options).push('paid')).rejects.toEqual(refused);
    await expect(banks.delete(bank.id, options)).rejects.toEqual(refused);
    await expect(banks.remove(bank, options)).rejects.toEqual(refused);
    await expect(banks.expire(bank.id, 1, options)).rejects.toEqual(refused);
    expect(await banks.findOneOrFail(bank.id)).toMatchObject({ total: 0 });
    expect(await bank.log.size()).toBe(0);
  });
});
