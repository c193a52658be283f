import type { EntityClients } from '../common/entity-client.js';
import type { KeyWalker } from '../keys/key-walker.js';
import type { SchemaRecords } from '../records/schema-records.js';

/** The parts that maintenance reads and writes with. */
export interface MaintenanceContext extends EntityClients {
  readonly keys: KeyWalker;
  readonly records: SchemaRecords;
}
