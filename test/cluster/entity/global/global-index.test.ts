import { firstValueFrom, toArray } from 'rxjs';
import {
  type ClusterRepository,
  createRepositories,
  CrossPartitionError,
  type EntityClient,
  EntityExistsError,
  UnindexedQueryError,
  UniqueViolationError,
  VersionConflictError,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { counted, freshId, losingReplies, sharedClient } from '../fixtures.js';
import { Device, User } from './fixtures.js';

const shared = sharedClient();

type Users = ClusterRepository<User>;
let users: Users;
let devices: ClusterRepository<Device>;
beforeAll(() => {
  const registry = createRepositories(shared.client, [User, Device]);
  users = registry.repository(User);
  devices = registry.repository(Device);
});

const violation = (unique: string, entity = 'User') =>
  expect.objectContaining({ code: 'UNIQUE_VIOLATION', entity, unique }) as unknown;

describe('a global unique constraint', () => {
  it('allows a value in one row of the whole cluster', async () => {
    const email = `${freshId()}@example.org`;
    const first = await users.insert(users.create({ id: freshId(), email }));
    const attempt = users.insert(users.create({ id: freshId(), email }));
    await expect(attempt).rejects.toThrow(UniqueViolationError);
    const error = (await attempt.catch((reason: unknown) => reason)) as UniqueViolationError;
    expect(error).toMatchObject({ entity: 'User', unique: 'email', applied: false });
    expect(error.message).not.toContain(email);
    expect(await users.findOneBy({ email })).toEqual(first);
    expect(await users.countBy({ email })).toBe(1);
  });

  it.each<[string, (user: User) => Promise<unknown>]>([
    ['save', (user) => users.save(user)],
    ['update', (user) => users.update(user.id, { email: user.email })],
    ['upsert', (user) => users.upsert(user)],
  ])('is rejected in %s if another row has it', async (_, write) => {
    const [mine, theirs] = [freshId(), freshId()];
    await users.insert(users.create({ id: freshId(), email: theirs }));
    const user = await users.insert(users.create({ id: freshId(), email: mine }));
    user.email = theirs;
    await expect(write(user)).rejects.toEqual(violation('email'));
    expect((await users.findOneBy({ email: mine }))?.id).toBe(user.id);
    expect((await users.findOneOrFail(user.id)).email).toBe(mine);
  });

  it('follows a save, an update and a remove, and frees the old value at once', async () => {
    const [a, b] = [freshId(), freshId()];
    const user = await users.insert(users.create({ id: freshId(), email: a }));
    user.email = b;
    await users.save(user);
    const other = await users.insert(users.create({ id: freshId(), email: a }));
    expect(await users.findOneBy({ email: a })).toEqual(other);
    await users.update(other.id, { email: null });
    await users.update(user.id, { email: a });
    expect((await users.findOneBy({ email: a }))?.id).toBe(user.id);
    expect(await users.findOneBy({ email: b })).toBeNull();
    await users.remove((await users.findOne(user.id))!);
    await users.update(other.id, { email: a });
    await users.delete(other.id);
    await users.upsert(users.create({ id: freshId(), email: a }));
    expect(await users.countBy({ email: { in: [a, b] } })).toBe(1);
  });

  it('is kept by an upsert of the same row', async () => {
    const email = freshId();
    const id = freshId();
    for (const note of ['1', '2', '3']) await users.upsert(users.create({ id, email, note }));
    expect(await users.findOneBy({ email })).toMatchObject({ id, note: '3' });
    await expect(users.insert(users.create({ id, email }))).rejects.toThrow(EntityExistsError);
    expect(await users.findOneBy({ email })).toMatchObject({ id, note: '3' });
  });

  it('over two properties can be patched in part', async () => {
    const [realm, nick] = [freshId(), freshId()];
    await users.insert(users.create({ id: freshId(), realm, nick }));
    const id = freshId();
    await users.insert(users.create({ id, realm: 'elsewhere' }));
    await users.update(id, { nick });
    await expect(users.update(id, { realm })).rejects.toEqual(violation('nickname'));
    await users.update(id, { realm: `${realm}2` });
    expect((await users.findOneBy({ realm: `${realm}2`, nick }))?.id).toBe(id);
    await expect(users.findBy({ nick })).rejects.toThrow(UnindexedQueryError);
  });

  it('frees the value of a rejected write', async () => {
    const email = freshId();
    const user = await users.insert(users.create({ id: freshId() }));
    await users.update(user.id, { note: 'by somebody else' });
    user.email = email;
    await expect(users.save(user)).rejects.toThrow(VersionConflictError);
    await users.insert(users.create({ id: freshId(), email }));
    expect(await users.countBy({ email })).toBe(1);
  });

  it('frees the value of an expired row', async () => {
    const [email, serial] = [freshId(), freshId()];
    const user = await users.insert(users.create({ id: freshId(), email }));
    await devices.insert(devices.create({ userId: user.id, id: '1', serial }));
    await users.expire(user.id, -1);
    await devices.expire({ userId: user.id, id: '1' }, -1);
    expect(await users.findOneBy({ email })).toBeNull();
    expect(await devices.findOneBy({ serial })).toBeNull();
    await users.insert(users.create({ id: freshId(), email }));
    await devices.insert(devices.create({ userId: user.id, id: '2', serial }));
    expect((await devices.findOneBy({ serial }))?.id).toBe('2');
  });

  it('frees the value of a row that is written as expired', async () => {
    const [email, id] = [freshId(), freshId()];
    const expiresAt = new Date(Date.now() - 1_000);
    await users.insert(users.create({ id, email, team: email, expiresAt }));
    expect(await shared.client.exists(users.keyOf(id))).toBe(0);
    expect(await users.findBy({ team: email })).toEqual([]);
    const user = await users.insert(users.create({ id, email }));
    user.expiresAt = expiresAt;
    user.email = `${email}2`;
    await users.save(user);
    expect(await shared.client.exists(users.keyOf(id))).toBe(0);
    await users.insert(users.create({ id: freshId(), email }));
    await users.insert(users.create({ id: freshId(), email: `${email}2` }));
  });

  it('gives a value to one of many concurrent writers', async () => {
    const email = freshId();
    const results = await users.saveMany(
      Array.from({ length: 20 }, () => users.create({ id: freshId(), email })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    for (const result of results) if (!result.ok) expect(result.error).toEqual(violation('email'));
    const [{ id }] = await users.findBy({ email });
    expect(await users.deleteMany([id])).toEqual([{ ok: true, value: { deleted: true } }]);
    await users.insert(users.create({ id: freshId(), email }));
  });

  it('applies to transactions', async () => {
    const [email, serial] = [freshId(), freshId()];
    const user = await users.insert(users.create({ id: freshId() }));
    await users.transaction(user.id, async (tx) => {
      const own = (await tx.get(User, user.id))!;
      own.email = email;
      tx.save(own);
      tx.insert(devices.create({ userId: user.id, id: '1', serial }));
    });
    expect((await users.findOneBy({ email }))?.id).toBe(user.id);
    const other = freshId();
    await expect(
      users.transaction(other, async (tx) => {
        tx.insert(devices.create({ userId: other, id: '1', serial }));
        tx.insert(users.create({ id: other }));
      }),
    ).rejects.toEqual(violation('serial', 'Device'));
    expect(await users.findOne(other)).toBeNull();
    const twice = [1, 2].map((id) => devices.create({ userId: other, id: `${id}`, serial: `${serial}2` }));
    await expect(
      users.transaction(other, async (tx) => twice.forEach((device) => tx.insert(device))),
    ).rejects.toEqual(violation('serial', 'Device'));
    await devices.transaction(user.id, async (tx) => {
      tx.remove((await tx.get(Device, { userId: user.id, id: '1' }))!);
    });
    expect(await devices.findOneBy({ serial })).toBeNull();
    await devices.insert(devices.create({ userId: other, id: '1', serial }));
  });

  it('cannot be queried inside a transaction', async () => {
    const id = freshId();
    const attempt = users.transaction(id, (tx) => tx.find(User, { email: 'x' }));
    await expect(attempt).rejects.toThrow(CrossPartitionError);
  });

  it('frees the value of a row that another program deleted', async () => {
    const email = freshId();
    const { id } = await users.insert(users.create({ id: freshId(), email }));
    await shared.client.del(users.keyOf(id));
    expect(await users.findOneBy({ email })).toBeNull();
    await users.insert(users.create({ id: freshId(), email }));
  });
});

describe('a write with global indexes and unique constraints', () => {
  const repositoryOn = (client: EntityClient): ClusterRepository<User> =>
    createRepositories(client, [User]).repository(User);

  it('is recognized if the reply of any step was lost', async () => {
    const own = repositoryOn(losingReplies(shared.client));
    const [a, b, id] = [freshId(), freshId(), freshId()];
    const user = await own.insert(own.create({ id, email: a, team: a }));
    user.email = b;
    await own.save(user);
    await own.update(id, { email: a, team: b });
    await own.upsert(own.create({ id, email: b, team: a, realm: a, nick: 'x' }));
    expect(await own.saveMany([own.create({ id: freshId(), email: a })])).toEqual([
      expect.objectContaining({ ok: true }),
    ]);
    expect(await users.findBy({ team: a })).toMatchObject([{ id, email: b }]);
    expect(await users.findOneBy({ realm: a, nick: 'x' })).toMatchObject({ id });
  });

  it('is recognized by its opId, even if another row has the value by now', async () => {
    const [email, id] = [freshId(), freshId()];
    const insert = (): Promise<User> => users.insert(users.create({ id, email }), { opId: id });
    await insert();
    await insert();
    await users.update(id, { email: null });
    await users.insert(users.create({ id: freshId(), email }));
    await insert();
    expect((await users.findOneOrFail(id)).email).toBeUndefined();
    expect(await users.countBy({ email })).toBe(1);
    const other = users.insert(users.create({ id: freshId(), email }), { opId: freshId() });
    await expect(other).rejects.toEqual(violation('email'));
  });

  it('takes the documented number of round trips', async () => {
    const client = counted(shared.client);
    const own = repositoryOn(client);
    const scriptsOf = async (write: () => Promise<unknown>): Promise<number> => {
      const before = client.calls.length;
      await write();
      return client.calls.length - before;
    };
    const [id, email] = [freshId(), freshId()];
    const user = own.create({ id, email });
    expect(await scriptsOf(() => own.insert(user))).toBe(2);
    expect(await scriptsOf(() => own.insert(own.create({ id: freshId(), note: 'no value of theirs' })))).toBe(
      1,
    );
    user.note = 'no value of theirs';
    expect(await scriptsOf(() => own.save(user))).toBe(1);
    expect(await scriptsOf(() => own.save(user))).toBe(0);
    expect(await scriptsOf(() => own.update(id, { note: 'other' }))).toBe(1);
    expect(await scriptsOf(() => own.upsert(own.create({ id, email })))).toBe(3);
    const pair = await own.insert(own.create({ id: freshId(), realm: email, nick: '1' }));
    pair.nick = '2';
    expect(await scriptsOf(() => own.save(pair))).toBe(3); // one of them unawaited
    expect(await scriptsOf(() => own.update(pair.id, { nick: '3' }))).toBe(4); // reads the other half
    const refused = own.insert(own.create({ id: freshId(), email }));
    expect(await scriptsOf(() => refused.catch(() => undefined))).toBe(2);
  });

  it('of one part of an entry is consistent with concurrent writes of the other parts', async () => {
    const [realm, id] = [freshId(), freshId()];
    await users.insert(users.create({ id, realm, nick: 'n', team: realm, age: 0 }));
    const changes = Array.from({ length: 30 }, (_, i) =>
      users.update(
        id,
        i % 2 === 0 ? { nick: `n${i}`, age: i } : { realm: `${realm}-${i}`, team: `${realm}-${i}` },
      ),
    );
    await Promise.all(changes);
    const { nick, age, realm: now, team } = await users.findOneOrFail(id);
    expect(await users.findBy({ realm: now, nick })).toMatchObject([{ id }]);
    expect(await users.findBy({ team, age })).toMatchObject([{ id }]);
  });

  it('is rejected if no time is left, and leaves nothing behind', async () => {
    const [email, id] = [freshId(), freshId()];
    // A client that has died after it had entered: it has left the entry, and no row.
    const dying = counted(shared.client);
    dying.with = (options) => ({
      ...shared.client.with(options),
      pipeline: () => shared.client.with(options).pipeline(),
      runScript: (script, keys, ...rest) =>
        keys[0].startsWith('{~g:')
          ? shared.client.with(options).runScript(script, keys, ...rest)
          : Promise.reject(new Error('died')),
    });
    await expect(repositoryOn(dying).insert(users.create({ id: freshId(), email }))).rejects.toThrow('died');
    const hasty = users.insert(users.create({ id, email }), { deadlineMs: 50 });
    await expect(hasty).rejects.toEqual(
      expect.objectContaining({ code: 'DEADLINE_EXCEEDED', applied: false }),
    );
    const aborted = users.insert(users.create({ id, email }), { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toEqual(expect.objectContaining({ code: 'ABORTED', applied: false }));
    expect(await users.findOneBy({ email })).toBeNull();
    expect(await users.exists(id)).toBe(false);
    await users.insert(users.create({ id, email }));
    expect(await users.findOneBy({ email })).toMatchObject({ id });
  });

  it('accepts values of any bytes', async () => {
    for (const email of ['', '\0', '\x01', 'a\0b', '{~g}', '%:', 'é\u{1f600}', 'x'.repeat(100_000)]) {
      const id = freshId();
      const team = `${id}${email}`;
      await users.insert(users.create({ id: `${id}{}:%~`, email: team, team }));
      expect(await users.findBy({ email: team })).toMatchObject([{ id: `${id}{}:%~`, team }]);
      expect(await users.findBy({ team })).toMatchObject([{ id: `${id}{}:%~`, email: team }]);
      expect(await users.findBy({ team: { startsWith: id } })).toHaveLength(1);
    }
  });
});

describe('a global index', () => {
  it('finds rows of all partitions, in order', async () => {
    const team = freshId();
    const ids = Array.from({ length: 25 }, (_, i) => `${team}-${String(i).padStart(2, '0')}`);
    const made = ids.map((id, i) => users.create({ id, team, age: 50 - i }));
    await users.saveMany(made);
    expect((await users.findBy({ team })).map(({ id }) => id)).toEqual(ids);
    expect((await users.findBy({ team, age: { gte: 26 } })).map(({ id }) => id)).toEqual([...ids].reverse());
    expect((await users.findBy({ team, age: { lt: 30 } })).map(({ age }) => age)).toEqual([26, 27, 28, 29]);
    expect(await users.countBy({ team })).toBe(25);
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await users.findPage({ team }, { limit: 7, cursor });
      paged.push(...page.items.map(({ id }) => id));
      ({ cursor } = page);
    } while (cursor !== undefined);
    expect(paged).toEqual(ids);
    const streamed: string[] = [];
    for await (const { id } of users.stream({ team }, { batchSize: 4 })) streamed.push(id);
    expect(streamed).toEqual(ids);
    const observed = await firstValueFrom(users.observe({ team: { startsWith: team } }).pipe(toArray()));
    expect(observed.map(({ id }) => id)).toEqual(ids);
  });

  it('returns nothing stale, whatever happened to the rows', async () => {
    const [a, b] = [`a${freshId()}`, `b${freshId()}`];
    const owner = freshId();
    const make = (id: string) => devices.create({ userId: owner, id, kind: a });
    await devices.saveMany(['changed', 'removed', 'expired', 'deleted', 'kept'].map(make));
    await devices.update({ userId: owner, id: 'changed' }, { kind: b });
    await devices.remove((await devices.findOne({ userId: owner, id: 'removed' }))!);
    await devices.expire({ userId: owner, id: 'expired' }, -1);
    await shared.client.del(devices.keyOf({ userId: owner, id: 'deleted' }));
    expect((await devices.findBy({ kind: a })).map(({ id }) => id)).toEqual(['kept']);
    expect(await devices.countBy({ kind: a })).toBe(1);
    expect((await devices.findBy({ kind: { in: [a, b] } })).map(({ id }) => id)).toEqual(['kept', 'changed']);
  });

  it('requires an indexed property', async () => {
    await expect(users.findBy({})).rejects.toThrow(UnindexedQueryError);
    await expect(users.findBy({ age: 3 })).rejects.toThrow(UnindexedQueryError);
  });
});

describe('sweepGlobals', () => {
  it('deletes stale entries, and nothing else', async () => {
    await users.sweepGlobals();
    const team = freshId();
    const ids = Array.from({ length: 30 }, () => freshId());
    await users.saveMany(ids.map((id) => users.create({ id, team, email: id, age: 1 })));
    for (const id of ids.slice(0, 10)) await shared.client.del(users.keyOf(id));
    for (const id of ids.slice(10, 20)) await users.expire(id, -1);
    await expect(users.sweepGlobals({ limit: 0 })).rejects.toThrow(/limit/);
    expect((await users.sweepGlobals({ limit: 5 })).swept).toBeGreaterThanOrEqual(5);
    await users.sweepGlobals();
    expect(await users.sweepGlobals()).toEqual({ swept: 0 });
    expect(await users.countBy({ email: { in: ids } })).toBe(10);
    expect(await users.countBy({ team, age: 1 })).toBe(10);
    await eventually(async () => expect(await users.countBy({ team })).toBe(10));
  });
});
