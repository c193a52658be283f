import { ROW_FIELDS } from '../keys/stored-names.js';
import type { Observable } from 'rxjs';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkFlag, checkList } from '../common/argument-checks.js';
import type { ChangesOptions } from '../changes/change-feed.js';
import type { ChangeOf, EntityChange } from '../changes/entity-change.js';
import { followedClasses } from '../changes/followed-classes.js';
import { EntityNotFoundError } from '../common/entity-errors.js';
import type { ChangeFollower } from '../followers/change-follower.js';
import { DeadLetters } from '../followers/dead-letters.js';
import { type ClassList, type FollowHandler, followChanges } from '../followers/follow-changes.js';
import { type FollowOptions, checkGroup } from '../followers/follow-options.js';
import { type EntityKey, entityKey, partitionTag } from '../keys/entity-key.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { type DeletedRows, loadRow, loadRows, loadWholeRows } from '../rows/row-reader.js';
import { deletionOf } from '../schema/deletion-schema.js';
import type { Found, SelectOptions, SelectableNames } from '../decorators/selected.js';
import { loadWithRelations } from '../loading/relation-loader.js';
import type { RelationNames, WithRelations } from '../decorators/related.js';
import { clientFor, isCached } from '../loading/cached-client.js';
import type { FindOptions } from '../loading/find-options.js';
import type { EntityClass, KeyOf, PartitionKeyOf } from '../decorators/shape.js';
import { PARTS } from './repository-parts.js';
import { RepositoryQueries } from './repository-queries.js';

/** The reads of a repository by key, and of changes. */
export abstract class RepositoryReads<E extends object> extends RepositoryQueries<E> {
  /** Returns the Redis key of a row, without the client's `keyPrefix`. */
  keyOf(key: KeyOf<E>): string {
    return this.at(key).row;
  }

  /**
   * Returns the entity with this key, or null. With `select` it reads only the named properties, and returns them with
   * those of the key, in a frozen plain object that no write accepts.
   *
   * ```ts
   * const title = (await tasks.findOne(id, { select: ['title'] }))?.title;
   * ```
   *
   * @param options the relations to load with it, the properties to read, or `cache`.
   * @throws SchemaMismatchError if a stored field does not have the type of its property.
   * @throws TransactionTooLargeError if its relations have more than 1,000 rows.
   */
  async findOne<const Names extends RelationNames<E> = never, const Name extends SelectableNames<E> = never>(
    key: KeyOf<E>,
    options?: FindOptions<Names> & SelectOptions<Name>,
  ): Promise<Found<E, NoInfer<Name>, WithRelations<E, Names>> | null> {
    return this.readOne(key, options);
  }

  /**
   * Returns the entity with this key.
   *
   * @throws EntityNotFoundError
   */
  async findOneOrFail<
    const Names extends RelationNames<E> = never,
    const Name extends SelectableNames<E> = never,
  >(
    key: KeyOf<E>,
    options?: FindOptions<Names> & SelectOptions<Name>,
  ): Promise<Found<E, NoInfer<Name>, WithRelations<E, Names>>> {
    const entity = await this.readOne(key, options);
    if (entity) return entity;
    throw new EntityNotFoundError(this[PARTS].mapper.schema.name, this.keyOf(key));
  }

  /**
   * Returns the entities with these keys, in the same order, null for missing rows. It sends one batch per node.
   *
   * @param options the relations to load with them, or the properties to read.
   */
  async findMany<const Names extends RelationNames<E> = never, const Name extends SelectableNames<E> = never>(
    keys: readonly KeyOf<E>[],
    options: FindOptions<Names> & SelectOptions<Name> = {},
  ): Promise<(Found<E, NoInfer<Name>, WithRelations<E, Names>> | null)[]> {
    checkList('keys', keys);
    checkEntityOptions('a read by key', options);
    return this.readMany(
      keys.map((key) => this.at(key)),
      options,
    );
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

  /**
   * Follows changes as a member of a durable group: every change is handled at least once, in one of the processes that
   * follow as this group, and those of one partition in order. The group keeps its positions, so it resumes where it
   * stopped. A handler that fails is called again after a delay; after the last attempt the change is put aside.
   *
   * ```ts
   * const billing = orders.follow('billing', async (change, context) => {
   *   await context.transaction(async (tx) => tx.insert(invoiceFor(change)));
   * });
   * await billing.ready();
   * ```
   *
   * @throws InvalidArgumentError if a class does not record its changes, an option is invalid, or this process is in
   *   the group already.
   */
  follow<const Classes extends ClassList = readonly [EntityClass<E>], Gaps extends boolean = false>(
    group: string,
    handler: FollowHandler<Classes, Gaps>,
    options?: FollowOptions & { classes?: Classes | undefined; gaps?: Gaps | undefined },
  ): ChangeFollower {
    return followChanges(this[PARTS].context, this[PARTS].mapper.schema, group, handler, options);
  }

  /** Returns the changes of this class and the events that a group of followers put aside. */
  deadLetters<const Classes extends ClassList = readonly [EntityClass<E>]>(
    group: string,
    classes?: Classes,
  ): DeadLetters<Classes extends readonly EntityClass[] ? ChangeOf<Classes> : EntityChange> {
    checkGroup(group);
    const { context, mapper } = this[PARTS];
    return new DeadLetters(context, followedClasses(context.schemas, mapper.schema, classes), group);
  }

  /** Returns whether a row with this key exists. */
  async exists(key: KeyOf<E>): Promise<boolean> {
    const row = this.keyOf(key);
    const { client } = this[PARTS].context;
    const { deletion } = this[PARTS].mapper.schema;
    const [found, [expiresAt, deletedAt]] = await Promise.all([
      client.exists(row),
      client.hmget(row, ROW_FIELDS.expiresAt, ...(deletion ? [deletion.property] : [])),
    ]);
    return (
      found === 1 &&
      (deletedAt ?? null) === null &&
      !(Number(expiresAt ?? Infinity) <= this[PARTS].mapper.now())
    );
  }

  private deletedBy({ withDeleted }: Pick<FindOptions, 'withDeleted'>): DeletedRows {
    if (withDeleted === undefined) return 'left out';
    checkFlag('withDeleted', withDeleted);
    if (withDeleted) deletionOf(this[PARTS].mapper.schema);
    return withDeleted ? 'included' : 'left out';
  }

  private async readOne<Names extends RelationNames<E>, Name extends SelectableNames<E>>(
    key: KeyOf<E>,
    options: FindOptions<Names> & SelectOptions<Name> = {},
  ): Promise<Found<E, NoInfer<Name>, WithRelations<E, Names>> | null> {
    checkEntityOptions('a read by key', options);
    const { context, mapper } = this[PARTS];
    const place = this.at(key);
    if (options.with === undefined && options.select === undefined && !isCached(options)) {
      const row = await loadRow(context, mapper, place, this.deletedBy(options));
      return (row && row.entity) as Found<E, NoInfer<Name>, WithRelations<E, Names>> | null;
    }
    return (await this.readMany([place], options))[0];
  }

  private async readMany<Names extends RelationNames<E>, Name extends keyof E>(
    places: readonly EntityKey[],
    options: FindOptions<Names> & SelectOptions<Name>,
  ): Promise<(Found<E, Name, WithRelations<E, Names>> | null)[]> {
    type Row = Found<E, Name, WithRelations<E, Names>> | null;
    const { context, mapper } = this[PARTS];
    const deleted = this.deletedBy(options);
    const client = clientFor(context.client, mapper.schema, options);
    if (client !== context.client)
      return (await loadWholeRows({ ...context, client }, mapper, places, deleted)) as Row[];
    if (options.with === undefined) {
      if (options.select === undefined) return (await loadRows(context, mapper, places, deleted)) as Row[];
      const { finder, pick } = this.reads(options, undefined, deleted);
      return (await finder.rows(places)).map((read) => read && pick(read)) as Row[];
    }
    if (options.select !== undefined)
      throw new InvalidArgumentError(
        'select',
        'select and with exclude each other: what select reads has no relations. Leave one of them out',
      );
    return (await loadWithRelations(context, mapper, places, options.with, deleted)) as Row[];
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
