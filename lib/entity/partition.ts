import { partitionTag } from './entity-key.js';
import type { EntitySchema } from './entity-schema.js';
import type { TransactionOptions } from './partition-transaction.js';
import type { TransactionFunction, TransactionRunner } from './transaction-runner.js';

/** What lives in one slot because it belongs together. */
export class Partition {
  private constructor(
    private readonly transactions: TransactionRunner,
    /** What all keys of the partition have in their braces, braces included: `{Order:42}`. */
    readonly tag: string,
  ) {}

  /** @internal */
  static of(transactions: TransactionRunner, schema: EntitySchema, key: unknown): Partition {
    return new Partition(transactions, partitionTag(schema, key));
  }

  /** As the repository's `transaction`. */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R> {
    return this.transactions.run(this.tag, work, options);
  }
}
