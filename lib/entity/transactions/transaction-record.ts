import type { EntityKey } from '../keys/entity-key.js';
import type { LoadedRow } from '../rows/row-loader.js';
import type { RowMapper } from '../rows/row-mapper.js';

/** A row that a transaction read; `row` is null if there was none. */
export interface TransactionRead {
  readonly mapper: RowMapper;
  readonly key: EntityKey;
  readonly row: LoadedRow | null;
}
/** A write of an entity in a transaction. */
export interface TransactionWrite {
  readonly kind: 'insert' | 'save' | 'remove';
  readonly mapper: RowMapper;
  readonly entity: object;
}
/** The steps that a transaction adds to the counters of a row. */
export interface TransactionIncrement {
  readonly mapper: RowMapper;
  readonly key: EntityKey;
  readonly steps: Map<string, bigint>;
}
