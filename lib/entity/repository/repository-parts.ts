import type { ChangeFeed } from '../changes/change-feed.js';
import type { CollectionHandles } from '../collections/collection-handles.js';
import type { KeyWalker } from '../keys/key-walker.js';
import type { LockRunner } from '../locks/lock-runner.js';
import type { RowMapper } from '../rows/row-mapper.js';
import type { TransactionContext } from '../transactions/transaction-context.js';
import type { TransactionRunner } from '../transactions/transaction-runner.js';

/** The parts that the repositories of one registry share. */
export interface EntityContext extends TransactionContext {
  readonly collections: CollectionHandles;
  readonly keys: KeyWalker;
  readonly feed: ChangeFeed;
  readonly locks: LockRunner;
  /** The groups that followers of this registry are members of. */
  readonly groups: Set<string>;
}

/** What a repository works with: the mapper of its class, and what all repositories of a registry share. */
export interface RepositoryParts {
  readonly context: EntityContext;
  readonly transactions: TransactionRunner;
  readonly mapper: RowMapper;
}

/** The property with the parts of a repository. It is a symbol, so no property of a subclass collides with it. */
export const PARTS: unique symbol = Symbol('keyslot.repository-parts');

/** The method that writes an entity. It is a symbol for the same reason. */
export const WRITE: unique symbol = Symbol('keyslot.repository-write');

/** The property that receives the parts, as Nest injects them. */
export const RECEIVE_PARTS: unique symbol = Symbol('keyslot.receive-parts');
