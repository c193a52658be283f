import type { OrderOptions } from '../query/query-options.js';
import type { ScanWhere, Where } from '../planning/where.js';
import type { Unselected } from '../decorators/selected.js';
import type { WriteOptions } from '../common/write-options.js';
import type { TransactionCollection } from './transaction-collections.js';
import type { CollectionNames, CounterOf, EntityClass, KeyOf } from '../decorators/shape.js';

/**
 * Reads and writes of one partition that are committed together or not at all. Writes are recorded, and sent after the
 * transaction's function has returned, with the entities as they are then.
 */
export interface PartitionTransaction {
  /**
   * Returns the entity, or null. The commit fails if the row, or its absence, has changed by then. The same key always
   * returns the same object, and reads see the writes of this transaction.
   *
   * @throws CrossPartitionError
   */
  get<E extends object>(type: EntityClass<E>, key: KeyOf<E>): Promise<E | null>;
  /** Finds entities by any conditions. All rows that it reads count towards the limit of a transaction. */
  find<E extends object>(
    type: EntityClass<E>,
    where: ScanWhere<E>,
    options: OrderOptions<E> & { scan: true },
  ): Promise<E[]>;
  /**
   * Returns the entities that match a query, as `findBy` does, including the writes of this transaction. The commit
   * fails if the query would find other rows by then, so concurrent inserts are noticed too.
   *
   * @throws UnindexedQueryError, CrossPartitionError
   * @throws TransactionTooLargeError if it finds more rows than a transaction may read.
   */
  find<E extends object>(type: EntityClass<E>, where: Where<E>, options?: OrderOptions<E>): Promise<E[]>;
  /** Inserts a new entity, or writes what has changed since it was loaded. */
  save(entity: object & Unselected): void;
  /** Inserts an entity. If its row already exists, the transaction fails with `EntityExistsError`. */
  insert(entity: object & Unselected): void;
  /** Deletes the row of an entity that was loaded. */
  remove(entity: object & Unselected): void;
  /**
   * Deletes the row of an entity that was loaded softly: sets the property of `@DeletedAt()` to now, and saves the entity.
   *
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`, or the entity was not loaded here.
   */
  softRemove(entity: object & Unselected): void;
  /**
   * Restores a row that was deleted softly, with the commit.
   *
   * @returns the entity, as it will be saved; null if no deleted row has this key.
   * @throws InvalidArgumentError if the class has no `@DeletedAt()`.
   * @throws CrossPartitionError
   */
  restore<E extends object>(type: EntityClass<E>, key: KeyOf<E>): Promise<E | null>;
  /** Adds to a counter, by default 1. Loaded entities keep showing the value that was read. */
  increment<E extends object>(
    type: EntityClass<E>,
    key: KeyOf<E>,
    counter: CounterOf<E>,
    by?: number | bigint,
  ): void;
  /**
   * Returns a collection whose writes are part of the commit. The row must exist by then. To read the collection, use
   * the handle of an entity, which is not part of the transaction.
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
   * Emits an event to the readers of `changes()`, in the same commit.
   *
   * @param payload a value that JSON can hold.
   * @throws InvalidArgumentError if no class of the partition records its changes, or the payload is not valid JSON.
   */
  emit(type: string, payload?: unknown): void;
}

/** Options of `transaction`. The options of writes apply to each commit. */
export interface TransactionOptions extends Omit<WriteOptions, 'opId'> {
  /** How often the function runs at most before `TransactionConflictError`; 50 by default. */
  attempts?: number | undefined;
}
