import type { Observable } from 'rxjs';
import type { ChangesOptions } from '../changes/change-feed.js';
import type { ChangeOf, EntityChange } from '../changes/entity-change.js';
import { followedClasses } from '../changes/followed-classes.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { partitionTag } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { loadPartition } from '../query/partition-loader.js';
import {
  type PartitionDeleteOptions,
  type PartitionDeletion,
  deletePartition,
} from '../partitions/partition-deletion.js';
import {
  type PartitionSize,
  type PartitionSizeOptions,
  partitionSize,
} from '../partitions/partition-size.js';
import { type PartitionExportOptions, exportPartition } from '../partitions/partition-export.js';
import {
  type PartitionImport,
  type PartitionImportOptions,
  importPartition,
} from '../partitions/partition-import.js';
import type { EntityClass } from '../decorators/shape.js';
import { type LockedFunction, type LockingContext, runLocked } from './partition-lock.js';
import { PARTITION_METHODS, traceOperations } from './traced-operations.js';
import type { LockOptions } from '../locks/lock-options.js';
import type { TransactionOptions } from '../transactions/partition-transaction.js';
import type { TransactionFunction, TransactionRunner } from '../transactions/transaction-runner.js';

/** Lists of entities, one for each class. */
export type EntitiesOf<Types extends readonly EntityClass[]> = {
  -readonly [I in keyof Types]: InstanceType<Types[I]>[];
};

/** All rows that share a partition key, and so a slot. */
export class Partition {
  private constructor(
    private readonly context: LockingContext,
    private readonly transactions: TransactionRunner,
    private readonly schema: EntitySchema,
    /** The hash tag in all keys of the partition, braces included: `{Order:42}`. */
    readonly tag: string,
  ) {}

  /** @internal */
  static of(
    context: LockingContext,
    transactions: TransactionRunner,
    schema: EntitySchema,
    key: unknown,
  ): Partition {
    return new Partition(context, transactions, schema, partitionTag(schema, key));
  }

  /**
   * Returns all entities of these classes, as they are at one moment, in the order of their ids within each class. For
   * the class that owns the partition, the list has at most one entity.
   *
   * ```ts
   * const [[order], items] = await orders.partition('42').loadAll([Order, OrderItem]);
   * ```
   *
   * @throws TransactionTooLargeError beyond 1,000 rows.
   */
  loadAll<const Types extends readonly EntityClass[]>(types: Types): Promise<EntitiesOf<Types>> {
    return loadPartition(this.context, this.tag, types) as Promise<EntitiesOf<Types>>;
  }

  /**
   * Emits the committed changes of every class in the partition, and its events, in the order of their commits; see
   * `ClusterRepository.changes`. Name the classes for a typed stream, or if some of them do not record changes.
   *
   * ```ts
   * orders.partition('42').changes([Order, OrderItem], { from: 'start' }).subscribe(audit);
   * ```
   *
   * @throws InvalidArgumentError if a class does not record its changes, or the cursor is not valid.
   */
  changes<const Types extends readonly EntityClass[]>(
    types: Types,
    options?: ChangesOptions,
  ): Observable<ChangeOf<Types>>;
  changes(types?: 'all', options?: ChangesOptions): Observable<EntityChange>;
  changes(
    types: readonly EntityClass[] | 'all' = 'all',
    options: ChangesOptions = {},
  ): Observable<EntityChange> {
    checkEntityOptions('changes() of a partition', options);
    const { feed, schemas } = this.context;
    return feed.changes(followedClasses(schemas, this.schema, types), this.tag, options);
  }

  /** Returns a cursor after every change of the partition that was committed before the call. */
  changesCursor(): Promise<string> {
    return this.context.feed.cursor({ partitionName: this.schema.partitionName, schemas: [] }, this.tag);
  }

  /**
   * Deletes the rows of all registered classes in the partition, with everything that they hold: indexes, unique
   * constraints, collections, entries in global indexes. It deletes them in commits of up to 100 rows, the owner's row
   * last. To resume an interrupted deletion, call it again. Keys that belong to no registered class stay, and are
   * returned.
   *
   * ```ts
   * const { rows, unknown } = await tenants.partition('acme').delete();
   * ```
   *
   * @throws InvalidArgumentError for an invalid option; the errors of a delete.
   */
  async delete(options?: PartitionDeleteOptions): Promise<PartitionDeletion> {
    return deletePartition(this.context, this.tag, options);
  }

  /**
   * Counts the rows of each registered class, and the keys and bytes of the partition. It reads the names of all keys
   * in the slot.
   *
   * @returns an estimate of the bytes beyond 1,000 keys of rows and collections.
   */
  async size(options?: PartitionSizeOptions): Promise<PartitionSize> {
    return partitionSize(this.context, this.tag, options);
  }

  /**
   * Yields the partition as lines of JSON: the rows of all registered classes with their collections, versions and
   * expiry times. Each row is as it was when it was read.
   *
   * ```ts
   * for await (const line of tenants.partition('acme').export()) file.write(`${line}\n`);
   * ```
   */
  export(options?: PartitionExportOptions): AsyncGenerator<string, void, undefined> {
    return exportPartition(this.context, this.tag, options);
  }

  /**
   * Inserts the rows of an export, in this cluster or another, into a partition without rows. It overwrites nothing.
   *
   * @param lines the lines that `export` yielded.
   * @throws InvalidArgumentError if the lines do not fit the partition or its classes, or the partition has rows.
   * @throws UniqueViolationError if another partition has the value of a global unique constraint. What was imported
   * before stays: `delete` the partition before you import it again.
   */
  async import(
    lines: AsyncIterable<string> | Iterable<string>,
    options?: PartitionImportOptions,
  ): Promise<PartitionImport> {
    return importPartition(this.context, this.tag, lines, options);
  }

  /** Runs a transaction, as `ClusterRepository.transaction` does. */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R> {
    return this.transactions.run(this.tag, work, options);
  }

  /** Runs a function under a lock, as `ClusterRepository.withLock` does. */
  async withLock<R>(work: LockedFunction<R>, options?: LockOptions): Promise<R> {
    return runLocked(this.context, this.schema, this.tag, work, options);
  }

  static {
    traceOperations(Partition.prototype, PARTITION_METHODS, ({ schema }) => schema.name);
  }
}
