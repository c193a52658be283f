import { ROW_FIELDS } from '../keys/stored-names.js';
import type { Observable } from 'rxjs';
import { checkList } from '../common/argument-checks.js';
import type { ChangesOptions } from '../changes/change-feed.js';
import type { ChangeOf, EntityChange } from '../changes/entity-change.js';
import { followedClasses } from '../changes/followed-classes.js';
import { EntityNotFoundError, RepositoryNotReadyError } from '../common/entity-errors.js';
import { EntityFinder, type Page, type PageOptions } from '../query/entity-finder.js';
import { type EntityKey, entityKey, partitionTag } from '../keys/entity-key.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { type StreamOptions, observeEntities, streamEntities } from '../query/entity-stream.js';
import { loadRow, loadRows } from '../rows/row-reader.js';
import { loadWithRelations } from '../loading/relation-loader.js';
import type { RelationNames, WithRelations } from '../decorators/related.js';
import type { FindOptions } from '../loading/find-options.js';
import type { EntityClass, KeyOf, PartitionKeyOf } from '../decorators/shape.js';
import type { Where } from '../query/where.js';
import { PARTS, type RepositoryParts } from './repository-parts.js';

/** The reads of a repository: by key, by query, and of all rows. */
export abstract class RepositoryReads<E extends object> {
  #parts?: RepositoryParts & { readonly finder: EntityFinder<E> };

  /** @internal */
  set [PARTS](parts: RepositoryParts) {
    this.#parts = { ...parts, finder: new EntityFinder(parts.context, parts.mapper) };
  }

  /** @internal */
  get [PARTS](): RepositoryParts & { readonly finder: EntityFinder<E> } {
    if (this.#parts) return this.#parts;
    throw new RepositoryNotReadyError(this.constructor.name);
  }

  /** The entity class. */
  get type(): EntityClass<E> {
    return this[PARTS].mapper.schema.type as EntityClass<E>;
  }

  /** Returns the Redis key of a row, without the client's `keyPrefix`. */
  keyOf(key: KeyOf<E>): string {
    return this.at(key).row;
  }

  /**
   * Returns the entity with this key, or null.
   *
   * @param options the relations to load with it.
   * @throws SchemaMismatchError if a stored field does not have the type of its property.
   * @throws TransactionTooLargeError if its relations have more than 1,000 rows.
   */
  async findOne<const Names extends RelationNames<E> = never>(
    key: KeyOf<E>,
    options: FindOptions<Names> = {},
  ): Promise<WithRelations<E, Names> | null> {
    checkEntityOptions('a read by key', options);
    const { context, mapper } = this[PARTS];
    const place = this.at(key);
    if (options.with !== undefined) {
      const [entity] = await loadWithRelations(context, mapper, [place], options.with);
      return entity as WithRelations<E, Names> | null;
    }
    const row = await loadRow(context, mapper, place);
    return row && (row.entity as WithRelations<E, Names>);
  }

  /**
   * Returns the entity with this key.
   *
   * @throws EntityNotFoundError
   */
  async findOneOrFail<const Names extends RelationNames<E> = never>(
    key: KeyOf<E>,
    options?: FindOptions<Names>,
  ): Promise<WithRelations<E, Names>> {
    const entity = await this.findOne(key, options);
    if (entity) return entity;
    throw new EntityNotFoundError(this[PARTS].mapper.schema.name, this.keyOf(key));
  }

  /**
   * Returns the entities with these keys, in the same order, null for missing rows. It sends one batch per node.
   *
   * @param options the relations to load with them.
   */
  async findMany<const Names extends RelationNames<E> = never>(
    keys: readonly KeyOf<E>[],
    options: FindOptions<Names> = {},
  ): Promise<(WithRelations<E, Names> | null)[]> {
    checkList('keys', keys);
    checkEntityOptions('a read by key', options);
    const { context, mapper } = this[PARTS];
    const places = keys.map((key) => this.at(key));
    const entities =
      options.with === undefined
        ? loadRows(context, mapper, places)
        : loadWithRelations(context, mapper, places, options.with);
    return (await entities) as (WithRelations<E, Names> | null)[];
  }

  /**
   * Returns the entities that match a query, in the order of the index, then of their ids. The query includes the
   * partition key, and conditions on indexed properties. With the partition key alone it returns the whole partition.
   *
   * @throws UnindexedQueryError if no index or unique constraint covers the query.
   */
  async findBy(where: Where<E>, options: { limit?: number | undefined } = {}): Promise<E[]> {
    checkEntityOptions('findBy()', options);
    return this[PARTS].finder.findBy(where, options.limit);
  }

  /** Returns the first entity that matches a query, or null. */
  findOneBy(where: Where<E>): Promise<E | null> {
    return this[PARTS].finder.findOneBy(where);
  }

  /**
   * Returns one page of what `findBy` finds: `items`, and a `cursor` for the next page unless this is the last. A page
   * has 100 entities by default, at most 1,000. Pages are stable under concurrent writes: a row that exists throughout
   * is on exactly one page.
   *
   * ```ts
   * const { items, cursor } = await orderItems.findPage({ orderId }, { limit: 20 });
   * ```
   */
  async findPage(where: Where<E>, options: PageOptions = {}): Promise<Page<E>> {
    checkEntityOptions('findPage()', options);
    return this[PARTS].finder.findPage(where, options.limit, options.cursor);
  }

  /** Returns how many entities match a query, read from the index alone. */
  countBy(where: Where<E>): Promise<number> {
    return this[PARTS].finder.countBy(where);
  }

  /**
   * Iterates over the entities that match a query, or over all entities of the cluster in no particular order. It reads
   * batches on demand, so any number of entities fits into memory. `break` ends it.
   *
   * Every row that exists throughout is returned. Without a query, a row can be returned twice while slots move or the
   * server resizes its tables.
   *
   * ```ts
   * for await (const order of orders.stream()) await archive(order);
   * ```
   */
  stream(where?: Where<E>, options: StreamOptions = {}): AsyncGenerator<E, void, undefined> {
    return streamEntities(this[PARTS].context, this[PARTS].mapper, this[PARTS].finder, where, options);
  }

  /**
   * Returns the same entities as an Observable. Each subscription reads on its own until it is unsubscribed. There is
   * no backpressure: if processing an entity takes longer than reading it, use `stream`.
   */
  observe(where?: Where<E>, options?: StreamOptions): Observable<E> {
    return observeEntities(() => this.stream(where, options));
  }

  /**
   * Emits the committed changes of this class and the events of its partitions, for one partition or for all. Each is
   * emitted at least once, and those of one partition in order. If changes were trimmed before they were read, it fails
   * with ChangesLostError. Failovers and moving slots do not end it.
   *
   * ```ts
   * orders.changes(undefined, { from: cursor }).subscribe(({ type, key }) => console.log(type, key));
   * ```
   *
   * @throws InvalidArgumentError if the class does not record its changes, or the cursor is not valid.
   */
  changes(partition?: PartitionKeyOf<E>, options?: ChangesOptions): Observable<EntityChange<E>>;
  /** Emits the changes of several classes, or of all, in one stream; see `Partition.changes`. */
  changes<const Types extends readonly EntityClass[]>(
    partition: PartitionKeyOf<E> | undefined,
    options: ChangesOptions & { classes: Types },
  ): Observable<ChangeOf<Types>>;
  changes(
    partition: PartitionKeyOf<E> | undefined,
    options: ChangesOptions & { classes: 'all' },
  ): Observable<EntityChange>;
  changes(
    partition?: PartitionKeyOf<E>,
    options: ChangesOptions & { classes?: readonly EntityClass[] | 'all' } = {},
  ): Observable<never> {
    checkEntityOptions('changes()', options);
    const { classes: types, ...others } = options;
    const classes = followedClasses(this[PARTS].context.schemas, this[PARTS].mapper.schema, types);
    const changes = this[PARTS].context.feed.changes(classes, this.tagOf(partition), others);
    return changes as Observable<never>;
  }

  /** Returns a cursor after every change that was committed before the call, for `changes({ from })`. */
  async changesCursor(partition?: PartitionKeyOf<E>): Promise<string> {
    const classes = followedClasses(this[PARTS].context.schemas, this[PARTS].mapper.schema);
    return this[PARTS].context.feed.cursor(classes, this.tagOf(partition));
  }

  /** Returns whether a row with this key exists. */
  async exists(key: KeyOf<E>): Promise<boolean> {
    const row = this.keyOf(key);
    const { client } = this[PARTS].context;
    const [found, [expiresAt]] = await Promise.all([
      client.exists(row),
      client.hmget(row, ROW_FIELDS.expiresAt),
    ]);
    return found === 1 && !(Number(expiresAt ?? Infinity) <= Date.now());
  }

  /** @internal */
  protected tagOf(partition: PartitionKeyOf<E> | undefined): string | undefined {
    return partition === undefined ? undefined : partitionTag(this[PARTS].mapper.schema, partition);
  }

  /** @internal */
  protected at(key: KeyOf<E>): EntityKey {
    return entityKey(this[PARTS].mapper.schema, key);
  }
}
