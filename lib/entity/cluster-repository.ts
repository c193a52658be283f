import { InvalidArgumentError } from '../cluster/errors.js';
import { type ItemResult, deleteMany, saveMany } from './bulk-writes.js';
import { faultError } from './commit-faults.js';
import type { Observable } from 'rxjs';
import { counterOf, counterStep, counterValue } from './counter.js';
import type { EntityContext } from './entity-context.js';
import { EntityFinder, type Page } from './entity-finder.js';
import { EntityNotFoundError } from './entity-errors.js';
import { type EntityKey, entityKey } from './entity-key.js';
import { ExpirySweeper } from './expiry-sweeper.js';
import { type StreamOptions, observeEntities, streamEntities } from './entity-stream.js';
import { runHooks } from './lifecycle-hooks.js';
import { Partition } from './partition.js';
import type { TransactionOptions } from './partition-transaction.js';
import type { RowMapper } from './row-mapper.js';
import { loadRow, loadRows } from './row-reader.js';
import type { CounterOf, EntityClass, EntityData, KeyOf, PartitionKeyOf, Patch } from './shape.js';
import type { Where } from './where.js';
import type { TransactionFunction, TransactionRunner } from './transaction-runner.js';
import type { BulkWriteOptions, SweepOptions, UpdateOptions, WriteOptions } from './write-options.js';
import { type WriteKind, fillId } from './write-planner.js';

/**
 * The rows of one entity class. Every write is one round trip and atomic; what it must find (a version, no row, a row)
 * is checked in the same step. Got from `EntityRegistry.repository(Entity)`.
 */
export class ClusterRepository<E extends object> {
  private readonly finder: EntityFinder<E>;

  /** @internal */
  constructor(
    private readonly context: EntityContext,
    private readonly transactions: TransactionRunner,
    private readonly mapper: RowMapper,
  ) {
    this.finder = new EntityFinder(context, mapper);
  }

  /** The entity's class. */
  get type(): EntityClass<E> {
    return this.mapper.schema.type as EntityClass<E>;
  }

  /** A new entity, with an id if ids are generated. Nothing is sent. Properties the schema does not know are left out. */
  create(data: EntityData<E> = {}): E {
    const entity = Reflect.construct(this.type, []) as E;
    this.mapper.assign(entity, data);
    fillId(this.mapper, entity);
    return entity;
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
    const places = keys.map((key) => this.at(key));
    return (await loadRows(this.context, this.mapper, places)) as (E | null)[];
  }

  /**
   * The entities of a partition that meet a where, in the order of the index that answers it, then of their ids. The
   * where names the partition by its key, and besides it properties that are indexed; none finds all of the partition.
   *
   * @throws UnindexedQueryError where no index or unique answers it.
   */
  findBy(where: Where<E>, options: { limit?: number } = {}): Promise<E[]> {
    return this.finder.findBy(where, options.limit);
  }

  /** The first entity that `findBy` finds, or null. */
  findOneBy(where: Where<E>): Promise<E | null> {
    return this.finder.findOneBy(where);
  }

  /**
   * A page of what `findBy` finds, 1,000 entities at most, and a cursor to the next. Pages are stable while rows come
   * and go: what is there throughout is on one page.
   */
  findPage(where: Where<E>, options: { limit: number; cursor?: string }): Promise<Page<E>> {
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

  /** Whether there is a row with this key. */
  async exists(key: KeyOf<E>): Promise<boolean> {
    const row = this.keyOf(key);
    const { client } = this.context;
    const [found, [expiresAt]] = await Promise.all([client.exists(row), client.hmget(row, '~x')]);
    return found === 1 && !(Number(expiresAt ?? Infinity) <= Date.now());
  }

  /**
   * Writes an entity: inserts one that is new, else writes what has changed since it was loaded. Without a change
   * nothing is sent.
   *
   * @returns the entity itself, at its new version.
   * @throws VersionConflictError where the row was changed or deleted since.
   * @throws EntityExistsError where the entity is new and its row there already.
   */
  async save(entity: E, options?: WriteOptions): Promise<E> {
    await this.write('save', entity, options);
    return entity;
  }

  /**
   * Writes a row that is not there yet.
   *
   * @throws EntityExistsError
   */
  async insert(entity: E, options?: WriteOptions): Promise<E> {
    await this.write('insert', entity, options);
    return entity;
  }

  /** Writes the whole row, whatever it is now: the last writer wins. Counters stay as they are. */
  async upsert(entity: E, options?: WriteOptions): Promise<E> {
    await this.write('upsert', entity, options);
    return entity;
  }

  /**
   * Changes some properties of a row, without loading it. In the patch `null` removes a field, and undefined leaves it
   * as it is; an empty patch checks only.
   *
   * ```ts
   * await orders.update(id, { status: 'paid' }, { where: { status: 'open' } });
   * ```
   *
   * @returns the row's new version.
   * @throws EntityNotFoundError
   * @throws VersionConflictError where the row is not at `ifVersion`.
   * @throws ConditionNotMetError where its properties are not as `where` says.
   */
  async update(key: KeyOf<E>, patch: Patch<E>, options: UpdateOptions<E> = {}): Promise<{ version: number }> {
    const operation = this.context.planner.patch(this.mapper, this.at(key), patch, options);
    const version = await this.context.committer.commit(operation, options);
    return { version: version! };
  }

  /**
   * Deletes the row of an entity that was loaded or written here, if nobody has changed it since.
   *
   * @throws VersionConflictError
   */
  async remove(entity: E, options?: WriteOptions): Promise<void> {
    await this.write('remove', entity, options);
  }

  /** Deletes a row, whatever its version; that it was not there is no error. */
  async delete(key: KeyOf<E>, options?: WriteOptions): Promise<{ deleted: boolean }> {
    const operation = this.context.planner.delete(this.mapper, this.at(key));
    const version = await this.context.committer.commit(operation, options);
    return { deleted: version !== undefined };
  }

  /**
   * Saves many entities, in one batch a node. Each is atomic by itself, and one that fails stops no other; what must
   * be written together is a `transaction`.
   *
   * @returns what became of each, in their order. It throws for none of them.
   */
  saveMany(entities: readonly E[], options?: BulkWriteOptions): Promise<ItemResult<E>[]> {
    return saveMany(this.context, this.mapper, entities, options);
  }

  /**
   * Deletes many rows, in one batch a node; each by itself.
   *
   * @returns what became of each, in their order. It throws for none of them.
   */
  deleteMany(
    keys: readonly KeyOf<E>[],
    options?: BulkWriteOptions,
  ): Promise<ItemResult<{ deleted: boolean }>[]> {
    return deleteMany(this.context, this.mapper, keys, (key) => this.at(key), options);
  }

  /**
   * Adds to a counter, by default 1. The version stays: increments and saves do not conflict.
   *
   * @returns the counter's new value.
   * @throws EntityNotFoundError
   */
  async increment<Name extends CounterOf<E>>(
    key: KeyOf<E>,
    counter: Name,
    by: number | bigint = 1,
    options?: WriteOptions,
  ): Promise<NonNullable<E[Name & keyof E]>> {
    const { schema } = this.mapper;
    const at = this.at(key);
    const step = counterStep(schema, counter, by);
    const text = await this.context.committer.increment(
      { schema, key: at, mode: 'touch' },
      counter,
      step,
      options,
    );
    return counterValue(schema, at, counterOf(schema, counter), text) as NonNullable<E[Name & keyof E]>;
  }

  /**
   * Sets when a row expires, without loading it. The version stays: like an increment it does not conflict with saves.
   *
   * @param at a Date, or milliseconds from now.
   * @returns whether there is such a row.
   */
  async expire(key: KeyOf<E>, at: Date | number, options?: WriteOptions): Promise<boolean> {
    const time = at instanceof Date ? at.getTime() : Date.now() + at;
    if (Number.isSafeInteger(time)) return this.touch(key, time, options);
    throw new InvalidArgumentError('at', 'at must be a valid Date, or whole milliseconds from now');
  }

  /** Lets a row live on until it is deleted. @returns whether there is such a row. */
  persist(key: KeyOf<E>, options?: WriteOptions): Promise<boolean> {
    return this.touch(key, null, options);
  }

  /**
   * Takes away what expired rows have left behind in larger partitions: the server keeps such a row for a day, and its
   * index entries for good. Reads and queries pass over them, so this bounds memory and nothing else. Rows that are
   * partitions of their own leave nothing.
   *
   * @returns how many rows are no more.
   */
  async sweepExpired(options: SweepOptions<E> = {}): Promise<{ swept: number }> {
    const { partition, limit = Infinity, signal } = options;
    const sweeper = new ExpirySweeper(this.context, this.mapper.schema);
    if (partition === undefined) return { swept: await sweeper.sweepAll(limit, signal) };
    return { swept: await sweeper.sweep(this.partition(partition).tag, limit, signal) };
  }

  /** The Redis key of a row, as the client takes it: without the client's `keyPrefix`. */
  keyOf(key: KeyOf<E>): string {
    return this.at(key).row;
  }

  /** A partition: of an entity that is one by itself, its row's; else the one with this partition key. */
  partition(key: PartitionKeyOf<E>): Partition {
    return Partition.of(this.context, this.transactions, this.mapper.schema, key);
  }

  /**
   * Runs `work`, and commits what it has written, atomically: all its writes in one step, if all that it has read is
   * still so. After a conflict `work` is run again, so it should do nothing that must happen once. Entities of any
   * class can take part that live in the partition.
   *
   * @returns what `work` returned.
   * @throws TransactionConflictError after the last attempt.
   */
  async transaction<R>(
    partitionKey: PartitionKeyOf<E>,
    work: TransactionFunction<R>,
    options?: TransactionOptions,
  ): Promise<R> {
    return this.partition(partitionKey).transaction(work, options);
  }

  private async touch(key: KeyOf<E>, expireAt: number | null, options?: WriteOptions): Promise<boolean> {
    const operation = this.context.planner.expire(this.mapper, this.at(key), expireAt);
    const outcome = await this.context.committer.attempt([operation], options);
    if (outcome.fault && outcome.fault !== 'MISSING') throw faultError(outcome);
    return outcome.fault === undefined;
  }

  private at(key: KeyOf<E>): EntityKey {
    return entityKey(this.mapper.schema, key);
  }

  private async write(kind: WriteKind, entity: E, options?: WriteOptions): Promise<void> {
    const planned = this.context.planner.prepare(kind, this.mapper, entity);
    // Not awaited without need: writes that are called in one turn leave in their order.
    const write = planned instanceof Promise ? await planned : planned;
    if (!write) return; // nothing has changed
    write.done((await this.context.committer.commit(write.operation, options)) ?? 0);
    await runHooks(this.mapper.schema, `after ${write.event}`, entity);
  }
}
