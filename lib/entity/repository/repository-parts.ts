import type { RowMapper } from '../rows/row-mapper.js';
import type { TransactionRunner } from '../transactions/transaction-runner.js';
import type { EntityContext } from './entity-context.js';

/** What a repository works with: the mapper of its class, and what all repositories of a registry share. */
export interface RepositoryParts {
  readonly context: EntityContext;
  readonly transactions: TransactionRunner;
  readonly mapper: RowMapper;
}

/** The property that receives the parts of a repository. It is a symbol, so no property of a subclass collides with it. */
export const PARTS: unique symbol = Symbol('keyslot.repository-parts');
