import {
  type ClusterRepository,
  createRepositories,
  EntityExistsError,
  EntityNotFoundError,
  InvalidArgumentError,
  type PartitionTransaction,
  UniqueViolationError,
  VersionConflictError,
} from 'keyslot';
import { lastValueFrom, take, toArray } from 'rxjs';
import { eventually, ownCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';
import { Board, exportOf, faultsOf, idsOf, OldBoard, Post, Topic } from './fixtures.js';

// Soft deletes in use with relations, whole partitions, queries, transactions and changes.

// a new group of followers leaves a key in each slot that has keys
const cluster = sharedClient(ownCluster());
let boards: ClusterRepository<Board>;
let topics: ClusterRepository<Topic>;
let posts: ClusterRepository<Post>;
let boardId: string;
beforeEach(() => {
  const registry = createRepositories(cluster.client, [Board, Topic, Post]);
  [boards, topics, posts] = [
    registry.repository(Board),
    registry.repository(Topic),
    registry.repository(Post),
  ];
  boardId = freshId();
});

const at = (id: string): { boardId: string; id: string } => ({ boardId, id });
const insert = (id: string, data: Partial<Post> = {}): Promise<Post> =>
  posts.insert(posts.create({ ...at(id), ...data }));
const faults = (): Promise<string[]> => faultsOf(boardId, topics, posts);

describe('soft deletes and relations', () => {
  beforeEach(async () => {
    await boards.insert(boards.create({ id: boardId }));
    await topics.insert(topics.create(at('t')));
    for (const id of ['a', 'b', 'c']) await insert(id, { topicId: 't' });
  });

  it('hide related rows that are deleted, and show null for a deleted owner', async () => {
    await posts.softDelete(at('b'));
    const topic = await topics.findOneOrFail(at('t'), { with: ['posts', 'board'] });
    expect(idsOf(topic.posts)).toEqual(['a', 'c']);
    expect(topic.board).toMatchObject({ id: boardId });
    await topics.softDelete(at('t'));
    expect(await topics.findOne(at('t'), { with: ['posts'] })).toBeNull();
    expect((await posts.findOneOrFail(at('a'), { with: ['topic'] })).topic).toBeNull();
    const hidden = await topics.findOneOrFail(at('t'), { with: ['posts'], withDeleted: true });
    expect(idsOf(hidden.posts)).toEqual(['a', 'c']);
    await boards.softDelete(boardId);
    expect(await boards.findOne(boardId, { with: ['posts'] })).toBeNull();
    const board = await boards.findOneOrFail(boardId, { with: ['posts', 'topics'], withDeleted: true });
    expect([idsOf(board.posts), idsOf(board.topics)]).toEqual([['a', 'c'], []]);
    await topics.restore(at('t'));
    await posts.restore(at('b'));
    const restored = await topics.findOneOrFail(at('t'), { with: ['posts', 'board'] });
    expect([idsOf(restored.posts), restored.board]).toEqual([['a', 'b', 'c'], null]);
    expect(await faults()).toEqual([]);
  });

  it('cascade from a deleted row that is deleted or purged, and to all rows of the owner', async () => {
    await posts.softDelete(at('b'));
    await topics.softDelete(at('t'));
    expect(idsOf(await posts.findBy({ boardId }))).toEqual(['a', 'c']); // a soft delete does not cascade
    await eventually(
      async () => (await topics.purgeDeleted({ olderThan: 1, partition: boardId })).purged === 1,
    );
    expect(await posts.findBy({ boardId })).toEqual([]);
    expect(idsOf((await posts.findDeleted(boardId)).items)).toEqual(['b']); // in no index: a documented limit
    await boards.softDelete(boardId);
    await boards.delete(boardId);
    expect(await posts.findOne(at('b'), { withDeleted: true })).toBeNull();
    expect(await faults()).toEqual([]);
    expect((await boards.partition(boardId).size()).rows).toEqual({ Board: 0, Topic: 0, Post: 0 });
  });
});

describe('soft deletes and whole partitions', () => {
  it('survive an export and import, with their times and lists, and can be restored or purged', async () => {
    await boards.insert(boards.create({ id: boardId }));
    for (const id of ['a', 'b', 'c'])
      await insert(id, { slug: `s-${id}`, code: `${boardId}-${id}`, rank: 1 });
    await posts.softDelete(at('b'));
    await posts.softDelete(at('c'));
    await insert('taker', { slug: 's-c' });
    await boards.softDelete(boardId);
    const times = (await posts.findDeleted(boardId)).items.map(({ deletedAt }) => deletedAt);
    const { rows } = await boards.partition(boardId).size();
    expect(rows).toEqual({ Board: 1, Topic: 0, Post: 4 });
    const lines = await exportOf(boards, boardId);
    expect((await boards.partition(boardId).delete()).rows).toBe(5);
    expect((await boards.partition(boardId).size()).rows).toEqual({ Board: 0, Topic: 0, Post: 0 });
    expect(await boards.partition(boardId).import(lines)).toEqual({ rows: 5, expired: 0 });
    const { items } = await posts.findDeleted(boardId);
    expect(items.map(({ deletedAt }) => deletedAt)).toEqual(times);
    expect(idsOf(items)).toEqual(['b', 'c']);
    expect(idsOf(await posts.findBy({ boardId, rank: 1 }))).toEqual(['a']);
    expect(await posts.findOneBy({ code: `${boardId}-b` })).toBeNull();
    expect(await faults()).toEqual([]);
    expect(await posts.restore(at('b'))).toMatchObject({ slug: 's-b' });
    await expect(posts.restore(at('c'))).rejects.toThrow(UniqueViolationError);
    expect(await posts.findOneBy({ code: `${boardId}-b` })).toMatchObject({ id: 'b' });
    expect(await boards.restore(boardId)).toMatchObject({ id: boardId });
    await eventually(
      async () => (await posts.purgeDeleted({ olderThan: 1, partition: boardId })).purged === 1,
    );
    expect(await faults()).toEqual([]);
  });
});

describe('soft deletes and queries', () => {
  it('are left out of pages, alternatives, orders, scans and counts', async () => {
    for (const [i, id] of ['a', 'b', 'c', 'd'].entries())
      await insert(id, { topicId: 't', rank: i % 2 ? undefined : i, note: 'x', slug: id });
    for (const id of ['b', 'c', 'd']) await posts.softDelete(at(id));
    const page = await posts.findPage({ boardId }, { limit: 1, total: true });
    expect([idsOf(page.items), page.next, page.total]).toEqual([['a'], undefined, 1]);
    expect(idsOf(await posts.findBy({ boardId }, { order: { rank: 'asc' } }))).toEqual(['a']);
    expect(idsOf(await posts.findBy({ boardId }, { order: { id: 'desc' } }))).toEqual(['a']);
    expect(idsOf(await posts.findBy({ boardId, note: 'x' }, { scan: true }))).toEqual(['a']);
    const either = { boardId, or: [{ rank: { isNull: true } }, { topicId: 't' }] };
    expect(idsOf(await posts.findBy(either))).toEqual(['a']);
    expect(await posts.countBy(either)).toBe(1);
    expect(await posts.countBy({ boardId, rank: { isNull: true } })).toBe(0);
    for (const refused of [
      posts.findBy({ boardId, deletedAt: { isNull: false } } as never, { scan: true }),
      posts.countBy({ boardId, or: [{ deletedAt: null }] } as never),
      posts.findPage({ boardId }, { order: { deletedAt: 'desc' } as never }),
      posts.transaction(boardId, (tx) => tx.find(Post, { boardId, deletedAt: new Date() } as never)),
    ])
      await expect(refused).rejects.toMatchObject({
        name: 'InvalidArgumentError',
        message: expect.stringMatching(/^Post\.deletedAt is the deletion time.*findDeleted\(\)$/),
      });
    await posts.restore(at('d'));
    const two = await posts.findPage({ boardId }, { limit: 1, order: { id: 'desc' } });
    expect([idsOf(two.items), two.next === undefined]).toEqual([['d'], false]);
    const last = await posts.findPage({ boardId }, { limit: 1, order: { id: 'desc' }, cursor: two.next });
    expect([idsOf(last.items), last.next]).toEqual([['a'], undefined]);
    expect(await posts.countBy(either)).toBe(2);
  });

  it('that expire are gone from the list of deleted rows, and leave nothing', async () => {
    await insert('a', { slug: 's', code: boardId, rank: 1 });
    await insert('b', { slug: 'other', rank: 1 });
    await posts.softDelete(at('a'));
    await posts.expire(at('a'), -1);
    expect((await posts.findDeleted(boardId)).items).toEqual([]);
    expect(await posts.restore(at('a'))).toBeNull();
    expect(await posts.countBy({ boardId, rank: 1 })).toBe(1);
    expect(await posts.countBy({ boardId, rank: { isNull: true } })).toBe(0);
    await posts.sweepExpired({ partition: boardId });
    expect((await boards.partition(boardId).size()).rows.Post).toBe(1);
    expect(await faults()).toEqual([]);
    expect(await insert('a', { slug: 's', code: boardId })).toMatchObject({ deletedAt: undefined });
  });
});

describe('soft deletes and transactions', () => {
  it('hide, refuse, restore and delete rows', async () => {
    await insert('a', { topicId: 't', slug: 's' });
    await posts.softDelete(at('a'));
    await posts.transaction(boardId, async (tx) => {
      expect(await tx.get(Post, at('a'))).toBeNull();
      expect(await tx.find(Post, { boardId })).toEqual([]);
      expect(await tx.find(Post, { boardId, topicId: 't' })).toEqual([]);
    });
    const again = posts.transaction(boardId, async (tx) => {
      if (!(await tx.get(Post, at('a')))) tx.insert(posts.create(at('a')));
    });
    await expect(again).rejects.toThrow(EntityExistsError);
    const hidden = await posts.findOneOrFail(at('a'), { withDeleted: true });
    await posts.transaction(boardId, async (tx) => {
      tx.save(Object.assign(hidden, { deletedAt: undefined }));
      expect(idsOf(await tx.find(Post, { boardId, topicId: 't' }))).toEqual(['a']);
    });
    expect(await posts.findOneBy({ boardId, slug: 's' })).toMatchObject({ id: 'a' });
    await posts.softRemove(hidden);
    await posts.transaction(boardId, async (tx) => tx.remove(hidden));
    expect(await posts.findOne(at('a'), { withDeleted: true })).toBeNull();
    expect(await faults()).toEqual([]);
  });

  it('delete softly and restore rows, with the commit', async () => {
    const from = await posts.changesCursor(boardId);
    const post = await insert('a', { topicId: 't', slug: 's' });
    await insert('b', { topicId: 't' });
    await posts.transaction(boardId, async (tx) => {
      const a = await tx.get(Post, at('a'));
      tx.softRemove(a!);
      expect(await tx.get(Post, at('a'))).toBeNull();
      expect(idsOf(await tx.find(Post, { boardId, topicId: 't' }))).toEqual(['b']);
      tx.insert(posts.create({ ...at('c'), slug: 's' })); // a unique value of the partition is free in the same commit
      expect(await posts.findOne(at('a'))).toMatchObject({ id: 'a' });
    });
    expect(await posts.findOne(at('a'))).toBeNull();
    await expect(posts.transaction(boardId, (tx) => tx.restore(Post, at('a')))).rejects.toThrow(
      UniqueViolationError,
    );
    await posts.transaction(boardId, async (tx) => {
      tx.remove((await tx.get(Post, at('c')))!);
      expect(await tx.get(Post, at('a'))).toBeNull();
      const restored = await tx.restore(Post, at('a'));
      expect(restored).toMatchObject({ id: 'a', deletedAt: undefined });
      restored!.note = 'back';
      expect(await tx.get(Post, at('a'))).toBe(restored);
      expect(await tx.restore(Post, at('a'))).toBeNull(); // it is no longer deleted
      expect(await tx.restore(Post, at('b'))).toBeNull();
      expect(await tx.restore(Post, at('x'))).toBeNull();
    });
    expect(await posts.findOneBy({ boardId, slug: 's' })).toMatchObject({ id: 'a', note: 'back' });
    await posts.transaction(boardId, async (tx) => {
      tx.softRemove((await tx.get(Post, at('a')))!);
      expect(await tx.restore(Post, at('a'))).toMatchObject({ deletedAt: undefined });
    });
    const changes = await lastValueFrom(posts.changes(boardId, { from }).pipe(take(6), toArray()));
    expect(changes.map((change) => change.type)).toEqual([
      ...['insert', 'insert', 'softDelete', 'insert'],
      ...['delete', 'restore'],
    ]);
    await expect(posts.transaction(boardId, async (tx) => tx.softRemove(post))).rejects.toThrow(
      VersionConflictError,
    );
    expect(await faults()).toEqual([]);
  });

  it('run again if others delete or restore a row that they read', async () => {
    await insert('a', { rank: 1 });
    const runs: unknown[] = [];
    await posts.transaction(boardId, async (tx) => {
      const restored = await tx.restore(Post, at('a'));
      runs.push(restored?.rank ?? null);
      if (runs.length === 1) await posts.softDelete(at('a'));
      if (!restored) tx.insert(posts.create({ ...at(`b${runs.length}`) }));
    });
    expect(runs).toEqual([null, 1]);
    expect(idsOf(await posts.findBy({ boardId }))).toEqual(['a']);
  });

  it('reject what cannot be deleted softly', async () => {
    const post = posts.create(at('a'));
    const plain = createRepositories(cluster.client, [OldBoard]).repository(OldBoard);
    const board = await plain.insert(plain.create({ id: boardId }));
    for (const [refused, message] of [
      [posts.transaction(boardId, async (tx) => tx.softRemove(post)), /was not loaded.*tx\.get\(\)/],
      [posts.transaction(boardId, async (tx) => tx.softRemove(null as never)), /entity/],
      [
        plain.transaction(boardId, async (tx) => tx.softRemove(board)),
        /Board has no property with @DeletedAt/,
      ],
      [
        plain.transaction(boardId, (tx) => tx.restore(OldBoard, boardId)),
        /Board has no property with @DeletedAt/,
      ],
    ] as const) {
      await expect(refused).rejects.toThrow(InvalidArgumentError);
      await expect(refused).rejects.toThrow(message);
    }
    expect(post.deletedAt).toBeUndefined();
    await posts.insert(post);
    const removed = posts.transaction(boardId, async (tx) => {
      tx.remove(post);
      tx.softRemove(post);
    });
    await expect(removed).rejects.toThrow(/after it was removed/);
    expect(post.deletedAt).toBeUndefined();
  });

  it('do not pass on the global unique values of rows that they delete, and the next write gets them', async () => {
    await topics.insert(topics.create(at('t')));
    await insert('a', { topicId: 't', code: boardId });
    const insertB = (tx: PartitionTransaction): void =>
      tx.insert(posts.create({ ...at('b'), code: boardId }));
    const cascading = topics.transaction(boardId, async (tx) => {
      tx.remove((await tx.get(Topic, at('t')))!);
      insertB(tx);
    });
    await expect(cascading).rejects.toThrow(UniqueViolationError);
    const removing = posts.transaction(boardId, async (tx) => {
      tx.softRemove((await tx.get(Post, at('a')))!);
      insertB(tx);
    });
    await expect(removing).rejects.toThrow(UniqueViolationError);
    expect(await posts.findOneBy({ code: boardId })).toMatchObject({ id: 'a' }); // nothing was written
    await topics.transaction(boardId, async (tx) => tx.remove((await tx.get(Topic, at('t')))!));
    await posts.transaction(boardId, async (tx) => insertB(tx));
    expect(await posts.findOneBy({ code: boardId })).toMatchObject({ id: 'b' });
    expect(await faults()).toEqual([]);
  });
});

describe('changes', () => {
  it('say whether a row was deleted or restored, also by an upsert', async () => {
    const from = await posts.changesCursor(boardId);
    await posts.upsert(posts.create({ ...at('a'), deletedAt: new Date(1) }));
    await posts.upsert(posts.create(at('a')));
    await posts.upsert(posts.create({ ...at('a'), slug: 's' }));
    await posts.upsert(posts.create({ ...at('a'), deletedAt: new Date(1) }));
    const hidden = await posts.findOneOrFail(at('a'), { withDeleted: true });
    await posts.save(Object.assign(hidden, { deletedAt: new Date(2) }));
    await posts.save(Object.assign(hidden, { deletedAt: undefined, expiresAt: new Date(1) }));
    const changes = await lastValueFrom(posts.changes(boardId, { from }).pipe(take(6), toArray()));
    const types = ['insert', 'restore', 'update', 'softDelete', 'update', 'restore'];
    expect(changes.map(({ type }) => type)).toEqual(types);
  });

  it('are followed with soft deletes, restores and imports', async () => {
    const seen: string[] = [];
    const follower = posts.follow(
      `g${boardId}`,
      (change) => {
        if (change.type === 'event') return;
        seen.push(`${change.type} ${(change.key as Post).id} ${typeof change.after?.deletedAt}`);
      },
      { classes: [Post] },
    );
    await follower.ready();
    await insert('a');
    await posts.softDelete(at('a'));
    const lines = await exportOf(boards, boardId);
    await boards.partition(boardId).delete();
    await boards.partition(boardId).import(lines);
    await posts.restore(at('a'));
    await eventually(() => seen.length >= 5);
    await follower.close();
    expect(seen).toEqual([
      'insert a undefined',
      'softDelete a object',
      'delete a undefined',
      'insert a object',
      'restore a undefined',
    ]);
  });
});

it('update and find of a deleted row say that it is missing, without its values', async () => {
  await insert('a', { note: 'secret', slug: 'hidden' });
  await posts.softDelete(at('a'));
  const refusals = await Promise.all([
    posts.update(at('a'), { note: 'x' }).catch((error: unknown) => error),
    posts.findOneOrFail(at('a'), { select: ['note'] }).catch((error: unknown) => error),
  ]);
  for (const refusal of refusals) {
    expect(refusal).toBeInstanceOf(EntityNotFoundError);
    expect(String(refusal)).not.toMatch(/secret|hidden/);
  }
});
