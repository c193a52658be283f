import type { EntityContext } from './repository-parts.js';
import { checkFunction } from '../common/argument-checks.js';
import type { LockOptions } from '../locks/lock-options.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { traceOperation } from './traced-operations.js';
import type { Fence } from '../operations/row-operation.js';
import type { ClusterRepository } from './cluster-repository.js';
import type { TransactionOptions } from '../transactions/partition-transaction.js';
import type { EntityClass } from '../decorators/shape.js';
import type { TransactionFunction, TransactionRunner } from '../transactions/transaction-runner.js';
import type { HeldLock } from '../locks/held-lock.js';

/** A lock that is held. Writes through it fail with LockLostError once the lock is lost. */
export interface PartitionLock {
  /**
   * The number that was issued with the lock. It grows with each holder, so that other systems can reject requests of
   * earlier holders.
   */
  readonly token: number;
  /** Aborted, with a LockLostError, when the lock is lost. */
  readonly signal: AbortSignal;
  /**
   * Returns a repository whose writes fail with LockLostError once the lock is lost. It can write only in the partition
   * of the lock.
   */
  repository<E extends object>(type: EntityClass<E>): ClusterRepository<E>;
  /** Runs a transaction of the partition. Its commit fails with LockLostError once the lock is lost. */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R>;
}

/** The function that `withLock` runs. */
export type LockedFunction<R> = (lock: PartitionLock) => Promise<R>;

/** Repositories that write under a lock. */
export interface LockedRepositories {
  readonly transactions: TransactionRunner;
  repository<E extends object>(type: EntityClass<E>): ClusterRepository<E>;
}

/** The context of repositories that can lock partitions. */
export interface LockingContext extends EntityContext {
  /** Returns repositories that write under a lock. */
  readonly underLock: (fence: Fence) => LockedRepositories;
}

/** Returns the lock that is passed to the function of `withLock`. */
function partitionLock(
  { fence, signal }: HeldLock,
  repositories: LockedRepositories,
  { name }: EntitySchema,
): PartitionLock {
  return {
    token: Number(fence.token),
    signal,
    repository: (type) => repositories.repository(type),
    transaction: (work, options) =>
      traceOperation(name, 'transaction', () => repositories.transactions.run(fence.tag, work, options)),
  };
}

/** Runs a function under a lock of a partition. @param schema the class that the partition was named by */
export async function runLocked<R>(
  { locks, underLock }: LockingContext,
  schema: EntitySchema,
  tag: string,
  work: LockedFunction<R>,
  options?: LockOptions,
): Promise<R> {
  checkFunction('work', work);
  return locks.run(tag, (held) => work(partitionLock(held, underLock(held.fence), schema)), options);
}
