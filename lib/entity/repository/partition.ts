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

/** What lives in one slot because it belongs together. */
export class Partition {
  private constructor(
    private readonly context: LockingContext,
    private readonly transactions: TransactionRunner,
    /** What all keys of the partition have in their braces, braces included: `{Order:42}`. */
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
   * All entities of these classes, as they are at one moment; by their ids in each class. Of the partition's owner there
   * is one, or none.
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

  /** As the repository's `transaction`. */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R> {
    return this.transactions.run(this.tag, work, options);
  }

  /** As the repository's `withLock`. */
  withLock<R>(work: LockedFunction<R>, options?: LockOptions): Promise<R> {
    const { locks, underLock } = this.context;
    return locks.run(this.tag, (held) => work(partitionLock(held, underLock(held.fence))), options);
  }
}
