import { types } from 'node:util';
import { describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { LATEST_DATE_MS, checkObject } from '../common/argument-checks.js';
import { type ItemResult, deleteMany, saveMany } from './bulk-writes.js';
import { faultError } from '../operations/commit-faults.js';
import { checkCreatable } from '../rows/entity-check.js';
import { checkRelations } from '../schema/relation-values.js';
import { counterOf, counterStep, counterValue } from '../rows/counter.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { Partition } from './partition.js';
import { type LockedFunction, type LockingContext, runLocked } from './partition-lock.js';
import type { LockOptions } from '../locks/lock-options.js';
import type { TransactionOptions } from '../transactions/partition-transaction.js';
import { partitionTag } from '../keys/entity-key.js';
import { PARTS, WRITE } from './repository-parts.js';
import { RepositoryDeletions } from './repository-deletions.js';
import type {
  CollectionNames,
  CounterOf,
  EntityData,
  KeyOf,
  PartitionKeyOf,
  Patch,
} from '../decorators/shape.js';
import type { Unselected } from '../decorators/selected.js';
import type { TransactionFunction } from '../transactions/transaction-runner.js';
import type { BulkWriteOptions, WriteOptions } from '../common/write-options.js';
import type { UpdateOptions } from '../operations/update-options.js';
import { REPOSITORY_METHODS, traceOperations } from './traced-operations.js';
import { type WriteKind, fillId } from '../commit/write-planner.js';

/**
 * Reads and writes the rows of one entity class. Every write is one atomic round trip, unless the class has global
 * indexes: it checks the version, or whether the row exists, in the same step. Inject a repository with
 * `@InjectClusterRepository(Entity)`, or get it from `EntityRegistry.repository(Entity)`.
 */
export class ClusterRepository<E extends object> extends RepositoryDeletions<E> {
  /**
   * Returns a new entity, with an id if ids are generated. It sends nothing. A property that is undefined keeps the
   * class's default.
   *
   * @throws InvalidArgumentError if `data` has a property that would not be stored.
   */
  create(data: EntityData<E> = {}): E {
    checkObject('data', data);
    checkRelations(this[PARTS].mapper.schema, data);
    checkCreatable(this[PARTS].mapper, data);
    const entity = Reflect.construct(this.type, []) as E;
    this[PARTS].mapper.assign(entity, data);
    this[PARTS].context.entities.attachCollections(
      this[PARTS].mapper.schema,
      entity,
      this[PARTS].context.committer,
    );
    fillId(this[PARTS].mapper, entity);
    return entity;
  }

  /**
   * Inserts a new entity, or writes what has changed since it was loaded. Without changes it sends nothing. If another
   * write of the same object is in flight, it waits for that write, then writes what the object holds.
   *
   * @returns the same entity, at its new version.
   * @throws VersionConflictError if the row was changed or deleted since it was loaded.
   * @throws EntityExistsError if the entity is new and its row already exists.
   */
  async save(entity: E & Unselected, options?: WriteOptions): Promise<E> {
    await this[WRITE]('save', entity, options);
    return entity;
  }

  /**
   * Inserts a row.
   *
   * @throws EntityExistsError
   */
  async insert(entity: E & Unselected, options?: WriteOptions): Promise<E> {
    await this[WRITE]('insert', entity, options);
    return entity;
  }

  /**
   * Writes the whole row, whether it exists or not: the last writer wins. Counters keep their values. `@CreatedAt`
   * keeps its value unless the entity has one or a global index covers it; afterwards the entity shows the row's
   * value.
   */
  async upsert(entity: E & Unselected, options?: WriteOptions): Promise<E> {
    await this[WRITE]('upsert', entity, options);
    return entity;
  }

  /**
   * Changes some properties of a row without loading it. In the patch, `null` removes a field, and undefined leaves it
   * unchanged. An empty patch only checks the conditions.
   *
   * ```ts
   * await orders.update(id, { status: 'paid' }, { where: { status: 'open' } });
   * ```
   *
   * @returns the row's new version.
   * @throws EntityNotFoundError
   * @throws VersionConflictError if the row is not at `ifVersion`.
   * @throws ConditionNotMetError if the row does not match `where`.
   */
  async update(key: KeyOf<E>, patch: Patch<E>, options: UpdateOptions<E> = {}): Promise<{ version: number }> {
    checkEntityOptions('an update', options);
    const operation = this[PARTS].context.planner.patch(this[PARTS].mapper, this.at(key), patch, options);
    const version = await this[PARTS].context.committer.commit(operation, options);
    return { version: version! };
  }

  /**
   * Deletes the row of an entity that was loaded or written here, if it has not changed since.
   *
   * @throws VersionConflictError
   */
  async remove(entity: E & Unselected, options?: WriteOptions): Promise<void> {
    await this[WRITE]('remove', entity, options);
  }

  /** Deletes a row, whatever its version. A missing row is not an error. */
  async delete(key: KeyOf<E>, options?: WriteOptions): Promise<{ deleted: boolean }> {
    checkEntityOptions('a write', options);
    const operation = this[PARTS].context.planner.delete(this[PARTS].mapper, this.at(key));
    const version = await this[PARTS].context.committer.commit(operation, options);
    return { deleted: version !== undefined };
  }

  /**
   * Saves many entities in one batch per node. Each save is atomic by itself, and a failure does not stop the others.
   * To write several rows together, use `transaction`.
   *
   * @returns one result per entity, in the same order; failures are results, not exceptions. If an after-hook fails,
   * the result is its error although the row was written.
   */
  saveMany(entities: readonly (E & Unselected)[], options?: BulkWriteOptions): Promise<ItemResult<E>[]> {
    return saveMany(this[PARTS].context, this[PARTS].mapper, entities, options);
  }

  /**
   * Deletes many rows in one batch per node, each by itself.
   *
   * @returns one result per key, in the same order; failures are results, not exceptions.
   */
  deleteMany(
    keys: readonly KeyOf<E>[],
    options?: BulkWriteOptions,
  ): Promise<ItemResult<{ deleted: boolean }>[]> {
    return deleteMany(this[PARTS].context, this[PARTS].mapper, keys, (key) => this.at(key), options);
  }

  /**
   * Adds to a counter, by default 1. It does not change the version, so increments and saves do not conflict.
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
    checkEntityOptions('a write', options);
    const { schema } = this[PARTS].mapper;
    const at = this.at(key);
    const step = counterStep(schema, counter, by);
    const text = await this[PARTS].context.committer.increment(
      { schema, key: at, mode: 'touch' },
      counter,
      step,
      options,
    );
    return counterValue(schema, at, counterOf(schema, counter), text) as NonNullable<E[Name & keyof E]>;
  }

  /**
   * Sets when a row expires, without loading it. It does not change the version, so it does not conflict with saves.
   *
   * @param at a Date, or milliseconds from now.
   * @returns whether the row exists.
   */
  async expire(key: KeyOf<E>, at: Date | number, options?: WriteOptions): Promise<boolean> {
    const time = types.isDate(at) ? at.getTime() : this[PARTS].mapper.now() + at;
    if (Number.isSafeInteger(time) && time <= LATEST_DATE_MS) return this.touch(key, time, options);
    throw new InvalidArgumentError(
      'at',
      `at must be a valid Date, or whole milliseconds from now, got ${describeValue(at)}`,
    );
  }

  /** Removes the expiry of a row. @returns whether the row exists. */
  persist(key: KeyOf<E>, options?: WriteOptions): Promise<boolean> {
    return this.touch(key, null, options);
  }

  /**
   * Returns the handle of a collection by the key of its row, without loading the row.
   *
   * ```ts
   * await games.collection(id, 'scores').increment('ada', 10);
   * ```
   */
  collection<Name extends CollectionNames<E>>(key: KeyOf<E>, name: Name): NonNullable<E[Name]> {
    const { collections, committer } = this[PARTS].context;
    const handle = collections.at(this[PARTS].mapper.schema, this.at(key), name, committer);
    return handle as NonNullable<E[Name]>;
  }

  /** Returns the partition with this key. */
  partition(key: PartitionKeyOf<E>): Partition {
    const { context, transactions, mapper } = this[PARTS];
    // a registry gives each of its repositories a context that can lock
    return Partition.of(context as LockingContext, transactions, mapper.schema, key);
  }

  /**
   * Runs `work`, then commits its writes atomically, provided that everything it read is unchanged. After a conflict it
   * runs `work` again, so `work` must not do anything that may happen only once. Entities of every class that lives in
   * the partition can take part.
   *
   * @returns what `work` returned.
   * @throws TransactionConflictError if every attempt conflicted.
   */
  async transaction<R>(
    partitionKey: PartitionKeyOf<E>,
    work: TransactionFunction<R>,
    options?: TransactionOptions,
  ): Promise<R> {
    const { transactions, mapper } = this[PARTS];
    return transactions.run(partitionTag(mapper.schema, partitionKey), work, options);
  }

  /**
   * Runs `work` while holding a lock of the partition. The lock is renewed while `work` runs, and released
   * afterwards. A lock that expires cannot exclude other holders with certainty, so write through `lock`: these
   * writes fail with LockLostError once the lock is lost.
   *
   * @returns what `work` returned.
   * @throws LockTimeoutError if the lock was not free within `waitMs`.
   * @throws LockLostError if the lock was lost before `work` ended.
   */
  async withLock<R>(
    partitionKey: PartitionKeyOf<E>,
    work: LockedFunction<R>,
    options?: LockOptions,
  ): Promise<R> {
    const { context, mapper } = this[PARTS];
    const { schema } = mapper;
    return runLocked(context as LockingContext, schema, partitionTag(schema, partitionKey), work, options);
  }

  private async touch(key: KeyOf<E>, expireAt: number | null, options?: WriteOptions): Promise<boolean> {
    checkEntityOptions('a write', options);
    const operation = this[PARTS].context.planner.expire(this[PARTS].mapper, this.at(key), expireAt);
    const outcome = await this[PARTS].context.committer.tryCommit([operation], options);
    if (outcome.fault && outcome.fault !== 'MISSING') throw faultError(outcome);
    if (!outcome.fault && outcome.unconfirmed) throw outcome.unconfirmed;
    return outcome.fault === undefined;
  }

  /** @internal */
  async [WRITE](kind: WriteKind, entity: E, options?: WriteOptions): Promise<void> {
    checkEntityOptions('a write', options);
    const { planner, entities, committer } = this[PARTS].context;
    const hooks = planner.announce(kind, this[PARTS].mapper, entity);
    if (hooks) await hooks;
    // Hooks run outside the turn, because they may write the entity themselves.
    const written = await entities.inTurn([entity], async () => {
      const write = planner.plan(kind, this[PARTS].mapper, entity);
      if (!write) return undefined; // nothing has changed
      const outcome = await committer.tryCommit([write.operation], options);
      if (outcome.fault) throw faultError(outcome);
      write.done(outcome.versions[0] ?? 0, outcome.kept);
      return { event: write.event, unconfirmed: outcome.unconfirmed };
    });
    if (!written) return;
    await this[PARTS].mapper.schema.hooks.run(`after ${written.event}`, entity);
    if (written.unconfirmed) throw written.unconfirmed; // the write was applied nevertheless
  }
}

traceOperations(
  ClusterRepository.prototype,
  REPOSITORY_METHODS,
  (repository) => repository[PARTS].mapper.schema.name,
);
