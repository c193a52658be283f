import {
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  EntityNotFoundError,
  ExpiresAt,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Shape,
  Unique,
  UniqueViolationError,
  Version,
  VersionConflictError,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { counted, freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Session', ttl: '30m' })
class Session {
  declare readonly [Shape]: { key: 'id'; counters: 'hits' };

  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() user?: string;
  @ExpiresAt() expiresAt?: Date;
  @Counter() hits!: number;
  @Version() version!: number;
}

@ClusterEntity({ name: 'Hold', partition: () => Session })
class Hold {
  declare readonly [Shape]: { key: 'sessionId' | 'id'; indexed: 'seat' | 'size'; counters: 'looks' };

  @PartitionKey() sessionId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() seat?: string;
  @Index() @Property() size?: number;
  @Property() note?: string;
  @ExpiresAt() expiresAt?: Date;
  @Counter() looks!: number;
  @Version() version!: number;
}

/** Does not show when its rows expire. */
@ClusterEntity({ name: 'Token', partition: () => Session, ttl: 60_000 })
class Token {
  declare readonly [Shape]: { key: 'sessionId' | 'id' };

  @PartitionKey() sessionId!: string;
  @PrimaryKey() id!: string;
  @Property() scope?: string;
}

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let sessions: ClusterRepository<Session>;
let holds: ClusterRepository<Hold>;
let tokens: ClusterRepository<Token>;
beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Session, Hold, Token]);
  sessions = registry.repository(Session);
  holds = registry.repository(Hold);
  tokens = registry.repository(Token);
});

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const inMs = (ms: number): Date => new Date(Date.now() + ms);
const past = (): Date => inMs(-MINUTE);

/** What is left of a partition's holds in its index and uniques. */
const left = async (sessionId: string): Promise<unknown[]> => {
  const { tag } = holds.partition(sessionId);
  return [
    await cluster.client.zrangebylex(`${tag}:Hold~ix`, '-', '+'),
    await cluster.client.hgetall(`${tag}:Hold~uq`),
  ];
};
const NOTHING = [[], {}];

describe('a row in a partition of its own', () => {
  it('lives for the ttl of its entity, or for its own', async () => {
    const before = Date.now();
    const session = await sessions.insert(sessions.create());
    expect(session.expiresAt!.getTime() - before).toBeGreaterThanOrEqual(30 * MINUTE);
    expect(await cluster.client.pexpiretime(sessions.keyOf(session.id))).toBe(session.expiresAt!.getTime());
    expect(await sessions.findOne(session.id)).toEqual(session);
    const expiresAt = inMs(DAY);
    const other = await sessions.insert(sessions.create({ expiresAt }));
    expect(other.expiresAt).toEqual(expiresAt);
    expect(await cluster.client.pexpiretime(sessions.keyOf(other.id))).toBe(expiresAt.getTime());
  });

  it('is gone when it expires, for reads and writes alike', async () => {
    const session = await sessions.insert(sessions.create({ expiresAt: inMs(50) }));
    await eventually(async () => (await sessions.findOne(session.id)) === null);
    await eventually(async () => !(await sessions.exists(session.id)));
    await expect(sessions.update(session.id, { user: 'late' })).rejects.toThrow(EntityNotFoundError);
    await expect(sessions.save(Object.assign(session, { user: 'late' }))).rejects.toThrow(
      VersionConflictError,
    );
    expect((await sessions.insert(sessions.create({ id: session.id }))).version).toBeGreaterThan(
      session.version,
    );
  });

  it('keeps its expiry on save and update, and accepts a new one', async () => {
    const session = await sessions.insert(sessions.create());
    const at = session.expiresAt!;
    const timeOf = () => cluster.client.pexpiretime(sessions.keyOf(session.id));
    await sessions.save(Object.assign(session, { user: 'ada' }));
    await sessions.update(session.id, { user: 'eve' });
    expect(await timeOf()).toBe(at.getTime());

    const found = await sessions.findOneOrFail(session.id);
    found.expiresAt!.setTime(at.getTime() + 5); // inside of the Date
    await sessions.save(found);
    expect(await timeOf()).toBe(at.getTime() + 5);
    client.calls.length = 0;
    await sessions.save(found);
    expect(client.calls).toEqual([]);

    found.expiresAt = undefined;
    await sessions.save(found);
    expect(await timeOf()).toBe(-1);
    expect((await sessions.findOneOrFail(session.id)).expiresAt).toBeUndefined();

    const { version } = await sessions.update(session.id, { expiresAt: at });
    expect(version).toBe(found.version + 1);
    expect(await timeOf()).toBe(at.getTime());
    await sessions.update(session.id, { expiresAt: null });
    expect(await timeOf()).toBe(-1);
    await sessions.upsert(sessions.create({ id: session.id }));
    expect(await timeOf()).toBeGreaterThan(Date.now());
  });

  it('expires and persists by its key, without conflicts with saves', async () => {
    const session = await sessions.insert(sessions.create());
    const at = inMs(DAY);
    expect(await sessions.expire(session.id, at)).toBe(true);
    expect(await sessions.findOne(session.id)).toEqual({ ...session, expiresAt: at });
    expect(await sessions.persist(session.id)).toBe(true);
    expect(await cluster.client.pexpiretime(sessions.keyOf(session.id))).toBe(-1);
    await sessions.save(Object.assign(session, { user: 'ada' }));
    expect((await sessions.findOneOrFail(session.id)).expiresAt).toBeUndefined();
    expect(await sessions.expire(session.id, 30)).toBe(true);
    await eventually(async () => (await sessions.findOne(session.id)) === null);
    expect(await sessions.expire(session.id, DAY)).toBe(false);
    expect(await sessions.persist(session.id)).toBe(false);
  });

  it('can be given an expiry in the past', async () => {
    const { id } = await sessions.insert(sessions.create({ expiresAt: new Date(0) }));
    expect(await sessions.findOne(id)).toBeNull();
    await sessions.insert(sessions.create({ id }));
    await sessions.expire(id, -1);
    expect(await sessions.exists(id)).toBe(false);
  });

  it('accepts only valid times', async () => {
    const invalid = sessions.create({ expiresAt: new Date(NaN) });
    await expect(sessions.insert(invalid)).rejects.toThrow('Session.expiresAt must be a valid Date');
    for (const at of [NaN, 0.5, new Date(NaN)])
      await expect(sessions.expire('x', at)).rejects.toThrow(InvalidArgumentError);
    for (const ttl of ['', '1w', 'x', 0, -1, 1.5, '99999999999d']) {
      class Wrong {
        @PrimaryKey() id!: string;
      }
      ClusterEntity({ name: 'Wrong', ttl })(Wrong);
      expect(() => createRepositories(client, [Wrong])).toThrow(SchemaError);
    }
  });
});

describe('an expired row in a larger partition', () => {
  const place = async (data: Partial<Hold> = {}): Promise<{ sessionId: string; id: string }> => {
    const key = { sessionId: freshId(), id: 'a' };
    await holds.insert(holds.create({ ...key, seat: 'A1', size: 2, expiresAt: past(), ...data }));
    return key;
  };

  it('is never returned, although the server keeps it for a day', async () => {
    const key = await place();
    const { sessionId } = key;
    await holds.insert(holds.create({ sessionId, id: 'b', size: 2 }));
    expect(await cluster.client.exists(holds.keyOf(key))).toBe(1);
    expect(await cluster.client.pttl(holds.keyOf(key))).toBeGreaterThan(DAY - 10 * MINUTE);
    expect(await holds.findOne(key)).toBeNull();
    expect(await holds.findMany([key, { sessionId, id: 'b' }])).toMatchObject([null, { id: 'b' }]);
    expect(await holds.exists(key)).toBe(false);
    for (const where of [{}, { size: 2 }, { size: { gt: 1 } }]) {
      expect(await holds.findBy({ sessionId, ...where })).toMatchObject([{ id: 'b' }]);
      expect(await holds.countBy({ sessionId, ...where })).toBe(1);
      expect((await holds.findPage({ sessionId, ...where }, { limit: 1 })).items).toHaveLength(1);
    }
    expect(await holds.findOneBy({ sessionId, seat: 'A1' })).toBeNull();
    expect(await holds.countBy({ sessionId, seat: 'A1' })).toBe(0);
  });

  it('counts as missing for every write', async () => {
    const key = await place();
    await expect(holds.update(key, { note: 'late' })).rejects.toThrow(EntityNotFoundError);
    await expect(holds.update(key, { size: 3 })).rejects.toThrow(EntityNotFoundError);
    await expect(holds.increment(key, 'looks')).rejects.toThrow(EntityNotFoundError);
    expect(await holds.expire(key, DAY)).toBe(false);
    expect(await holds.persist(key)).toBe(false);
    expect(await holds.delete(key)).toEqual({ deleted: false });
    expect(await left(key.sessionId)).toEqual(NOTHING);
  });

  it('counts as missing in transactions', async () => {
    const key = await place();
    await holds.transaction(key.sessionId, async (tx) => {
      expect(await tx.get(Hold, key)).toBeNull();
      tx.insert(holds.create({ ...key, note: 'new' }));
    });
    expect(await holds.findOne(key)).toMatchObject({ note: 'new', expiresAt: undefined });
  });

  it.each(['insert', 'upsert', 'save'] as const)(
    'is recreated by %s, with nothing of the old row',
    async (how) => {
      const key = await place({ note: 'old', expiresAt: inMs(MINUTE) });
      await holds.increment(key, 'looks', 5);
      await holds.expire(key, past());
      const made = holds.create({ ...key, size: 3 });
      await holds[how](made);
      expect(await holds.findOne(key)).toEqual(made);
      expect(made).toMatchObject({ looks: 0, note: undefined });
      expect(await left(key.sessionId)).toEqual([[expect.stringMatching('^size'), '~pk\0a'], {}]);
      expect(await cluster.client.pttl(holds.keyOf(key))).toBe(-1);
    },
  );

  it('frees its unique values', async () => {
    const key = await place();
    const { sessionId } = key;
    await holds.insert(holds.create({ sessionId, id: 'b', seat: 'A1' }));
    expect(await cluster.client.exists(holds.keyOf(key))).toBe(0);
    await expect(holds.insert(holds.create({ sessionId, id: 'c', seat: 'A1' }))).rejects.toThrow(
      UniqueViolationError,
    );
    await cluster.client.del(holds.keyOf({ sessionId, id: 'b' })); // by others, or after its day
    await holds.insert(holds.create({ sessionId, id: 'c', seat: 'A1' }));
    expect((await holds.findOneBy({ sessionId, seat: 'A1' }))?.id).toBe('c');
  });

  it('still counts as a success for the write that created it and lost the reply', async () => {
    const key = { sessionId: freshId(), id: 'a' };
    const losing = createRepositories(losingReplies(cluster.client), [Hold]).repository(Hold);
    const hold = await losing.insert(losing.create({ ...key, expiresAt: past() }));
    expect(hold.version).toBeGreaterThan(0);
  });
});

describe('a row with an expiry in a larger partition', () => {
  it('keeps its expiry, and is queued once, whatever is written', async () => {
    const key = { sessionId: freshId(), id: 'a' };
    const queue = async () =>
      ((await left(key.sessionId))[0] as string[]).filter((entry) => entry.startsWith('~x'));
    const at = inMs(MINUTE);
    const entry = (time: Date) => [`~x\0${String(time.getTime()).padStart(16, '0')}\0a`];
    const hold = await holds.insert(holds.create({ ...key, expiresAt: at }));
    await holds.save(Object.assign(hold, { note: 'x', size: 1 }));
    await holds.update(key, { note: 'y' });
    expect(await queue()).toEqual(entry(at));
    expect(await cluster.client.pexpiretime(holds.keyOf(key))).toBe(at.getTime() + DAY);

    const later = inMs(DAY);
    await holds.expire(key, later);
    expect(await queue()).toEqual(entry(later));
    await holds.update(key, { expiresAt: at });
    expect(await queue()).toEqual(entry(at));
    await holds.persist(key);
    expect(await queue()).toEqual([]);
    expect(await cluster.client.pttl(holds.keyOf(key))).toBe(-1);
    await holds.upsert(holds.create({ ...key, expiresAt: at }));
    expect(await queue()).toEqual(entry(at));
    await holds.delete(key);
    expect(await left(key.sessionId)).toEqual(NOTHING);
  });

  it('is read with its expiry by transactions, which run again if it changes', async () => {
    const key = { sessionId: freshId(), id: 'a' };
    await holds.insert(holds.create({ ...key, expiresAt: inMs(MINUTE) }));
    const later = inMs(DAY);
    const seen: unknown[] = [];
    await holds.transaction(key.sessionId, async (tx) => {
      const hold = (await tx.get(Hold, key))!;
      seen.push(hold.expiresAt);
      if (seen.length === 1) await holds.expire(key, later);
      tx.save(Object.assign(hold, { note: 'x' }));
    });
    expect(seen).toEqual([expect.any(Date), later]);
    expect((await holds.findOneOrFail(key)).expiresAt).toEqual(later);
  });

  it('expires by a ttl without a property for it', async () => {
    const key = { sessionId: freshId(), id: 'a' };
    await tokens.save(tokens.create(key));
    await tokens.save(Object.assign((await tokens.findOne(key))!, { scope: 'x' }));
    expect(await cluster.client.pttl(tokens.keyOf(key))).toBeGreaterThan(DAY);
    await tokens.expire(key, -1);
    expect(await tokens.findOne(key)).toBeNull();
    await tokens.upsert(tokens.create(key));
    expect(await tokens.exists(key)).toBe(true);
  });
});

describe('sweepExpired', () => {
  it('deletes the leftovers of expired rows, and nothing else', async () => {
    const sessionId = freshId();
    const all = Array.from({ length: 120 }, (_, i) =>
      holds.create({
        sessionId,
        id: `${i}`,
        seat: `S${i}`,
        size: i,
        expiresAt: i % 3 === 0 ? inMs(DAY) : past(),
      }),
    );
    await Promise.all(all.map((hold) => holds.insert(hold)));
    await Promise.all([1, 2].map((i) => cluster.client.del(holds.keyOf(all[i])))); // as after their day
    expect(await holds.countBy({ sessionId, size: { lt: 30 } })).toBe(10);
    expect(await holds.sweepExpired({ partition: sessionId, limit: 7 })).toEqual({ swept: 7 });
    expect(await holds.sweepExpired({ partition: sessionId })).toEqual({ swept: 73 });
    expect(await holds.sweepExpired({ partition: sessionId })).toEqual({ swept: 0 });
    const [index, uniques] = (await left(sessionId)) as [string[], object];
    expect(index).toHaveLength(40 * 3);
    expect(Object.keys(uniques)).toHaveLength(40);
    expect(await holds.countBy({ sessionId })).toBe(40);
    expect(await holds.findBy({ sessionId })).toHaveLength(40);
    expect(await cluster.client.exists(holds.keyOf(all[4]))).toBe(0);
  });

  it('finds the partitions of the whole cluster', async () => {
    const owners = Array.from({ length: 20 }, () => freshId());
    await Promise.all(
      owners.map((sessionId) => holds.insert(holds.create({ sessionId, id: 'a', expiresAt: past() }))),
    );
    expect((await holds.sweepExpired()).swept).toBeGreaterThanOrEqual(20);
    for (const sessionId of owners) expect(await left(sessionId)).toEqual(NOTHING);
    expect(await sessions.sweepExpired()).toEqual({ swept: 0 });
    const abort = AbortSignal.abort(new Error('enough'));
    await expect(holds.sweepExpired({ partition: owners[0], signal: abort })).rejects.toThrow('enough');
  });
});
