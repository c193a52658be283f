import type { EntityKey } from '../keys/entity-key.js';
import type { RowMapper, LoadedRow } from '../rows/row-mapper.js';

/** A row that the transaction has read; `row` is null where there was none. */
export interface TransactionRead {
  readonly mapper: RowMapper;
  readonly key: EntityKey;
  readonly row: LoadedRow | null;
}
/** What the transaction is to do with an entity. */
export interface TransactionWrite {
  readonly kind: 'insert' | 'save' | 'remove';
  readonly mapper: RowMapper;
  readonly entity: object;
}
/** What the transaction is to add to the counters of a row. */
export interface TransactionIncrement {
  readonly mapper: RowMapper;
  readonly key: EntityKey;
  readonly steps: Map<string, bigint>;
}
