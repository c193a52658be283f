import { checkFunction } from '../common/argument-checks.js';
import { partitionTag } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { loadPartition } from '../query/partition-loader.js';
import type { EntityClass } from '../decorators/shape.js';
import { type LockedFunction, type LockingContext, partitionLock } from './partition-lock.js';
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
    return new Partition(context, transactions, partitionTag(schema, key));
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

  /** Runs a transaction, as `ClusterRepository.transaction` does. */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R> {
    return this.transactions.run(this.tag, work, options);
  }

  /** Runs a function under a lock, as `ClusterRepository.withLock` does. */
  async withLock<R>(work: LockedFunction<R>, options?: LockOptions): Promise<R> {
    checkFunction('work', work);
    const { locks, underLock } = this.context;
    return locks.run(this.tag, (held) => work(partitionLock(held, underLock(held.fence))), options);
  }
}
