import type { ChangeFeed } from '../changes/change-feed.js';
import type { CollectionHandles } from '../collections/collection-handles.js';
import type { KeyWalker } from '../keys/key-walker.js';
import type { LockRunner } from '../locks/lock-runner.js';
import type { TransactionContext } from '../transactions/transaction-context.js';

/** The parts that the repositories of one registry share. */
export interface EntityContext extends TransactionContext {
  readonly collections: CollectionHandles;
  readonly keys: KeyWalker;
  readonly feed: ChangeFeed;
  readonly locks: LockRunner;
}
