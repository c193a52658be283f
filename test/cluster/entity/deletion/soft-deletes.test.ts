import {
  AfterUpdate,
  BeforeUpdate,
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  CreatedAt,
  DeletedAt,
  EntityExistsError,
  EntityNotFoundError,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Unique,
  UniqueViolationError,
  UpdatedAt,
  VersionConflictError,
} from 'keyslot';
import { lastValueFrom, take, toArray } from 'rxjs';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'SoftTeam' })
class Team {
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() domain?: string;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({
  name: 'SoftNote',
  partition: () => Team,
  listed: true,
  changes: { maxLength: 1_000, values: true },
})
class Note {
  @PartitionKey() teamId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() slug?: string;
  @Index() @Property() status: string = 'open';
  @Index({ name: 'ranked', fields: ['status', 'rank'] }) @Property() rank: number = 0;
  @Index({ nulls: true }) @Property() label?: string;
  @Index({ scope: 'global' }) @Property() region?: string;
  @Unique({ scope: 'global' }) @Property() code?: string;
  @Counter() views!: number;
  @CreatedAt() createdAt!: Date;
  @UpdatedAt() updatedAt!: Date;
  @ExpiresAt() expiresAt?: Date;
  @DeletedAt() deletedAt?: Date;
  events: string[] = [];

  @BeforeUpdate() before(): void {
    this.events.push(`before ${this.deletedAt instanceof Date}`);
  }
  @AfterUpdate() after(): void {
    this.events.push('after');
  }
}

const cluster = sharedClient();
let notes: ClusterRepository<Note>;
let teams: ClusterRepository<Team>;
let teamId: string;
beforeEach(() => {
  const registry = createRepositories(cluster.client, [Team, Note]);
  [notes, teams] = [registry.repository(Note), registry.repository(Team)];
  teamId = freshId();
});

const insert = (id: string, data: Partial<Note> = {}): Promise<Note> =>
  notes.insert(
    notes.create({ teamId, id, slug: `s-${id}`, region: teamId, code: `${teamId}-${id}`, ...data }),
  );
const at = (id: string) => ({ teamId, id });
const idsOf = (found: readonly (Note | null)[]): (string | undefined)[] => found.map((note) => note?.id);

async function faults(): Promise<string[]> {
  const found: string[] = [];
  for await (const { fault, index } of notes.verifyIndexes({ partition: teamId }))
    found.push(`${fault} ${index}`);
  return found;
}

/** What every kind of read finds of the partition. */
async function readIds(): Promise<Record<string, unknown>> {
  return {
    findOne: (await notes.findOne(at('a')))?.id,
    selected: (await notes.findOne(at('a'), { select: ['slug'] }))?.slug,
    findMany: idsOf(await notes.findMany([at('a'), at('b')])),
    all: idsOf(await notes.findBy({ teamId })),
    byIndex: idsOf(await notes.findBy({ teamId, status: 'open' })),
    byTwo: idsOf(await notes.findBy({ teamId, status: 'open', rank: 0 })),
    byUnique: (await notes.findOneBy({ teamId, slug: 's-a' }))?.id,
    byRegion: idsOf(await notes.findBy({ region: teamId })),
    byCode: (await notes.findOneBy({ code: `${teamId}-a` }))?.id,
    count: await notes.countBy({ teamId }),
    unlabeled: idsOf(await notes.findBy({ teamId, label: { isNull: true } })),
    countUnlabeled: await notes.countBy({ teamId, label: { isNull: true } }),
    countOpen: await notes.countBy({ teamId, status: 'open' }),
    countRegion: await notes.countBy({ region: teamId }),
    exists: await notes.exists(at('a')),
    loadAll: idsOf((await notes.partition(teamId).loadAll([Note]))[0]),
    streamed: (await lastValueFrom(notes.observe().pipe(toArray()))).filter((one) => one.teamId === teamId)
      .length,
    tx: await notes.transaction(teamId, async (tx) => [
      (await tx.get(Note, at('a')))?.id,
      idsOf(await tx.find(Note, { teamId })),
      idsOf(await tx.find(Note, { teamId, status: 'open' })),
    ]),
  };
}
const LIVE = {
  findOne: 'a',
  selected: 's-a',
  findMany: ['a', 'b'],
  all: ['a', 'b'],
  byIndex: ['a', 'b'],
  byTwo: ['a', 'b'],
  byUnique: 'a',
  byRegion: ['a', 'b'],
  byCode: 'a',
  count: 2,
  unlabeled: ['a', 'b'],
  countUnlabeled: 2,
  countOpen: 2,
  countRegion: 2,
  exists: true,
  loadAll: ['a', 'b'],
  streamed: 2,
  tx: ['a', ['a', 'b'], ['a', 'b']],
};
const WITHOUT_A = {
  findOne: undefined,
  selected: undefined,
  findMany: [undefined, 'b'],
  all: ['b'],
  byIndex: ['b'],
  byTwo: ['b'],
  byUnique: undefined,
  byRegion: ['b'],
  byCode: undefined,
  count: 1,
  unlabeled: ['b'],
  countUnlabeled: 1,
  countOpen: 1,
  countRegion: 1,
  exists: false,
  loadAll: ['b'],
  streamed: 1,
  tx: [undefined, ['b'], ['b']],
};

describe('a row that is deleted softly', () => {
  it.each([
    ['softDelete', () => notes.softDelete(at('a'))],
    ['softRemove', async () => notes.softRemove(await notes.findOneOrFail(at('a')))],
    [
      'a transaction that sets the deletion time',
      () =>
        notes.transaction(teamId, async (tx) => {
          const note = (await tx.get(Note, at('a')))!;
          tx.save(Object.assign(note, { deletedAt: new Date() }));
          expect(await tx.get(Note, at('a'))).toBeNull();
        }),
    ],
  ])('is left out of every read after %s, until it is restored', async (_how, softly) => {
    await insert('a');
    await insert('b');
    expect(await readIds()).toEqual(LIVE);
    await softly();
    expect(await readIds()).toEqual(WITHOUT_A);
    expect(await faults()).toEqual([]);
    const hidden = await notes.findOneOrFail(at('a'), { withDeleted: true });
    expect(hidden.deletedAt).toBeInstanceOf(Date);
    expect(idsOf(await notes.findMany([at('a'), at('b')], { withDeleted: true }))).toEqual(['a', 'b']);
    const selected = await notes.findOne(at('a'), { withDeleted: true, select: ['slug'] });
    expect(selected?.slug).toBe('s-a');
    expect((await notes.restore(at('a')))?.deletedAt).toBeUndefined();
    expect(await readIds()).toEqual(LIVE);
    expect(await faults()).toEqual([]);
  });

  it('releases its unique values, and is not restored while another row has one', async () => {
    await insert('a');
    await notes.softDelete(at('a'));
    await insert('taker', { slug: 's-a' });
    await expect(notes.restore(at('a'))).rejects.toThrow(UniqueViolationError);
    expect(await notes.exists(at('a'))).toBe(false);
    expect(await faults()).toEqual([]);
    await notes.update(at('taker'), { slug: 'other', code: `${teamId}-a` });
    await expect(notes.restore(at('a'))).rejects.toThrow(UniqueViolationError);
    await notes.delete(at('taker'));
    expect(await notes.restore(at('a'))).toMatchObject({ id: 'a', slug: 's-a' });
  });

  it('is missing for update, exists for insert, and is replaced by upsert', async () => {
    await insert('a');
    await notes.softDelete(at('a'));
    await expect(notes.update(at('a'), { status: 'x' })).rejects.toThrow(EntityNotFoundError);
    await expect(notes.insert(notes.create(at('a')))).rejects.toThrow(EntityExistsError);
    expect(await faults()).toEqual([]);
    await notes.upsert(notes.create({ ...at('a'), slug: 'again' }));
    expect(await notes.findOneOrFail(at('a'))).toMatchObject({ slug: 'again', deletedAt: undefined });
    expect((await notes.findDeleted(teamId)).items).toEqual([]);
    expect(await faults()).toEqual([]);
  });

  it('keeps out of the indexes when it is saved, and leaves nothing when it is deleted', async () => {
    await insert('a');
    await notes.softDelete(at('a'));
    const hidden = await notes.findOneOrFail(at('a'), { withDeleted: true });
    await notes.save(Object.assign(hidden, { status: 'changed', region: `${teamId}-2` }));
    expect(await notes.findBy({ teamId, status: 'changed' })).toEqual([]);
    expect(await faults()).toEqual([]);
    await notes.save(Object.assign(hidden, { label: 'x' }));
    await notes.save(Object.assign(hidden, { label: undefined }));
    expect(await notes.countBy({ teamId, label: { isNull: true } })).toBe(0);
    expect(await faults()).toEqual([]);
    await notes.delete(at('a'));
    expect((await notes.findDeleted(teamId)).items).toEqual([]);
    expect(await faults()).toEqual([]);
  });

  it('conflicts with an object that was loaded before', async () => {
    const loaded = await insert('a');
    await notes.softDelete(at('a'));
    await expect(notes.save(Object.assign(loaded, { status: 'x' }))).rejects.toThrow(VersionConflictError);
    await expect(notes.softRemove(loaded)).rejects.toThrow(VersionConflictError);
    expect(loaded.deletedAt).toBeUndefined();
  });
});

describe('soft deletes', () => {
  it('answer whether there was a row, and run the hooks of updates for entities', async () => {
    const note = await insert('a');
    expect(await notes.softRemove(note)).toBe(note);
    expect(note.events).toEqual(['before true', 'after']);
    expect(await notes.softDelete(at('a'))).toEqual({ deleted: false });
    expect(await notes.softDelete(at('missing'))).toEqual({ deleted: false });
    expect(await notes.restore(at('missing'))).toBeNull();
    expect((await notes.restore(at('a')))!.events).toEqual(['before false', 'after']);
    expect(await notes.restore(at('a'))).toBeNull();
  });

  it('are changes of their own types', async () => {
    const from = await notes.changesCursor(teamId);
    await insert('a');
    await notes.softDelete(at('a'));
    await notes.restore(at('a'));
    const changes = await lastValueFrom(notes.changes(teamId, { from }).pipe(take(3), toArray()));
    expect(changes.map(({ type }) => type)).toEqual(['insert', 'softDelete', 'restore']);
    expect(changes[1]).toMatchObject({
      changed: ['deletedAt', 'updatedAt'],
      after: { deletedAt: expect.any(Date) },
    });
    expect(changes[2]).toMatchObject({ before: { deletedAt: expect.any(Date) } });
  });

  it('of rows that are their own partitions release global values', async () => {
    const domain = freshId();
    await teams.insert(teams.create({ id: teamId, domain }));
    expect(await teams.softDelete(teamId)).toEqual({ deleted: true });
    expect(await teams.findOne(teamId)).toBeNull();
    expect(await teams.findOneBy({ domain })).toBeNull();
    const other = await teams.insert(teams.create({ id: freshId(), domain }));
    await expect(teams.restore(teamId)).rejects.toThrow(UniqueViolationError);
    await teams.delete(other.id);
    expect(await teams.restore(teamId)).toMatchObject({ domain });
    await expect(teams.findDeleted(teamId)).rejects.toThrow(/is a partition of its own/);
  });

  it('are repaired by reindex', async () => {
    await insert('a');
    await insert('b');
    await notes.softDelete(at('a'));
    await cluster.client.del(`{SoftTeam:${teamId}}:SoftNote~ix`, `{SoftTeam:${teamId}}:SoftNote~uq`);
    for await (const progress of notes.reindex({ partition: teamId }))
      expect(progress.repaired).toBeGreaterThan(0);
    expect(await faults()).toEqual([]);
    expect(idsOf((await notes.findDeleted(teamId)).items)).toEqual(['a']);
    expect(idsOf(await notes.findBy({ teamId, status: 'open' }))).toEqual(['b']);
  });
});

describe('findDeleted and purgeDeleted', () => {
  const deletedAt = (daysAgo: number): Date => new Date(Date.now() - daysAgo * 86_400_000);

  it('page the deleted rows of a partition by time, and delete those of an age', async () => {
    for (const days of [1, 40, 2, 31, 50]) await insert(`d${days}`, { deletedAt: deletedAt(days) });
    await insert('live');
    const first = await notes.findDeleted(teamId, { limit: 2 });
    expect(idsOf(first.items)).toEqual(['d50', 'd40']);
    const second = await notes.findDeleted(teamId, { limit: 2, cursor: first.cursor });
    expect(idsOf(second.items)).toEqual(['d31', 'd2']);
    const third = await notes.findDeleted(teamId, { limit: 2, cursor: second.cursor });
    expect({ ids: idsOf(third.items), cursor: third.cursor }).toEqual({ ids: ['d1'], cursor: undefined });
    await expect(notes.findDeleted(teamId, { cursor: 'x' })).rejects.toThrow(
      /cursor must be one that findDeleted\(\) returned .* got another string/,
    );
    expect(await notes.purgeDeleted({ olderThan: '30d', partition: teamId, limit: 2 })).toEqual({
      purged: 2,
    });
    expect(idsOf((await notes.findDeleted(teamId)).items)).toEqual(['d31', 'd2', 'd1']);
    expect((await notes.purgeDeleted({ olderThan: '30d' })).purged).toBeGreaterThanOrEqual(1);
    expect(idsOf((await notes.findDeleted(teamId)).items)).toEqual(['d2', 'd1']);
    expect(await notes.findOne(at('d31'), { withDeleted: true })).toBeNull();
    expect(idsOf(await notes.findBy({ teamId }))).toEqual(['live']);
    expect(await faults()).toEqual([]);
  });

  it('purge without reading rows of a partition that are not old enough', async () => {
    for (const days of [40, 1, 2]) await insert(`d${days}`, { deletedAt: deletedAt(days) });
    const reads = (): number => cluster.client.stats().entities.operations.read ?? 0;
    const before = reads();
    expect(await notes.purgeDeleted({ olderThan: '30d', partition: teamId })).toEqual({ purged: 1 });
    expect(reads() - before).toBe(1);
    expect(idsOf((await notes.findDeleted(teamId)).items)).toEqual(['d2', 'd1']);
  });

  it('purge rows that are their own partitions', async () => {
    const other = freshId();
    await teams.insert(teams.create({ id: teamId, deletedAt: deletedAt(40) }));
    await teams.insert(teams.create({ id: other }));
    expect((await teams.purgeDeleted({ olderThan: '30d' })).purged).toBeGreaterThanOrEqual(1);
    expect(await teams.findOne(teamId, { withDeleted: true })).toBeNull();
    expect(await teams.exists(other)).toBe(true);
    await teams.softDelete(other);
    expect(await teams.purgeDeleted({ olderThan: '30d', partition: other })).toEqual({ purged: 0 });
  });

  it('end by a signal', async () => {
    await insert('a', { deletedAt: deletedAt(40) });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(notes.purgeDeleted({ olderThan: 1, partition: teamId, signal })).rejects.toThrow('enough');
    expect(idsOf((await notes.findDeleted(teamId)).items)).toEqual(['a']);
  });
});

describe('is refused', () => {
  @ClusterEntity({ name: 'HardRow' })
  class Hard {
    @PrimaryKey() id!: string;
  }

  it('for a class without @DeletedAt()', async () => {
    const hard = createRepositories(cluster.client, [Hard]).repository(Hard);
    const row = await hard.insert(hard.create({ id: freshId() }));
    for (const refused of [
      hard.softRemove(row),
      hard.softDelete(row.id),
      hard.restore(row.id),
      hard.findDeleted(row.id),
      hard.purgeDeleted({ olderThan: 1 }),
      hard.findOne(row.id, { withDeleted: true }),
    ])
      await expect(refused).rejects.toThrow(/HardRow has no property with @DeletedAt\(\)/);
  });

  it('for wrong arguments', async () => {
    await insert('a');
    await expect(notes.update(at('a'), { deletedAt: new Date() })).rejects.toThrow(
      /use softDelete\(\) and restore\(\)/,
    );
    await expect(notes.softRemove(notes.create(at('a')))).rejects.toThrow(/was not loaded by this registry/);
    await expect(notes.purgeDeleted({ olderThan: 'a month' })).rejects.toThrow(
      /olderThan must be .*, got another string/,
    );
    await expect(notes.purgeDeleted({ olderThan: 0 })).rejects.toThrow(/milliseconds from 1, .* got 0/);
    await expect(notes.purgeDeleted({ olderThan: 1, limit: 0 })).rejects.toThrow(/limit/);
    await expect(notes.purgeDeleted({ olderThan: 1, signal: 5 as never })).rejects.toThrow(
      'signal must be an AbortSignal, got a number',
    );
    await expect(notes.softRemove(undefined as never)).rejects.toThrow(
      'entity must be an object, got undefined',
    );
    const unawaited = notes.findOne(at('a'));
    await expect(notes.softRemove(unawaited as never)).rejects.toThrow(/await/);
    await unawaited;
    await expect(notes.findOne(at('a'), { withDeleted: 1 as never })).rejects.toThrow(/withDeleted/);
  });

  it('where an index covers the deletion time, or it has an initial value', () => {
    @ClusterEntity({ name: 'SoftWrong', partition: () => Team })
    class Wrong {
      @PartitionKey() teamId!: string;
      @PrimaryKey() id!: string;
      @Index() @DeletedAt() deletedAt: Date = new Date();
    }
    const register = (): unknown => createRepositories(cluster.client, [Wrong]);
    expect(register).toThrow(SchemaError);
    expect(register).toThrow(/deletedAt is in the index 'deletedAt'/);
    expect(register).toThrow(/every new row would be deleted/);
  });
});
