import {
  AfterInsert,
  AfterLoad,
  AfterRemove,
  AfterUpdate,
  BeforeInsert,
  BeforeRemove,
  BeforeUpdate,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  PrimaryKey,
  Property,
  UpdatedAt,
  Version,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';

class Tracked {
  readonly log: string[] = [];
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @UpdatedAt() updatedAt!: Date;
  @Version() version!: number;

  @BeforeInsert() protected async check(): Promise<void> {
    await Promise.resolve();
    this.log.push('check');
  }

  @AfterLoad() loaded(): void {
    this.log.push('loaded');
  }
}

@ClusterEntity({ name: 'Article' })
class Article extends Tracked {
  @Property() title!: string;
  @Property() slug?: string;

  @BeforeInsert() @BeforeUpdate() async makeSlug(): Promise<void> {
    await Promise.resolve();
    this.log.push('slug');
    if (this.title === 'bad') throw new Error('a bad title');
    this.slug = this.title.toLowerCase();
  }
  @AfterInsert() inserted(): void {
    this.log.push(`inserted ${this.version > 0}`);
  }
  @AfterUpdate() updated(): void {
    this.log.push('updated');
    if (this.title === 'loud') throw new Error('told too late');
  }
  @BeforeRemove() removing(): void {
    this.log.push('removing');
  }
  @AfterRemove() removed(): void {
    this.log.push('removed');
  }
  @AfterLoad() override loaded(): void {
    super.loaded();
    this.log.push('overridden');
  }
}

@ClusterEntity({ name: 'Note' })
class Note extends Tracked {
  @Property() text?: string;
}

const cluster = sharedClient();
let articles: ClusterRepository<Article>;
let notes: ClusterRepository<Note>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Article, Note]);
  articles = registry.repository(Article);
  notes = registry.repository(Note);
});

const logOf = (article: Tracked): string[] => article.log.splice(0);

describe('hooks', () => {
  it('run around writes of an entity, and their changes are written', async () => {
    const article = articles.create({ title: 'One' });
    await articles.save(article);
    expect(logOf(article)).toEqual(['check', 'slug', 'inserted true']);
    expect((await articles.findOneOrFail(article.id)).slug).toBe('one');
    article.title = 'Two';
    await articles.save(article);
    expect(logOf(article)).toEqual(['slug', 'updated']);
    expect((await articles.findOneOrFail(article.id)).slug).toBe('two');
    await articles.save(article); // without a change
    expect(logOf(article)).toEqual([]);
    await articles.upsert(article);
    expect(logOf(article)).toEqual(['slug', 'updated']);
    await articles.remove(article);
    expect(logOf(article)).toEqual(['removing', 'removed']);
    await articles.insert(article);
    expect(logOf(article)).toEqual(['check', 'slug', 'inserted true']);
  });

  it('run after an entity is read by any method', async () => {
    const { id } = await articles.insert(articles.create({ title: 'x' }));
    const loaded = ['loaded', 'overridden'];
    expect(logOf(await articles.findOneOrFail(id))).toEqual(loaded);
    expect((await articles.findMany([id, freshId()])).map((found) => found && logOf(found))).toEqual([
      loaded,
      null,
    ]);
    const [[found]] = await articles.partition(id).loadAll([Article]);
    expect(logOf(found)).toEqual(loaded);
    await articles.transaction(id, async (tx) => {
      const read = (await tx.get(Article, id))!;
      expect(logOf(read)).toEqual(loaded);
    });
  });

  it('run in transactions, on commit', async () => {
    const { id } = await articles.insert(articles.create({ title: 'x' }));
    const changed = await articles.transaction(id, async (tx) => {
      const article = (await tx.get(Article, id))!;
      tx.save(Object.assign(article, { title: 'In a transaction' }));
      expect(logOf(article)).toEqual(['loaded', 'overridden']);
      return article;
    });
    expect(logOf(changed)).toEqual(['slug', 'updated']);
    expect((await articles.findOneOrFail(id)).slug).toBe('in a transaction');
  });

  it('run for each of several entities', async () => {
    const [good, bad] = [articles.create({ title: 'good' }), articles.create({ title: 'bad' })];
    expect(await articles.saveMany([good, bad])).toMatchObject([
      { ok: true, value: { slug: 'good' } },
      { ok: false, error: { message: 'a bad title' } },
    ]);
    expect(logOf(good)).toEqual(['check', 'slug', 'inserted true']);
    expect(await articles.exists(bad.id)).toBe(false);
  });

  it('stop a write if one before it fails, but not if one after it does', async () => {
    const article = await articles.insert(articles.create({ title: 'fine' }));
    article.title = 'bad';
    await expect(articles.save(article)).rejects.toThrow('a bad title');
    article.title = 'loud';
    await expect(articles.save(article)).rejects.toThrow('told too late');
    expect((await articles.findOneOrFail(article.id)).title).toBe('loud');
  });

  it('do not run without an entity', async () => {
    const article = await articles.insert(articles.create({ title: 'x' }));
    logOf(article);
    await articles.update(article.id, { title: 'y' });
    await articles.delete(article.id);
    expect(logOf(article)).toEqual([]);
  });
});

describe('classes with a common parent class', () => {
  it('inherit its properties and hooks, and have separate rows', async () => {
    const id = freshId();
    const note = await notes.insert(notes.create({ id, text: 'x' }));
    expect(logOf(note)).toEqual(['check']);
    const found = await notes.findOneOrFail(id);
    expect(found).toBeInstanceOf(Note);
    expect(logOf(found)).toEqual(['loaded']);
    expect(found).toEqual(note);
    expect(found.updatedAt).toBeInstanceOf(Date);
    expect(await articles.findOne(id)).toBeNull();
    expect(notes.keyOf(id)).toBe(`{Note:${id}}:Note:${id}`);
  });
});
