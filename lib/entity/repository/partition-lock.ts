import type { EntityContext } from './entity-context.js';
import type { Fence } from '../operations/row-operation.js';
import type { ClusterRepository } from './cluster-repository.js';
import type { TransactionOptions } from '../transactions/partition-transaction.js';
import type { EntityClass } from '../decorators/shape.js';
import type { TransactionFunction, TransactionRunner } from '../transactions/transaction-runner.js';
import type { HeldLock } from '../locks/held-lock.js';

/** A lock while it is held. What is written through it is refused once somebody else has got the lock. */
export interface PartitionLock {
  /**
   * The number that was handed out with the lock, greater each time: for other systems to refuse what comes from a
   * holder of the past.
   */
  readonly token: number;
  /** Aborted, with a LockLostError, when the lock is lost. */
  readonly signal: AbortSignal;
  /**
   * A repository whose writes are refused with LockLostError once the lock is lost. It writes in the partition of the
   * lock, and nowhere else.
   */
  repository<E extends object>(type: EntityClass<E>): ClusterRepository<E>;
  /** A transaction of the partition, whose commit is refused with LockLostError once the lock is lost. */
  transaction<R>(work: TransactionFunction<R>, options?: TransactionOptions): Promise<R>;
}

/** What is done while the lock is held. */
export type LockedFunction<R> = (lock: PartitionLock) => Promise<R>;

/** Repositories whose writes are made under a lock. */
export interface LockedRepositories {
  readonly transactions: TransactionRunner;
  repository<E extends object>(type: EntityClass<E>): ClusterRepository<E>;
}

/** The same as all repositories share, for those that can be locked. */
export interface LockingContext extends EntityContext {
  /** The repositories whose writes are made under a lock. */
  readonly underLock: (fence: Fence) => LockedRepositories;
}

/** The lock that a function is given. */
export function partitionLock({ fence, signal }: HeldLock, repositories: LockedRepositories): PartitionLock {
  return {
    token: Number(fence.token),
    signal,
    repository: (type) => repositories.repository(type),
    transaction: (work, options) => repositories.transactions.run(fence.tag, work, options),
  };
}
