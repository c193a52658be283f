import { types } from 'node:util';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { LATEST_DATE_MS, checkObject } from '../common/argument-checks.js';
import { type ItemResult, deleteMany, saveMany } from './bulk-writes.js';
import { faultError } from '../operations/commit-faults.js';
import { counterOf, counterStep, counterValue } from '../rows/counter.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { runHooks } from '../decorators/lifecycle-hooks.js';
import { Partition } from './partition.js';
import type { LockedFunction, LockingContext } from './partition-lock.js';
import type { LockOptions } from '../locks/lock-options.js';
import type { TransactionOptions } from '../transactions/partition-transaction.js';
import { RepositoryMaintenance } from './repository-maintenance.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type {
  CollectionNames,
  CounterOf,
  EntityData,
  KeyOf,
  PartitionKeyOf,
  Patch,
} from '../decorators/shape.js';
import type { TransactionFunction, TransactionRunner } from '../transactions/transaction-runner.js';
import type { BulkWriteOptions, WriteOptions } from '../common/write-options.js';
import type { UpdateOptions } from '../operations/update-options.js';
import { type WriteKind, fillId } from '../commit/write-planner.js';

/**
 * The rows of one entity class. Every write is one round trip and atomic; what it must find (a version, no row, a row)
 * is checked in the same step. Got from `EntityRegistry.repository(Entity)`.
 */
export class ClusterRepository<E extends object> extends RepositoryMaintenance<E> {
  /** @internal */
  constructor(
    protected override readonly context: LockingContext,
    private readonly transactions: TransactionRunner,
    mapper: RowMapper,
  ) {
    super(context, mapper);
  }

  /** A new entity, with an id if ids are generated. Nothing is sent. Properties the schema does not know are left out. */
  create(data: EntityData<E> = {}): E {
    checkObject('data', data);
    const entity = Reflect.construct(this.type, []) as E;
    this.mapper.assign(entity, data);
    this.context.entities.attachCollections(this.mapper.schema, entity, this.context.committer);
    fillId(this.mapper, entity);
    return entity;
  }

  /**
   * Writes an entity: inserts one that is new, else writes what has changed since it was loaded. Without a change
   * nothing is sent. While another write of the same object is under way it waits, and then writes what the object
   * holds.
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

  /**
   * Writes the whole row, whatever it is now: the last writer wins. Counters stay as they are, and so does
   * `@CreatedAt`, unless the entity says one, or a global index has it; the entity shows what the row has.
   */
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
    checkEntityOptions('an update', options);
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
    checkEntityOptions('a write', options);
    const operation = this.context.planner.delete(this.mapper, this.at(key));
    const version = await this.context.committer.commit(operation, options);
    return { deleted: version !== undefined };
  }

  /**
   * Saves many entities, in one batch a node. Each is atomic by itself, and one that fails stops no other; what must
   * be written together is a `transaction`.
   *
   * @returns what became of each, in their order. It throws for none of them. Where an after-hook fails, that is the
   * error, and the row is written.
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
    checkEntityOptions('a write', options);
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
    const time = types.isDate(at) ? at.getTime() : Date.now() + at;
    if (Number.isSafeInteger(time) && time <= LATEST_DATE_MS) return this.touch(key, time, options);
    throw new InvalidArgumentError('at', 'at must be a valid Date, or whole milliseconds from now');
  }

  /** Lets a row live on until it is deleted. @returns whether there is such a row. */
  persist(key: KeyOf<E>, options?: WriteOptions): Promise<boolean> {
    return this.touch(key, null, options);
  }

  /**
   * The handle of a collection by the key of its row, without loading it.
   *
   * ```ts
   * await games.collection(id, 'scores').increment('ada', 10);
   * ```
   */
  collection<Name extends CollectionNames<E>>(key: KeyOf<E>, name: Name): NonNullable<E[Name]> {
    const { collections, committer } = this.context;
    const handle = collections.at(this.mapper.schema, this.at(key), name, committer);
    return handle as NonNullable<E[Name]>;
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

  /**
   * Runs `work` while it holds a lock of the partition, which is renewed meanwhile and let go of at the end. A lock by
   * time excludes others as a rule; what must be sure is written through `lock`, and refused once the lock is lost.
   *
   * @returns what `work` returned.
   * @throws LockTimeoutError where the lock was not free in time; LockLostError where it was lost before the end.
   */
  async withLock<R>(
    partitionKey: PartitionKeyOf<E>,
    work: LockedFunction<R>,
    options?: LockOptions,
  ): Promise<R> {
    return this.partition(partitionKey).withLock(work, options);
  }

  private async touch(key: KeyOf<E>, expireAt: number | null, options?: WriteOptions): Promise<boolean> {
    checkEntityOptions('a write', options);
    const operation = this.context.planner.expire(this.mapper, this.at(key), expireAt);
    const outcome = await this.context.committer.tryCommit([operation], options);
    if (outcome.fault && outcome.fault !== 'MISSING') throw faultError(outcome);
    if (!outcome.fault && outcome.unconfirmed) throw outcome.unconfirmed;
    return outcome.fault === undefined;
  }

  private async write(kind: WriteKind, entity: E, options?: WriteOptions): Promise<void> {
    checkEntityOptions('a write', options);
    const { planner, entities, committer } = this.context;
    const hooks = planner.announce(kind, this.mapper, entity);
    if (hooks) await hooks;
    // Hooks are outside: they may write the entity themselves.
    const written = await entities.inTurn([entity], async () => {
      const write = planner.plan(kind, this.mapper, entity);
      if (!write) return undefined; // nothing has changed
      const outcome = await committer.tryCommit([write.operation], options);
      if (outcome.fault) throw faultError(outcome);
      write.done(outcome.versions[0] ?? 0, outcome.kept);
      return { event: write.event, unconfirmed: outcome.unconfirmed };
    });
    if (!written) return;
    await runHooks(this.mapper.schema, `after ${written.event}`, entity);
    if (written.unconfirmed) throw written.unconfirmed; // it is written all the same
  }
}
