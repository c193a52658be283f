import { random } from '../../cluster/runtime/randomness.js';
import { delay as sleep } from '../../cluster/common/timers.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClient } from '../common/entity-client.js';
import { TransactionTooLargeError } from '../common/entity-errors.js';
import { type EntityKey, entityKeyIn } from '../keys/entity-key.js';
import { idTextOf } from '../keys/index-entry.js';
import { relatedRange } from '../keys/related-range.js';
import type { CommitFault } from '../operations/commit-faults.js';
import { MAX_TRANSACTION_ROWS } from '../operations/commit-limits.js';
import type { Committed } from '../operations/commit-outcome.js';
import { withEntries } from './row-entries.js';
import type { CommitExtras, QueryGuard, RowOperation } from '../operations/row-operation.js';
import { digestOf } from '../query/entry-digest.js';
import { IndexReader } from '../query/index-reader.js';
import type { SchemaRecords } from '../records/schema-records.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';
import type { EntitySchema } from '../schema/entity-schema.js';

const ATTEMPTS = 50;
const LONGEST_PAUSE_MS = 20;

/** Commits operations of one partition, and returns a refusal rather than throwing it. */
type Send = (operations: readonly RowOperation[], extras: CommitExtras) => Promise<Committed | CommitFault>;

/** Returns whether an operation deletes other rows in cascade. */
export const isCascading = ({ cascades }: RowOperation): boolean => cascades === true;

/** Returns whether deletes of rows of a class delete related rows. */
export const hasCascades = ({ relations }: EntitySchema): boolean =>
  relations.some(({ cascades }) => cascades);

/** Adds the related rows to deletes, provided that the lists of related rows are unchanged at the commit. */
export class Cascades {
  /** @param client reads from primaries. */
  constructor(
    private readonly client: EntityClient,
    private readonly schemas: SchemaRegistry,
    private readonly records: SchemaRecords,
  ) {}

  /**
   * Commits operations together with the deletes of related rows. The outcome is that of the given operations, in
   * their order.
   *
   * @throws TransactionTooLargeError beyond 100 rows.
   */
  async commit(
    operations: readonly RowOperation[],
    extras: CommitExtras,
    send: Send,
  ): Promise<Committed | CommitFault> {
    const { queries = [] } = extras;
    for (let attempt = 1; ; attempt++) {
      const whole = await this.expand(operations);
      const outcome = await send(whole.operations, { ...extras, queries: [...queries, ...whole.queries] });
      // A transaction reads its own queries again.
      if (outcome.fault !== 'QUERY' || queries.length > 0 || attempt === ATTEMPTS) return outcome;
      await sleep(random() * LONGEST_PAUSE_MS);
    }
  }

  private async expand(
    given: readonly RowOperation[],
  ): Promise<{ operations: RowOperation[]; queries: QueryGuard[] }> {
    const operations = new Map<string, RowOperation>();
    for (const one of given) operations.set(one.key.row, { ...one, cascades: undefined });
    const queries: QueryGuard[] = [];
    const deleting = given.filter(isCascading);
    for (const { schema, key } of deleting)
      for (const relation of schema.relations) {
        if (!relation.cascades) continue;
        const related = this.schemas.mapper(relation.type).schema;
        const { key: index, name, range } = relatedRange(relation, related, key);
        if (name !== undefined) await this.records.assertReady(related, name);
        const reader = new IndexReader(this.client, index, [range]);
        const entries = await reader.entries(MAX_TRANSACTION_ROWS + 1);
        queries.push({ key: index, ranges: [range], count: entries.length, digest: digestOf(entries) });
        for (const entry of entries) {
          const at = entityKeyIn(related, key.tag, idTextOf(entry));
          const known = operations.get(at.row);
          if (known?.mode === 'delete') continue;
          if (known && known.mode !== 'check') throw alsoWritten(related, schema);
          operations.set(at.row, { ...known, ...deleteOperation(related, at) });
          if (hasCascades(related)) deleting.push({ schema: related, key: at, mode: 'delete' });
          if (operations.size > MAX_TRANSACTION_ROWS) throw tooLarge(schema, related);
        }
      }
    return { operations: [...operations.values()], queries };
  }
}

/** Returns the delete of one row, without others. */
export const deleteOperation = (schema: EntitySchema, key: EntityKey): RowOperation =>
  withEntries({ schema, key, mode: 'delete' });

const alsoWritten = (related: EntitySchema, owner: EntitySchema): InvalidArgumentError =>
  new InvalidArgumentError(
    'entity',
    `A row of ${related.name} is written by the transaction that deletes it with its ${owner.name}: leave out one of ` +
      'the two writes',
  );

const tooLarge = (owner: EntitySchema, { name }: EntitySchema): TransactionTooLargeError =>
  new TransactionTooLargeError(
    'rows or more',
    MAX_TRANSACTION_ROWS + 1,
    MAX_TRANSACTION_ROWS,
    `The delete of a row of ${owner.name} with its related rows`,
    `delete the ${name} rows first, in batches, with deleteMany(), or the whole partition with partition(key).delete()`,
  );
