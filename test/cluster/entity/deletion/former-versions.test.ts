import {
  BelongsTo,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  DeletedAt,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  SchemaError,
} from 'keyslot';
import { lastValueFrom, take, toArray } from 'rxjs';
import { ownCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';
import { Board, exportOf, faultsOf, idsOf, OldBoard, OldPost, Post, Topic } from './fixtures.js';

// Rows of a former version of their class, deleted softly, migrated, imported, related and in changes.

const cluster = sharedClient(ownCluster()); // migrate() walks all keys
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
const faults = (): Promise<string[]> => faultsOf(boardId, topics, posts);

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
    const lines = await exportOf(boards, boardId);
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
    const again = await exportOf(boards, boardId);
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

  it('converts what the former version writes after the value was removed', async () => {
    await insert('a', { price: 7 });
    await posts.update(at('a'), { price: null as never });
    await old.update(at('a'), { price: '7' });
    expect(await posts.findOneOrFail(at('a'))).toMatchObject({ price: 700 });
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
});

it('a relation by a property with convertFrom is rejected', () => {
  @ClusterEntity({ name: 'Wrong', partition: () => Board })
  class Wrong {
    @PartitionKey() boardId!: string;
    @PrimaryKey() id!: string;
    @Property({ convertFrom: { type: Number, convert: String } }) topicId?: string;
    @BelongsTo(() => Topic, { by: 'topicId' }) topic!: Related<Topic | null>;
  }
  expect(() => createRepositories(cluster.client, [Board, Topic, Post, Wrong])).toThrow(SchemaError);
  expect(() => createRepositories(cluster.client, [Board, Topic, Post, Wrong])).toThrow(
    /Wrong\.topic .*which has convertFrom.*after migrate\(\)/,
  );
});
