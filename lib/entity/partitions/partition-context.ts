import type { EntityClients } from '../common/entity-client.js';
import type { Committer } from '../commit/committer.js';
import type { KeyWalker } from '../keys/key-walker.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';

/** The parts that work on whole partitions. */
export interface PartitionContext extends EntityClients {
  readonly committer: Committer;
  readonly keys: KeyWalker;
  readonly schemas: SchemaRegistry;
}
