import type { LockingContext } from './partition-lock.js';
import { ClusterRepository } from './cluster-repository.js';
import { RECEIVE_PARTS, type RepositoryParts } from './repository-parts.js';
import type { EntityClass } from '../decorators/shape.js';
import { TransactionRunner } from '../transactions/transaction-runner.js';

/** The repositories of one context, each created once. */
export class RepositorySet {
  readonly transactions: TransactionRunner;
  private readonly repositories = new Map<EntityClass, unknown>();

  constructor(private readonly context: LockingContext) {
    this.transactions = new TransactionRunner(context);
  }

  /** @throws SchemaError if the class has faults. */
  repository<E extends object>(entity: EntityClass<E>): ClusterRepository<E> {
    const known = this.repositories.get(entity);
    if (known) return known as ClusterRepository<E>;
    const repository = new ClusterRepository<E>();
    repository[RECEIVE_PARTS] = () => this.parts(entity);
    this.repositories.set(entity, repository);
    return repository;
  }

  /** Returns what a repository of this class works with. @throws SchemaError if the class is invalid. */
  parts(entity: EntityClass): RepositoryParts {
    const { context, transactions } = this;
    return { context, transactions, mapper: context.schemas.mapper(entity) };
  }
}
