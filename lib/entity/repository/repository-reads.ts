import { ROW_FIELDS } from '../keys/stored-names.js';
import type { Observable } from 'rxjs';
import { checkList } from '../common/argument-checks.js';
import type { ChangesOptions } from '../changes/change-feed.js';
import type { EntityChange } from '../changes/entity-change.js';
import type { EntityContext } from './entity-context.js';
import { EntityNotFoundError } from '../common/entity-errors.js';
import { EntityFinder, type Page, type PageOptions } from '../query/entity-finder.js';
import { type EntityKey, entityKey, partitionTag } from '../keys/entity-key.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { type StreamOptions, observeEntities, streamEntities } from '../query/entity-stream.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { loadRow, loadRows } from '../rows/row-reader.js';
import type { EntityClass, KeyOf, PartitionKeyOf } from '../decorators/shape.js';
import type { Where } from '../query/where.js';

/** The reads of a repository: by key, by where, and of everything. */
export abstract class RepositoryReads<E extends object> {
  private readonly finder: EntityFinder<E>;

  /** @internal */
  constructor(
    protected readonly context: EntityContext,
    protected readonly mapper: RowMapper,
  ) {
    this.finder = new EntityFinder(context, mapper);
  }

  /** The entity's class. */
  get type(): EntityClass<E> {
    return this.mapper.schema.type as EntityClass<E>;
  }

  /** The Redis key of a row, as the client takes it: without the client's `keyPrefix`. */
  keyOf(key: KeyOf<E>): string {
    return this.at(key).row;
  }

  /**
   * The entity with this key, or null.
   *
   * @throws SchemaMismatchError where a stored field is not of its property's type.
   */
  async findOne(key: KeyOf<E>): Promise<E | null> {
    const row = await loadRow(this.context, this.mapper, this.at(key));
    return row && (row.entity as E);
  }

  /**
   * The entity with this key.
   *
   * @throws EntityNotFoundError
   */
  async findOneOrFail(key: KeyOf<E>): Promise<E> {
    const entity = await this.findOne(key);
    if (entity) return entity;
    throw new EntityNotFoundError(this.mapper.schema.name, this.keyOf(key));
  }

  /** The entities with these keys, in their order, null where there is none; one batch a node. */
  async findMany(keys: readonly KeyOf<E>[]): Promise<(E | null)[]> {
    checkList('keys', keys);
    const places = keys.map((key) => this.at(key));
    return (await loadRows(this.context, this.mapper, places)) as (E | null)[];
  }

  /**
   * The entities of a partition that meet a where, in the order of the index that answers it, then of their ids. The
   * where names the partition by its key, and besides it properties that are indexed; none finds all of the partition.
   *
   * @throws UnindexedQueryError where no index or unique answers it.
   */
  async findBy(where: Where<E>, options: { limit?: number | undefined } = {}): Promise<E[]> {
    checkEntityOptions('findBy()', options);
    return this.finder.findBy(where, options.limit);
  }

  /** The first entity that `findBy` finds, or null. */
  findOneBy(where: Where<E>): Promise<E | null> {
    return this.finder.findOneBy(where);
  }

  /**
   * A page of what `findBy` finds: its `items`, and a `cursor` to the next page unless it is the last. A page has 100
   * entities by default, 1,000 at most. Pages are stable while rows come and go: what is there throughout is on one
   * page.
   *
   * ```ts
   * const { items, cursor } = await orderItems.findPage({ orderId }, { limit: 20 });
   * ```
   */
  async findPage(where: Where<E>, options: PageOptions = {}): Promise<Page<E>> {
    checkEntityOptions('findPage()', options);
    return this.finder.findPage(where, options.limit, options.cursor);
  }

  /** How many entities `findBy` finds, from the index alone. */
  countBy(where: Where<E>): Promise<number> {
    return this.finder.countBy(where);
  }

  /**
   * The entities that `findBy` finds, or without a where those of the whole cluster, in no order: one after the other,
   * read in batches as they are asked for, so that any number of them fits into memory. A `break` ends it.
   *
   * Rows that are there throughout are given. Without a where, one may be given twice, while slots move or tables grow.
   *
   * ```ts
   * for await (const order of orders.stream()) await archive(order);
   * ```
   */
  stream(where?: Where<E>, options: StreamOptions = {}): AsyncGenerator<E, void, undefined> {
    return streamEntities(this.context, this.mapper, this.finder, where, options);
  }

  /**
   * The same as an Observable; each subscription reads for itself, until it is unsubscribed. It waits for nobody:
   * where the work on an entity takes longer than reading it, use `stream`, which reads on when it is asked to.
   */
  observe(where?: Where<E>, options?: StreamOptions): Observable<E> {
    return observeEntities(() => this.stream(where, options));
  }

  /**
   * The committed changes of this class, and the events of its partitions: those of one partition, or of all. Each is
   * given at least once, those of one partition in their order. Where some are gone before they were read, it fails
   * with ChangesLostError; a node that fails or a slot that moves does not end it.
   *
   * ```ts
   * orders.changes(undefined, { from: cursor }).subscribe(({ type, key }) => console.log(type, key));
   * ```
   *
   * @throws InvalidArgumentError where the class does not record its changes, and for a cursor that is none.
   */
  changes(partition?: PartitionKeyOf<E>, options: ChangesOptions = {}): Observable<EntityChange<E>> {
    const changes = this.context.feed.changes(this.mapper.schema, this.tagOf(partition), options);
    return changes as Observable<EntityChange<E>>;
  }

  /** The cursor behind every change that was committed before the call, for `changes({ from })`. */
  async changesCursor(partition?: PartitionKeyOf<E>): Promise<string> {
    return this.context.feed.cursor(this.mapper.schema, this.tagOf(partition));
  }

  /** Whether there is a row with this key. */
  async exists(key: KeyOf<E>): Promise<boolean> {
    const row = this.keyOf(key);
    const { client } = this.context;
    const [found, [expiresAt]] = await Promise.all([
      client.exists(row),
      client.hmget(row, ROW_FIELDS.expiresAt),
    ]);
    return found === 1 && !(Number(expiresAt ?? Infinity) <= Date.now());
  }

  protected tagOf(partition: PartitionKeyOf<E> | undefined): string | undefined {
    return partition === undefined ? undefined : partitionTag(this.mapper.schema, partition);
  }

  protected at(key: KeyOf<E>): EntityKey {
    return entityKey(this.mapper.schema, key);
  }
}
