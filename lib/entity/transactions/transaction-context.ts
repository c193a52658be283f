import type { EntityClients } from '../common/entity-client.js';
import type { Committer } from '../commit/committer.js';
import type { WritePlanner } from '../commit/write-planner.js';
import type { FollowerStep } from '../operations/row-operation.js';
import type { SweepPartition } from '../query/expiry-queue.js';
import type { SchemaRecords } from '../records/schema-records.js';
import type { RowContext } from '../rows/row-reader.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';

/** The parts that transactions read and write with. */
export interface TransactionContext extends RowContext, EntityClients {
  readonly committer: Committer;
  readonly planner: WritePlanner;
  readonly records: SchemaRecords;
  readonly schemas: SchemaRegistry;
  readonly sweepPartition: SweepPartition;
  /** The step of a group of followers that is part of the commit. */
  readonly step?: FollowerStep;
}
