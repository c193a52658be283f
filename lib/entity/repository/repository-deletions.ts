import { describeOther, describeValue } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject, checkWhole } from '../common/argument-checks.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { durationMs } from '../common/duration.js';
import { VersionConflictError } from '../common/entity-errors.js';
import type { WriteKind } from '../commit/write-planner.js';
import type { PartitionSweep, WriteOptions } from '../common/write-options.js';
import type { KeyOf, PartitionKeyOf } from '../decorators/shape.js';
import { DeletedPurger } from '../deletion/deleted-purger.js';
import { type DeletedPageOptions, deletedPage } from '../deletion/deleted-rows.js';
import { softDeleteOperation } from '../deletion/soft-delete.js';
import { partitionTag } from '../keys/entity-key.js';
import { faultError } from '../operations/commit-faults.js';
import type { Page } from '../query/query-options.js';
import { loadRow } from '../rows/row-reader.js';
import { deletionOf, isDeleted } from '../schema/deletion-schema.js';
import { RepositoryMaintenance } from './repository-maintenance.js';
import { PARTS, WRITE } from './repository-parts.js';

/** Options of `purgeDeleted`. */
export interface PurgeOptions<E = object> extends PartitionSweep<PartitionKeyOf<E>> {
  /** How long ago rows were deleted at least: milliseconds, or a whole number with a unit, such as `'30d'`. */
  olderThan: number | string;
}

/** How often a restore is tried while others write the row. */
const ATTEMPTS = 50;

/** Soft deletes of a class with `@DeletedAt()`: rows that stay, and that reads leave out. */
export abstract class RepositoryDeletions<E extends object> extends RepositoryMaintenance<E> {
  /** @internal */
  abstract [WRITE](kind: WriteKind, entity: E, options?: WriteOptions): Promise<void>;

  /**
   * Deletes the row of an entity softly: sets the property of `@DeletedAt()` to now, and saves the entity. Hooks and
   * subscribers of updates run. The row leaves all indexes, and releases its unique values.
   *
   * @returns the same entity.
   * @throws VersionConflictError if the row was changed or deleted since it was loaded.
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`, or the entity was not loaded here.
   */
  async softRemove(entity: E, options?: WriteOptions): Promise<E> {
    checkEntityOptions('a write', options);
    checkObject('entity', entity);
    const { context, mapper } = this[PARTS];
    const { property } = deletionOf(mapper.schema);
    const before = context.entities.of(entity);
    if (!before)
      throw new InvalidArgumentError(
        'entity',
        `This ${mapper.schema.name} was not loaded by this registry: load it first, or use softDelete(key)`,
      );
    const wasDeleted = isDeleted(mapper.schema, entity);
    if (!wasDeleted) Reflect.set(entity, property, new Date(mapper.now()));
    try {
      await this[WRITE]('save', entity, options);
      return entity;
    } catch (error) {
      const isWritten = context.entities.of(entity) !== before;
      if (!isWritten && !wasDeleted) Reflect.set(entity, property, undefined);
      throw error;
    }
  }

  /**
   * Deletes a row softly, whatever its version, without loading it. No hooks run. A row that is missing or deleted
   * already is not an error.
   *
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`.
   */
  async softDelete(key: KeyOf<E>, options?: WriteOptions): Promise<{ deleted: boolean }> {
    checkEntityOptions('a write', options);
    const { context, mapper } = this[PARTS];
    const operation = softDeleteOperation(mapper, this.at(key));
    const outcome = await context.committer.tryCommit([operation], options);
    if (outcome.fault === 'MISSING' || outcome.fault === 'CHANGED') return { deleted: false };
    if (outcome.fault) throw faultError(outcome);
    if (outcome.unconfirmed) throw outcome.unconfirmed; // the write was applied nevertheless
    return { deleted: true };
  }

  /**
   * Restores a row that was deleted softly: it enters the indexes again, and takes its unique values. Hooks and
   * subscribers of updates run.
   *
   * @returns the restored entity; null if no deleted row has this key.
   * @throws UniqueViolationError if another row has one of its unique values by now. The row stays deleted then.
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`.
   */
  async restore(key: KeyOf<E>, options?: WriteOptions): Promise<E | null> {
    checkEntityOptions('a write', options);
    const { context, mapper } = this[PARTS];
    const { property } = deletionOf(mapper.schema);
    for (let attempt = 1; ; attempt++) {
      const row = await loadRow(context, mapper, this.at(key), 'included');
      if (!row || !isDeleted(mapper.schema, row.entity)) return null;
      Reflect.set(row.entity, property, undefined);
      try {
        await this[WRITE]('save', row.entity as E, options);
        return row.entity as E;
      } catch (error) {
        if (!(error instanceof VersionConflictError) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Returns one page of the softly deleted rows of a partition, the oldest deletion first.
   *
   * ```ts
   * const { items, cursor } = await notes.findDeleted(team.id, { limit: 20 });
   * ```
   *
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`, or its rows are their own partitions.
   */
  async findDeleted(
    partition: PartitionKeyOf<E>,
    options: DeletedPageOptions = {},
  ): Promise<Pick<Page<E>, 'items' | 'cursor'>> {
    checkEntityOptions('findDeleted()', options);
    const { context, mapper } = this[PARTS];
    return deletedPage(context, mapper, partitionTag(mapper.schema, partition), options);
  }

  /**
   * Deletes rows for good that were deleted softly some time ago, in one partition or in all. Without a partition it
   * walks the keys of the cluster. No hooks run.
   *
   * ```ts
   * await notes.purgeDeleted({ olderThan: '30d', limit: 10_000 });
   * ```
   *
   * @returns how many rows were deleted.
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`, or `olderThan` is not a duration.
   */
  async purgeDeleted(options: PurgeOptions<E>): Promise<{ purged: number }> {
    checkEntityOptions('purgeDeleted()', options ?? {});
    const { context, mapper } = this[PARTS];
    deletionOf(mapper.schema);
    const age = durationMs(options?.olderThan);
    if (age === undefined)
      throw new InvalidArgumentError(
        'olderThan',
        `olderThan must be milliseconds from 1, or a duration such as '30d', got ${describeAge(options?.olderThan)}`,
      );
    const { limit = Infinity, signal } = options;
    checkWhole('limit', limit, 1, Infinity);
    const before = new Date(mapper.now() - age);
    const purger = new DeletedPurger(context, mapper);
    return { purged: await purger.purge(this.tagOf(options.partition), { before, limit, signal }) };
  }
}

const describeAge = (given: unknown): string =>
  typeof given === 'number' ? describeValue(given) : describeOther(given);
