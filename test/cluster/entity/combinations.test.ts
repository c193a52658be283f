import {
  BelongsTo,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  DeletedAt,
  EntityExistsError,
  EntityNotFoundError,
  ExpiresAt,
  HasMany,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  SchemaError,
  Shape,
  Unique,
  UniqueViolationError,
} from 'keyslot';
import { lastValueFrom, take, toArray } from 'rxjs';
import { eventually, ownCluster } from '../../cluster-fixture.js';
import { freshId, sharedClient } from './fixtures.js';

// Soft deletes, relations, whole partitions, migrations, queries and changes, in use together.

@ClusterEntity({ name: 'Board' })
class Board {
  @PrimaryKey() id!: string;
  @HasMany(() => Topic, { cascade: 'delete' }) topics!: Related<Topic[]>;
  @HasMany(() => Post, { cascade: 'delete' }) posts!: Related<Post[]>;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'Topic', partition: () => Board })
class Topic {
  @PartitionKey() boardId!: string;
  @PrimaryKey() id!: string;
  @BelongsTo(() => Board) board!: Related<Board | null>;
  @HasMany(() => Post, { by: 'topicId', cascade: 'delete' }) posts!: Related<Post[]>;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'Board' })
class OldBoard {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Post', partition: () => OldBoard, listed: true, changes: { values: true } })
class OldPost {
  @PartitionKey() boardId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() thread?: string;
  @Unique() @Property() title?: string;
  @Property() price?: string;
  @Unique({ scope: 'global' }) @Property() code?: string;
  @ExpiresAt() expiresAt?: Date;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'Post', partition: () => Board, listed: true, changes: { values: true } })
class Post {
  declare readonly [Shape]: {
    key: 'boardId' | 'id';
    indexed: 'topicId' | 'slug' | 'price' | 'code' | 'rank';
  };

  @PartitionKey() boardId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property({ renamedFrom: 'thread' }) topicId?: string;
  @Unique() @Property({ renamedFrom: 'title' }) slug?: string;
  @Index({ name: 'ranked', fields: ['slug', 'price'], nulls: true })
  @Property({ convertFrom: { type: String, convert: (text: string) => Number(text) * 100 } })
  price?: number;
  @Unique({ scope: 'global' }) @Property() code?: string;
  @Index({ nulls: true }) @Property() rank?: number;
  @Property() note?: string;
  @ExpiresAt() expiresAt?: Date;
  @DeletedAt() deletedAt?: Date;
  @BelongsTo(() => Topic, { by: 'topicId' }) topic!: Related<Topic | null>;
}

const cluster = sharedClient(ownCluster());
let boards: ClusterRepository<Board>;
let topics: ClusterRepository<Topic>;
let posts: ClusterRepository<Post>;
let old: ClusterRepository<OldPost>;
let boardId: string;
beforeEach(() => {
  const registry = createRepositories(cluster.client, [Board, Topic, Post]);
  [boards, topics, posts] = [
    registry.repository(Board),
    registry.repository(Topic),
    registry.repository(Post),
  ];
  old = createRepositories(cluster.client, [OldBoard, OldPost]).repository(OldPost);
  boardId = freshId();
});

const at = (id: string): { boardId: string; id: string } => ({ boardId, id });
const insert = (id: string, data: Partial<Post> = {}): Promise<Post> =>
  posts.insert(posts.create({ ...at(id), ...data }));
const idsOf = (found: readonly (object | null)[]): unknown[] =>
  found.map((one) => one && Reflect.get(one, 'id'));
const exportOf = async (repository: ClusterRepository<never>): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of repository.partition(boardId as never).export()) lines.push(line);
  return lines;
};

async function faults(): Promise<string[]> {
  const found: string[] = [];
  for (const repository of [topics, posts])
    for await (const { fault, index } of repository.verifyIndexes({ partition: boardId }))
      found.push(`${fault} ${index}`);
  return found;
}

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
    const lines = await exportOf(boards as never);
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

  it('rows that are listed leave the global list with their partition', async () => {
    await old.insert(old.create({ ...at('a'), title: 'x' }));
    await insert('b');
    await posts.softDelete(at('b'));
    await posts.migrate();
    const listed = async (): Promise<unknown[]> =>
      idsOf((await posts.findBy({})).filter((one) => one.boardId === boardId));
    expect(await listed()).toEqual(['a']);
    await posts.restore(at('b'));
    expect(await listed()).toEqual(['a', 'b']);
    await boards.partition(boardId).delete();
    expect(await listed()).toEqual([]);
    expect(await faults()).toEqual([]);
  });
});

describe('migration', () => {
  it('moves deleted rows too, and leaves them out of the indexes until they are restored', async () => {
    for (const id of ['a', 'b', 'c'])
      await old.insert(
        old.create({ ...at(id), thread: 't', title: `s-${id}`, price: '2', code: `${boardId}${id}` }),
      );
    await old.softDelete(at('a'));
    await old.softDelete(at('b'));
    expect(await posts.restore(at('b'))).toMatchObject({ slug: 's-b', price: 200 }); // not migrated yet
    const { migrated, failed } = await posts.migrate();
    expect({ migrated, failed }).toEqual({ migrated: 2, failed: [] });
    const row = await cluster.client.hgetall(posts.keyOf(at('a')));
    expect(row).toMatchObject({ topicId: 't', slug: 's-a', price: '200' });
    expect(Object.keys(row)).not.toContain('title');
    for await (const progress of posts.reindex({ partition: boardId })) void progress;
    expect(await faults()).toEqual([]);
    expect(idsOf(await posts.findBy({ boardId, topicId: 't' }))).toEqual(['b', 'c']);
    expect(await posts.countBy({ boardId, rank: { isNull: true } })).toBe(2);
    expect(await posts.restore(at('a'))).toMatchObject({ slug: 's-a', price: 200 });
    const either = { boardId, or: [{ slug: 's-a' }, { rank: { isNull: true } }] };
    expect(idsOf(await posts.findBy(either))).toEqual(['a', 'b', 'c']);
    expect(await faults()).toEqual([]);
  });

  it('an import stores rows of the former version as migrated', async () => {
    await topics.insert(topics.create(at('t')));
    await old.insert(old.create({ ...at('a'), thread: 't', title: 's-a', price: '2' }));
    await old.insert(old.create({ ...at('b'), thread: 't', title: 's-b', price: '3' }));
    await insert('c', { topicId: 't', slug: 's-c', price: 7 });
    await old.softDelete(at('b'));
    const lines = await exportOf(boards as never);
    await boards.partition(boardId).delete();
    await boards.partition(boardId).import(lines);
    expect(await faults()).toEqual([]);
    expect(await posts.findBy({ boardId, topicId: 't' })).toMatchObject([
      { id: 'a', slug: 's-a', price: 200 },
      { id: 'c', slug: 's-c', price: 7 },
    ]);
    expect(await posts.findOneBy({ boardId, slug: 's-a' })).toMatchObject({ id: 'a' });
    expect(await posts.restore(at('b'))).toMatchObject({ slug: 's-b', price: 300 });
    expect((await posts.migrate()).migrated).toBe(0);
    const again = await exportOf(boards as never);
    await boards.partition(boardId).delete();
    await boards.partition(boardId).import(again);
    expect((await posts.findBy({ boardId })).map(({ price }) => price)).toEqual([200, 300, 7]); // converted once
    expect(await faults()).toEqual([]);
    const broken = lines.map((line) => line.replace('"price":"3"', '"price":{"base64":"/w=="}'));
    await boards.partition(boardId).delete();
    const refusal: unknown = await boards
      .partition(boardId)
      .import(broken)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InvalidArgumentError);
    expect(String(refusal)).toMatch(/Line \d+ has a price that is not/);
  });

  it('is not needed for select, relations and order', async () => {
    await topics.insert(topics.create(at('t')));
    await old.insert(old.create({ ...at('a'), thread: 't', title: 's-a', price: '2' }));
    await insert('b', { topicId: 't', slug: 's-b', price: 1 });
    expect((await posts.findOneOrFail(at('a'), { with: ['topic'] })).topic).toMatchObject({ id: 't' });
    for await (const progress of posts.reindex({ partition: boardId })) void progress;
    expect(idsOf((await topics.findOneOrFail(at('t'), { with: ['posts'] })).posts)).toEqual(['a', 'b']);
    expect(await posts.findBy({ boardId }, { order: { slug: 'desc' }, select: ['slug', 'price'] })).toEqual([
      { ...at('b'), slug: 's-b', price: 1 },
      { ...at('a'), slug: 's-a', price: 200 },
    ]);
    expect(await posts.findBy({ boardId, price: 200 }, { scan: true, select: ['topicId'] })).toEqual([
      { ...at('a'), topicId: 't' },
    ]);
    await posts.softDelete(at('a'));
    expect(await posts.findOne(at('a'), { select: ['slug'] })).toBeNull();
    const [selected] = await posts.findMany([at('a')], { select: ['slug', 'deletedAt'], withDeleted: true });
    expect(selected).toEqual({ ...at('a'), slug: 's-a', deletedAt: expect.any(Date) });
  });
});

describe('a deletion time', () => {
  @ClusterEntity({ name: 'Memo', partition: () => Board })
  class PlainMemo {
    @PartitionKey() boardId!: string;
    @PrimaryKey() id!: string;
    @Index() @Property() state: string = 'open';
    @Property() deletedAt?: Date;
  }
  @ClusterEntity({ name: 'Memo', partition: () => Board })
  class Memo {
    @PartitionKey() boardId!: string;
    @PrimaryKey() id!: string;
    @Index() @Property() state: string = 'open';
    @DeletedAt() deletedAt?: Date;
  }
  @ClusterEntity({ name: 'Memo', partition: () => Board })
  class RenamedMemo {
    @PartitionKey() boardId!: string;
    @PrimaryKey() id!: string;
    @Index() @Property() state: string = 'open';
    @DeletedAt() removedAt?: Date;
  }

  it('can be made of a property that has values, by a reindex, and cannot be renamed', async () => {
    const plain = createRepositories(cluster.client, [PlainMemo]).repository(PlainMemo);
    await plain.insert(plain.create({ ...at('a'), deletedAt: new Date(1) }));
    await plain.insert(plain.create(at('b')));
    const registry = createRepositories(cluster.client, [Memo]);
    await registry.checkSchemas();
    const memos = registry.repository(Memo);
    expect(idsOf(await memos.findBy({ boardId, state: 'open' }))).toEqual(['b']);
    for await (const progress of memos.reindex({ partition: boardId })) void progress;
    expect(await memos.countBy({ boardId, state: 'open' })).toBe(1);
    expect(idsOf((await memos.findDeleted(boardId)).items)).toEqual(['a']);
    expect(await memos.restore(at('a'))).toMatchObject({ state: 'open' });
    await expect(createRepositories(cluster.client, [RenamedMemo]).checkSchemas()).rejects.toThrow(
      /removedAt is new and deletedAt, of the same form, is gone: name it deletedAt again/,
    );
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
});

describe('changes', () => {
  it('of a restored row have its values under their present names and types', async () => {
    const from = await posts.changesCursor(boardId);
    await old.insert(old.create({ ...at('a'), title: 's', price: '2' }));
    await posts.softDelete(at('a'));
    await posts.restore(at('a'));
    await posts.update(at('a'), { price: 5 });
    await posts.update(at('a'), { price: null as never });
    await posts.update(at('a'), { price: 7 });
    await posts.delete(at('a'));
    const changes = await lastValueFrom(posts.changes(boardId, { from }).pipe(take(7), toArray()));
    const deletedAt: unknown = expect.any(Date);
    expect(changes).toMatchObject([
      { type: 'insert', after: { slug: 's', price: 200 } },
      { type: 'softDelete', changed: ['deletedAt'], before: {}, after: { deletedAt } },
      {
        type: 'restore',
        changed: expect.arrayContaining(['slug', 'price', 'deletedAt']),
        before: { slug: 's', price: 200, deletedAt },
        after: { slug: 's', price: 200 },
      },
      { type: 'update', changed: ['price'], before: { price: 200 }, after: { price: 5 } },
      { type: 'update', changed: ['price'], before: { price: 5 }, after: {} },
      { type: 'update', changed: ['price'], before: {}, after: { price: 7 } },
      { type: 'delete', before: { slug: 's', price: 7 } },
    ]);
    expect(Reflect.get(changes[2], 'changed')).toHaveLength(3);
  });

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
    const lines = await exportOf(boards as never);
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

describe('relations by an index of another form', () => {
  it('are refused where the index or the property cannot serve them', () => {
    @ClusterEntity({ name: 'Wrong', partition: () => Board })
    class Wrong {
      @PartitionKey() boardId!: string;
      @PrimaryKey() id!: string;
      @Index({ caseInsensitive: true }) @Property() topicId?: string;
      @Index({ elements: true }) @Property(() => [String]) topicIds?: string[];
      @Property({ convertFrom: { type: Number, convert: String } }) otherId?: string;
      @BelongsTo(() => Topic, { by: 'otherId' }) other!: Related<Topic | null>;
      @HasMany(() => Wrong, { by: 'topicId' }) folded!: Related<Wrong[]>;
      @HasMany(() => Wrong, { by: 'topicIds' }) elements!: Related<Wrong[]>;
    }
    let error: unknown;
    try {
      createRepositories(cluster.client, [Board, Topic, Post, Wrong]);
    } catch (refusal) {
      error = refusal;
    }
    expect(error).toBeInstanceOf(SchemaError);
    expect((error as SchemaError).faults).toEqual([
      expect.stringMatching(/^Wrong\.other .*which has convertFrom.*after migrate\(\)/),
      expect.stringMatching(/^Wrong\.folded .*comes first in no index/),
      expect.stringMatching(/^Wrong\.elements .*comes first in no index/),
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
