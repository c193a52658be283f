import { runInNewContext } from 'node:vm';
import {
  ClusterEntity,
  type ClusterRepository,
  Counter,
  CreatedAt,
  createRepositories,
  Embedded,
  ExpiresAt,
  InvalidArgumentError,
  PrimaryKey,
  Property,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();

@ClusterEntity({ name: 'Session' })
class Session {
  @PrimaryKey() id!: string;
  @Property() clicks?: number;
  @ExpiresAt() at?: Date;
}

@ClusterEntity({ name: 'Member' })
class Member {
  @PrimaryKey() id!: string;
  @Property() name?: string;
}

@ClusterEntity({ name: 'Admin' })
class Admin extends Member {
  @Property() rights?: string;
}

class Guest extends Member {}

class Editor extends Member {
  @Property() pages?: number;
}

@ClusterEntity({ name: 'Draft', ttl: '1h' })
class Draft {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @CreatedAt() at!: Date;
}

@ClusterEntity({ name: 'Visited' })
class Visited {
  @PrimaryKey() id!: string;
  @Property() name?: string;
  @Counter() views!: number;
  @Counter() big!: bigint;
}

class Node {
  @Property() name?: string;
  @Embedded(() => Node) next?: Node;
}

@ClusterEntity({ name: 'Chain' })
class Chain {
  @PrimaryKey() id!: string;
  @Embedded(() => Node) first?: Node;
}

@ClusterEntity({ name: 'Named' })
class Named {
  @PrimaryKey() id!: string;
  #name?: string;
  @Property(String) get name(): string | undefined {
    return this.#name;
  }
  set name(name: string | undefined) {
    this.#name = name;
  }
}

class KeyOfNamed {
  get id(): string {
    return 'by accessor';
  }
}

let sessions: ClusterRepository<Session>;
let members: ClusterRepository<Member>;
let admins: ClusterRepository<Admin>;
let chains: ClusterRepository<Chain>;
let named: ClusterRepository<Named>;
let drafts: ClusterRepository<Draft>;
let visited: ClusterRepository<Visited>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Session, Member, Admin, Chain, Named, Draft, Visited]);
  drafts = registry.repository(Draft);
  visited = registry.repository(Visited);
  sessions = registry.repository(Session);
  members = registry.repository(Member);
  admins = registry.repository(Admin);
  chains = registry.repository(Chain);
  named = registry.repository(Named);
});

const LATER = new Date(Date.now() + 3_600_000);

describe('changes during a save are left for the next one', () => {
  it.each(['save', 'upsert', 'saveMany'] as const)('an expiry, by %s', async (how) => {
    const session = await sessions.insert(
      sessions.create({ id: freshId(), at: new Date(Date.now() + 600_000) }),
    );
    session.clicks = 2;
    const saving = how === 'saveMany' ? sessions.saveMany([session]) : sessions[how](session);
    session.at = new Date(LATER);
    await saving;
    await sessions.save(session);
    expect((await sessions.findOneOrFail(session.id)).at).toEqual(LATER);
    session.clicks = 3;
    const again = sessions.save(session);
    session.at.setTime(NaN);
    await again;
    expect((await sessions.findOneOrFail(session.id)).clicks).toBe(3);
    session.at = undefined;
    await sessions.save(session);
    expect((await sessions.findOneOrFail(session.id)).at).toBeUndefined();
  });
});

describe('a repository accepts objects of its own class', () => {
  it('rejects objects of a child class that is a separate entity, whose properties would be lost', async () => {
    const admin = admins.create({ id: freshId(), rights: 'all' });
    const refused = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('the repository of Admin'),
    });
    await expect(members.insert(admin)).rejects.toEqual(refused);
    await expect(members.save(admin)).rejects.toEqual(refused);
    await expect(members.upsert(admin)).rejects.toEqual(refused);
    expect(await members.saveMany([admin])).toEqual([{ ok: false, error: refused }]);
    expect(await members.exists(admin.id)).toBe(false);
    await admins.save(admin);
    expect(await admins.findOne(admin.id)).toMatchObject({ rights: 'all' });
    await expect(members.remove(admin)).rejects.toEqual(refused);
  });

  it('accepts objects of a derived class that is not an entity', async () => {
    const guest = Object.assign(new Guest(), { id: freshId(), name: 'G' });
    await members.insert(guest);
    expect(await members.findOne(guest.id)).toMatchObject({ name: 'G' });
  });

  it('rejects objects of a derived class whose properties would be lost', async () => {
    const editor = Object.assign(new Editor(), { id: freshId(), pages: 3 });
    await expect(members.save(editor)).rejects.toThrow(
      'Editor has no @ClusterEntity decorator; saved as Member it would lose pages',
    );
    expect(await members.exists(editor.id)).toBe(false);
  });
});

it('an embedded value that contains itself is rejected', async () => {
  const first = new Node();
  first.next = first;
  await expect(chains.insert(chains.create({ id: freshId(), first }))).rejects.toThrow(InvalidArgumentError);
});

it('create, update and keys accept values from accessors', async () => {
  const given = Object.assign(new Named(), { id: freshId(), name: 'x' });
  const entity = await named.insert(named.create(given));
  expect(await named.findOneOrFail(given.id)).toMatchObject({ name: 'x' });
  const patch = Object.assign(new Named(), { name: 'y' });
  delete (patch as Partial<Named>).id;
  await named.update(entity.id, patch);
  expect((await named.findOneOrFail(given.id)).name).toBe('y');
  expect(named.keyOf(new KeyOfNamed() as never)).toBe('{Named:by accessor}:Named:by accessor');
});

it('Dates and Maps of another realm are accepted', async () => {
  const at = runInNewContext('new Date(8.64e15)') as Date;
  const session = await sessions.insert(sessions.create({ id: freshId(), at }));
  expect((await sessions.findOneOrFail(session.id)).at).toEqual(new Date(8.64e15));
  expect(await sessions.expire(session.id, runInNewContext('new Date(Date.now() + 60000)') as Date)).toBe(
    true,
  );
  const key = `map-${freshId()}`;
  await cluster.client.hset(key, runInNewContext("new Map([['a', '1']])") as Map<string, string>);
  expect(await cluster.client.hget(key, 'a')).toBe('1');
});

it('a frozen object is rejected if a property must be set, and written if it is complete', async () => {
  const at = new Date(5);
  const frozen = Object.freeze(Object.assign(new Draft(), { id: freshId() }));
  await expect(drafts.insert(frozen)).rejects.toThrow('Draft.at cannot be filled in: the object is frozen');
  await expect(drafts.upsert(frozen)).rejects.toThrow(InvalidArgumentError);
  await expect(drafts.insert(Object.freeze(new Draft()))).rejects.toThrow('Draft.id cannot be filled in');
  expect(await drafts.exists(frozen.id)).toBe(false);
  await drafts.insert(Object.freeze(Object.assign(new Draft(), { id: frozen.id, at })));
  expect(await drafts.findOne(frozen.id)).toMatchObject({ at });
});

describe('a counter that was assigned', () => {
  it('is rejected by inserts and saves, which would not write it', async () => {
    const fresh = Object.assign(visited.create({ id: freshId() }), { views: 5 });
    const refused = /Visited.views is a counter and was assigned, .* increment\(key, 'views', by\)/;
    await expect(visited.insert(fresh)).rejects.toThrow(refused);
    fresh.views = 0;
    await visited.save(fresh);
    fresh.big += 1n;
    await expect(visited.save(fresh)).rejects.toThrow('Visited.big is a counter');
    expect(await visited.saveMany([fresh])).toMatchObject([{ ok: false, error: { argument: 'big' } }]);
    const transaction = visited.transaction(fresh.id, async (tx) => Promise.resolve(tx.save(fresh)));
    await expect(transaction).rejects.toThrow(InvalidArgumentError);
    expect(await visited.findOne(fresh.id)).toMatchObject({ views: 0, big: 0n });
  });

  it('is not written if the counter has been incremented meanwhile', async () => {
    const { id } = await visited.insert(visited.create({ id: freshId() }));
    await visited.increment(id, 'views', 2);
    const found = await visited.findOneOrFail(id);
    await visited.increment(id, 'views', 3);
    found.name = 'a';
    await visited.save(found);
    found.name = 'b';
    await visited.save(found);
    await visited.upsert(found);
    expect(await visited.findOne(id)).toMatchObject({ name: 'b', views: 5 });
  });
});

it('a promise in place of an entity or a key is rejected with a hint at a missing await', async () => {
  const id = freshId();
  await members.insert(members.create({ id }));
  const missing = expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('add the missing await'),
  });
  const coming = members.findOneOrFail(id);
  await expect(members.save(coming as never)).rejects.toEqual(missing);
  await expect(members.update(Promise.resolve(id) as never, {})).rejects.toEqual(missing);
  await expect(
    members.transaction(id, async (tx) => Promise.resolve(tx.save(tx.get(Member, id)))),
  ).rejects.toEqual(missing);
  await coming;
});

it('an object that was not loaded here counts as new, even a copy, and the error says so', async () => {
  const member = await members.insert(members.create({ id: freshId(), name: 'A' }));
  await expect(members.save({ ...member })).rejects.toThrow('and so does a copy: load the row first');
  const elsewhere = createRepositories(cluster.client, [Member]).repository(Member);
  await expect(elsewhere.save(member)).rejects.toThrow('already exists. An object that was not loaded');
  expect(await members.findOne(member.id)).toMatchObject({ name: 'A' });
});
