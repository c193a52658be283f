import {
  ClusterEntity,
  createRepositories,
  Index,
  IndexNotReadyError,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  type ClusterRepository,
  type IndexIssue,
} from 'keyslot';
import { ownCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Member' })
class Member {
  declare readonly [Shape]: { key: 'id'; indexed: 'email' | 'team' | 'age' };
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() email?: string;
  @Index({ scope: 'global' }) @Property() team?: string;
  @Index({ name: 'byAge', scope: 'global', fields: ['team', 'age'] }) @Property() age?: number;
  @Property() note?: string;
}

// one primary, as it is asked for every slot again and again
const cluster = sharedClient(ownCluster({ primaries: 1, replicasPerPrimary: 0 }));
let members: ClusterRepository<Member>;
beforeAll(() => {
  members = createRepositories(cluster.client, [Member]).repository(Member);
});
beforeEach(async () => {
  await cluster.client.flushall();
});

const member = (id: string, given: Partial<Member> = {}): Member =>
  members.create({ id, email: `${id}@example.org`, team: 'crew', age: 30, ...given });

const told = async (issues: AsyncIterable<IndexIssue<Member>>): Promise<string[]> => {
  const found: string[] = [];
  for await (const { fault, index, key } of issues) found.push(`${fault} ${index} ${String(key)}`);
  return found.toSorted();
};

async function reindexed(
  of: ClusterRepository<Member> = members,
): Promise<{ repaired: number; unresolved: string[] }> {
  const unresolved: string[] = [];
  let repaired = 0;
  for await (const progress of of.reindex()) {
    ({ repaired } = progress);
    unresolved.push(
      ...progress.unresolved.map(({ fault, index, key }) => `${fault} ${index} ${String(key)}`),
    );
  }
  return { repaired, unresolved };
}

/** All keys of global indexes and uniques. */
async function buckets(ending: string): Promise<string[]> {
  const found: string[] = [];
  for await (const key of cluster.client.scanIterator({ match: `*${ending}` }))
    if (key.includes('{~g:')) found.push(key.slice(key.indexOf('{')));
  return found;
}

it('finds nothing if rows and entries agree', async () => {
  await members.insert(member('a'));
  await members.insert(member('b', { email: undefined, age: undefined }));
  await members.upsert(member('b', { team: 'other' }));
  await members.delete('a');
  await members.insert(member('a', { team: undefined }));
  expect(await told(members.verifyIndexes())).toEqual([]);
  expect(await reindexed()).toEqual({ repaired: 0, unresolved: [] });
});

it('finds inconsistencies, and repairs them', async () => {
  for (const id of ['lost', 'torn', 'stale', 'fine'])
    await members.insert(member(id, { team: `team of ${id}` }));
  const row = (id: string): string => members.keyOf(id);
  // entries that are gone
  for (const key of await buckets(':uq')) await cluster.client.hdel(key, 'lost@example.org');
  for (const key of await buckets(':ix')) {
    const gone = (await cluster.client.zrange(key, '0', '-1')).filter((entry) =>
      entry.startsWith('team of lost'),
    );
    if (gone.length > 0) await cluster.client.zrem(key, ...gone);
  }
  // a row that does not know what it has, one that was written by others, and one of theirs alone
  await cluster.client.hdel(row('torn'), '~g:email', '~g:team', '~g:byAge');
  await cluster.client.hset(row('stale'), 'email', 'new@example.org', 'age', '31');
  await cluster.client.hset(row('theirs'), 'email', 'theirs@example.org', 'team', 'theirs', 'note', 'kept');

  const faults = [
    'missing byAge lost',
    'missing byAge torn',
    'missing email lost',
    'missing email theirs',
    'missing email torn',
    'missing team lost',
    'missing team theirs',
    'missing team torn',
    'wrong byAge stale',
    'wrong byAge theirs',
    'wrong email stale',
  ];
  expect(await told(members.verifyIndexes())).toEqual(faults);
  expect(await told(members.verifyIndexes({ partition: 'lost' }))).toEqual(
    faults.filter((fault) => fault.endsWith('lost')),
  );
  expect(await reindexed()).toEqual({ repaired: faults.length, unresolved: [] });
  expect(await told(members.verifyIndexes())).toEqual([]);

  expect(await members.findOneBy({ email: 'lost@example.org' })).toMatchObject({ id: 'lost' });
  expect(await members.findOneBy({ email: 'new@example.org' })).toMatchObject({ id: 'stale', age: 31 });
  expect(await members.findOneBy({ email: 'stale@example.org' })).toBeNull();
  expect(await members.findBy({ team: 'team of stale', age: { gte: 31 } })).toHaveLength(1);
  expect(await members.findBy({ team: 'theirs' })).toMatchObject([{ id: 'theirs', note: 'kept' }]);
  // and the values that were given up are free
  await members.sweepGlobals();
  await members.insert(member('again', { email: 'stale@example.org' }));
});

it('leaves a value that two rows have to the caller', async () => {
  await members.insert(member('first'));
  await cluster.client.hset(members.keyOf('second'), 'email', 'first@example.org', 'team', 'crew');
  const duplicate = 'duplicate email second';
  expect(await told(members.verifyIndexes())).toEqual([
    duplicate,
    'missing team second',
    'wrong byAge second',
  ]);
  expect(await reindexed()).toEqual({ repaired: 2, unresolved: [duplicate] });
  expect(await members.findOneBy({ email: 'first@example.org' })).toMatchObject({ id: 'first' });
  await members.update('second', { email: 'second@example.org' });
  expect(await told(members.verifyIndexes())).toEqual([]);
});

it('skips expired rows, and reports rows that it cannot read', async () => {
  await members.insert(member('gone'));
  await cluster.client.hset(members.keyOf('gone'), '~x', '1', 'email', 'other@example.org');
  await cluster.client.hset(members.keyOf('odd'), 'age', 'x', 'team', 'crew');
  expect(await told(members.verifyIndexes())).toEqual(['unreadable age odd']);
  expect(await reindexed()).toEqual({ repaired: 0, unresolved: ['unreadable age odd'] });
});

it('builds indexes that are added to existing rows', async () => {
  @ClusterEntity({ name: 'Member' })
  class Before {
    declare readonly [Shape]: { key: 'id' };
    @PrimaryKey() id!: string;
    @Property() email?: string;
    @Property() team?: string;
    @Property() age?: number;
    @Property() note?: string;
  }
  const before = createRepositories(cluster.client, [Before]);
  await before.checkSchemas();
  const ids = Array.from({ length: 50 }, (_, i) => `row${i}`);
  const { saveMany, create } = before.repository(Before);
  await saveMany.call(
    before.repository(Before),
    ids.map((id) => create.call(before.repository(Before), { id, email: `${id}@example.org`, team: 'crew' })),
  );

  const after = createRepositories(cluster.client, [Member]);
  await after.checkSchemas();
  const repository = after.repository(Member);
  await expect(repository.findOneBy({ email: 'row1@example.org' })).rejects.toThrow(IndexNotReadyError);
  await expect(repository.findBy({ team: 'crew' })).rejects.toThrow(IndexNotReadyError);
  await repository.insert(repository.create({ id: 'new', team: 'crew' }));
  expect(await reindexed(repository)).toMatchObject({ unresolved: [] });
  expect(await repository.findOneBy({ email: 'row1@example.org' })).toMatchObject({ id: 'row1' });
  expect(await repository.findBy({ team: 'crew' })).toHaveLength(51);
});

it('resumes where it was ended, while rows are written', async () => {
  const ids = Array.from({ length: 40 }, () => freshId());
  for (const id of ids)
    await cluster.client.hset(members.keyOf(id), 'email', `${id}@example.org`, 'team', 'crew');
  let isOver = false;
  const write = async (worker: number): Promise<number> => {
    let writes = 0;
    for (; !isOver; writes++) {
      const id = ids[(worker + writes * 7) % ids.length];
      await members.update(id, {
        team: `team${writes % 5}`,
        age: writes % 90,
        email: `${writes}.${id}@example.org`,
      });
    }
    return writes;
  };
  const writing = Promise.all([write(0), write(1)]);
  let cursor: string | undefined;
  let steps = 0;
  try {
    for (let isDone = false; !isDone;) {
      isDone = true;
      for await (const progress of members.reindex({ cursor })) {
        ({ cursor } = progress);
        expect(progress.unresolved).toEqual([]);
        isDone = progress.done === 1;
        if (++steps % 3 === 0 && !isDone) break; // and is called again, from there
      }
    }
  } finally {
    isOver = true;
    expect((await writing).every((writes) => writes > 0)).toBe(true);
  }
  expect(await told(members.verifyIndexes())).toEqual([]);
  expect(await members.findBy({ team: { startsWith: 'team' } }, { limit: 1_000 })).not.toHaveLength(0);
});
