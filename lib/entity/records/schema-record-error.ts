import { ClusterError } from '../../cluster/common/errors.js';

const CHANGE_A_CLASS = 'How to rename a property, change its type or remove it: see docs/schema-evolution.md';

/** An entity class no longer fits its stored rows. The schema record describes how they were stored. */
export class SchemaRecordError extends ClusterError {
  constructor(
    readonly entity: string,
    readonly faults: readonly string[],
  ) {
    super(`${entity} does not fit its stored rows: ${faults.join('; ')}. ${CHANGE_A_CLASS}`, {
      code: 'SCHEMA_MISMATCH',
    });
  }
}
