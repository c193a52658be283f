import {
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  type EntityRegistry,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Shape,
  Unique,
  UniqueViolationError,
} from 'keyslot';
import { counted, freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Account', idempotency: 'window' })
class Account {
  declare readonly [Shape]: { key: 'id'; counters: 'cents' };
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() owner?: string;
  @Counter() cents!: number;
}

@ClusterEntity({ name: 'Entry', partition: () => Account })
class Entry {
  declare readonly [Shape]: { key: 'accountId' | 'id'; indexed: 'reference'; counters: 'cents' };
  @PartitionKey() accountId!: string;
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Unique() @Property() reference?: string;
  @Counter() cents!: number;
}

const cluster = sharedClient();
let plain: EntityRegistry;
let losing: EntityRegistry;
let accounts: ClusterRepository<Account>;
let entries: ClusterRepository<Entry>;
beforeAll(() => {
  plain = createRepositories(cluster.client, [Account, Entry]);
  losing = createRepositories(losingReplies(cluster.client), [Account, Entry]);
  accounts = losing.repository(Account);
  entries = losing.repository(Entry);
});

const opened = (): Promise<Account> => accounts.insert(accounts.create());

describe('an entity with a token window', () => {
  it('counts a resent increment once', async () => {
    const { id } = await opened();
    expect(await accounts.increment(id, 'cents', 5)).toBe(5);
    expect(await accounts.increment(id, 'cents', 5)).toBe(10);
    expect((await accounts.findOneOrFail(id)).cents).toBe(10);
  });

  it('returns the original result of a resent delete', async () => {
    const { id } = await opened();
    expect(await accounts.delete(id)).toEqual({ deleted: true });
    expect(await accounts.delete(id)).toEqual({ deleted: false });
    const account = await opened();
    await accounts.remove(account);
    expect(await accounts.exists(account.id)).toBe(false);
    const all = await Promise.all([opened(), opened()]);
    expect(await accounts.deleteMany([all[0].id, freshId(), all[1].id])).toMatchObject([
      { value: { deleted: true } },
      { value: { deleted: false } },
      { value: { deleted: true } },
    ]);
  });

  it('commits a resent transaction once, together with entities without a window', async () => {
    const { id } = await opened();
    const book = (reference: string): Promise<Entry> =>
      accounts.transaction(id, async (tx) => {
        const account = (await tx.get(Account, id))!;
        tx.save(Object.assign(account, { owner: reference }));
        tx.increment(Account, id, 'cents', 7);
        const entry = entries.create({ accountId: id, reference });
        tx.insert(entry);
        return entry;
      });
    const entry = await book('first');
    await book('second');
    expect((await accounts.findOneOrFail(id)).cents).toBe(14);
    expect(await entries.countBy({ accountId: id })).toBe(2);
    await expect(book('first')).rejects.toThrow(UniqueViolationError);
    await entries.save(Object.assign(entry, { reference: 'renamed' })); // it knows its version
    expect(await entries.findOneBy({ accountId: id, reference: 'renamed' })).toMatchObject({ id: entry.id });
  });

  it('recognizes writes that were overwritten since', async () => {
    const { id } = await opened();
    const others = plain.repository(Account);
    let disturbed = 0;
    const disturb = async (): Promise<void> => {
      disturbed++;
      for (let i = 0; i < 10; i++) await others.update(id, { owner: `${disturbed}-${i}` });
      await others.increment(id, 'cents', 100);
    };
    const mine = createRepositories(losingReplies(cluster.client, disturb), [Account, Entry]);
    expect(await mine.repository(Account).increment(id, 'cents')).toBe(1);
    await mine.repository(Account).transaction(id, async (tx) => {
      tx.increment(Account, id, 'cents');
      tx.insert(mine.repository(Entry).create({ accountId: id }));
      return Promise.resolve();
    });
    expect((await others.findOneOrFail(id)).cents).toBe(202);
    expect(await plain.repository(Entry).countBy({ accountId: id })).toBe(1);
  });

  it('recognizes the opId of the caller', async () => {
    const { id } = await opened();
    const pay = (opId: string) => plain.repository(Account).increment(id, 'cents', 1, { opId });
    expect([await pay('a'), await pay('b'), await pay('a')]).toEqual([1, 2, 1]);
    const bin = plain.repository(Account);
    expect(await bin.delete(id, { opId: 'c' })).toEqual({ deleted: true });
    expect(await bin.delete(id, { opId: 'c' })).toEqual({ deleted: true });
  });

  it('resends all of its writes, and remembers those that must not run twice', async () => {
    const client = counted(cluster.client);
    const registry = createRepositories(client, [Account, Entry]);
    const own = registry.repository(Account);
    const account = await own.insert(own.create());
    await own.save(Object.assign(account, { owner: 'x' }));
    await own.expire(account.id, 100_000);
    await own.findOne(account.id);
    const { tag } = own.partition(account.id);
    await own.increment(account.id, 'cents');
    await own.delete(account.id);
    expect(new Set(client.calls)).toEqual(new Set(['script always', 'hmget', 'exists']));
    expect(await cluster.client.zcard(`${tag}~op`)).toBe(4);
    expect(await cluster.client.hlen(`${tag}~oa`)).toBe(4);
    client.calls.length = 0;
    const without = registry.repository(Entry);
    const entry = await without.insert(without.create({ accountId: account.id }));
    await without.increment(entry, 'cents');
    expect(client.calls).toEqual(['script always', 'script safe']);
  });

  it('recognizes a write of a row that was overwritten often, or deleted', async () => {
    const often = async (id: string): Promise<void> => {
      for (let i = 0; i < 5; i++) await accounts.update(id, { owner: `theirs ${i}` });
    };
    const { id } = await opened();
    const { version } = await accounts.update(id, { owner: 'first' });
    const repeating = createRepositories(
      losingReplies(cluster.client, () => often(id)),
      [Account, Entry],
    ).repository(Account);
    expect(await repeating.update(id, { owner: 'mine' })).toEqual({ version: version + 1 });
    expect(await accounts.findOne(id)).toMatchObject({ owner: 'theirs 4' });
    expect(await accounts.update(id, { owner: 'last' })).toEqual({ version: version + 7 });

    const fresh = accounts.create();
    const inserting = createRepositories(
      losingReplies(cluster.client, () => accounts.delete(fresh.id)),
      [Account, Entry],
    ).repository(Account);
    await inserting.insert(Object.assign(inserting.create(), { id: fresh.id }));
    expect(await accounts.findOne(fresh.id)).toBeNull();
  });

  it('forgets tokens after a minute, and the whole window when nothing is written', async () => {
    const { id } = await opened();
    const { tag } = accounts.partition(id);
    const [times, answers] = [`${tag}~op`, `${tag}~oa`];
    await cluster.client.zadd(times, Date.now() - 61_000, 'old', Date.now() - 30_000, 'young');
    await cluster.client.hset(answers, { old: '1', young: '2' });
    await accounts.increment(id, 'cents');
    expect(await cluster.client.zscore(times, 'old')).toBeNull();
    expect(await cluster.client.hget(answers, 'old')).toBeNull();
    expect(await cluster.client.hget(answers, 'young')).toBe('2');
    for (const key of [times, answers]) expect(await cluster.client.pttl(key)).toBeGreaterThan(0);
  });

  it('is enabled by an option', () => {
    class Wrong {
      @PrimaryKey() id!: string;
    }
    ClusterEntity({ name: 'Wrong', idempotency: 'always' as never })(Wrong);
    expect(() => createRepositories(cluster.client, [Wrong])).toThrow(SchemaError);
  });
});
