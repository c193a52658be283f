import type { SweepOutcome } from '../operations/commit-outcome.js';
import type { EntityClients } from '../common/entity-client.js';
import type { WriteOptions } from '../common/write-options.js';
import type { KeyWalker } from '../keys/key-walker.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { SchemaRecords } from '../records/schema-records.js';

/** What maintenance reads and writes with. */
export interface MaintenanceContext extends EntityClients {
  readonly keys: KeyWalker;
  readonly records: SchemaRecords;
  readonly committer: {
    sweep(operations: readonly RowOperation[], options?: WriteOptions): Promise<SweepOutcome[]>;
  };
}
