import type { Where } from '../query/where.js';
import type { WriteOptions } from '../common/write-options.js';
import type { TransactionCollection } from './transaction-collections.js';
import type { CollectionNames, CounterOf, EntityClass, KeyOf } from '../decorators/shape.js';

/**
 * Reads and writes of one partition that are committed together, or not at all. Writes are only noted; they leave
 * when the transaction's function has returned, with the entities as they are then.
 */
export interface PartitionTransaction {
  /**
   * The entity, or null. What was read must still be so at the commit, a missing row too. The same object is given
   * for the same key, and what this transaction has noted to write is seen.
   *
   * @throws CrossPartitionError
   */
  get<E extends object>(type: EntityClass<E>, key: KeyOf<E>): Promise<E | null>;
  /**
   * The entities that meet a where, as `findBy` finds them, with what this transaction has noted to write. At the commit
   * the same must be found, so that what others insert meanwhile is noticed, too.
   *
   * @throws UnindexedQueryError, CrossPartitionError
   * @throws TransactionTooLargeError where they are more than a transaction may read.
   */
  find<E extends object>(type: EntityClass<E>, where: Where<E>): Promise<E[]>;
  /** Inserts an entity that is new, or writes what has changed since it was loaded. */
  save(entity: object): void;
  /** Inserts an entity; where there is one already, the transaction fails with `EntityExistsError`. */
  insert(entity: object): void;
  /** Deletes the row of an entity that was loaded. */
  remove(entity: object): void;
  /** Adds to a counter, by default 1. Entities that were loaded go on showing what was read. */
  increment<E extends object>(
    type: EntityClass<E>,
    key: KeyOf<E>,
    counter: CounterOf<E>,
    by?: number | bigint,
  ): void;
  /**
   * A collection of a row, to be written at the commit, with everything else; the row must be there then. It is not
   * read: handles of entities go on reading, and writing, on their own.
   *
   * ```ts
   * tx.collection(Order, id, 'tags').add('paid');
   * ```
   */
  collection<E extends object, Name extends CollectionNames<E>>(
    type: EntityClass<E>,
    key: KeyOf<E>,
    name: Name,
  ): TransactionCollection<NonNullable<E[Name]>>;
  /**
   * Tells an event to those who follow the changes of the partition, in the same commit.
   *
   * @param payload whatever JSON can hold.
   * @throws InvalidArgumentError where no class of the partition records its changes, or the payload is no JSON.
   */
  emit(type: string, payload?: unknown): void;
}

/** How a transaction is run; the options of writes are for its commits. */
export interface TransactionOptions extends Omit<WriteOptions, 'opId'> {
  /** How often the function is run at most before `TransactionConflictError`; 50 by default. */
  attempts?: number | undefined;
}

/** The most rows that a transaction may read and write: while it commits, the server does nothing else. */
export const MAX_TRANSACTION_ROWS = 100;

/** The most bytes that a transaction may write. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024;
