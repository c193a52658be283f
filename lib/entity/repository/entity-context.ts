import type { CollectionHandles } from '../collections/collection-handles.js';
import type { ChangeFeed } from '../changes/change-feed.js';
import type { Committer } from '../commit/committer.js';
import type { EntityClient } from '../common/entity-client.js';
import type { KeyWalker } from '../keys/key-walker.js';
import type { LoadedEntities } from '../rows/entity-tracker.js';
import type { LockRunner } from '../locks/lock-runner.js';
import type { SchemaRecords } from '../records/schema-records.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';
import type { WritePlanner } from '../commit/write-planner.js';

/** What the repositories of one registry share. */
export interface EntityContext {
  readonly client: EntityClient;
  /** The same client, for reads that must not lag. */
  readonly primary: EntityClient;
  readonly schemas: SchemaRegistry;
  readonly collections: CollectionHandles;
  readonly entities: LoadedEntities;
  readonly planner: WritePlanner;
  readonly committer: Committer;
  readonly keys: KeyWalker;
  readonly feed: ChangeFeed;
  readonly locks: LockRunner;
  readonly records: SchemaRecords;
}

/** The same, with all reads from primaries. */
export const onPrimaries = (context: EntityContext): EntityContext => ({
  ...context,
  client: context.primary,
});
