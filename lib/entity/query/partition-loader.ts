import { random } from '../../cluster/runtime/randomness.js';
import { delay as sleep } from '../../cluster/common/timers.js';
import { INDEX_LISTS } from '../keys/stored-names.js';
import { InvalidArgumentError, TransactionConflictError } from '../../cluster/common/errors.js';
import { checkList } from '../common/argument-checks.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';
import { TransactionTooLargeError } from '../common/entity-errors.js';
import { type EntityKey, entityKeyIn, indexKey } from '../keys/entity-key.js';
import { type SweepPartition, entriesAfterSweep } from './expiry-queue.js';
import { digestOf } from './entry-digest.js';
import { IndexReader } from './index-reader.js';
import { idTextOf } from '../keys/index-entry.js';
import { splitTag } from '../keys/outbox-key.js';
import { LOAD_SCRIPT } from './load-script.js';
import type { RowMapper } from '../rows/row-mapper.js';
import { fieldsOf } from '../rows/stored-row.js';
import { type Fields, type RowContext, rememberRow, runLoadHooks } from '../rows/row-reader.js';
import type { EntityClass } from '../decorators/shape.js';

/** The maximum number of rows that are loaded at once. The server runs nothing else meanwhile. */
export const MAX_LOADED_ROWS = 1_000;

const ATTEMPTS = 50;
const LONGEST_PAUSE_MS = 20;

/** The parts that a partition is loaded with. */
interface LoaderContext extends RowContext {
  readonly schemas: SchemaRegistry;
  readonly sweepPartition: SweepPartition;
}

/** The rows of a class in a partition, according to its index. */
interface Listing {
  readonly mapper: RowMapper;
  readonly keys: readonly EntityKey[];
  /** The index that was read, and the digest of its entries; absent for the partition's owner. */
  readonly index?: { readonly key: string; readonly digest: string };
}

/** Loads all rows of some classes in one partition at one moment. */
export async function loadPartition(
  context: LoaderContext,
  tag: string,
  types: readonly EntityClass[],
): Promise<object[][]> {
  checkList('types', types);
  const mappers = types.map((type) => partitionMapper(context, tag, type));
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const listings = await Promise.all(mappers.map((mapper) => list(context, mapper, tag)));
    const rows = await readListed(context, listings);
    if (rows) {
      const next = rows[Symbol.iterator]();
      const loaded = listings.map(({ mapper, keys }) =>
        keys.flatMap((key) => {
          const row = rememberRow(context, mapper, key, next.next().value as Fields);
          return row ? [row.entity] : [];
        }),
      );
      await Promise.all(loaded.map((entities, i) => runLoadHooks(mappers[i], entities)));
      return loaded;
    }
    await sleep(random() * LONGEST_PAUSE_MS);
  }
  throw new TransactionConflictError(ATTEMPTS);
}

function partitionMapper({ schemas }: LoaderContext, tag: string, type: EntityClass): RowMapper {
  const mapper = schemas.mapper(type);
  if (tag.startsWith(`{${mapper.schema.partitionName}:`)) return mapper;
  throw new InvalidArgumentError(
    'types',
    `${mapper.schema.name} has no rows in partitions of ${splitTag(tag)[0]}`,
  );
}

async function list(context: LoaderContext, mapper: RowMapper, tag: string): Promise<Listing> {
  const { schema } = mapper;
  if (!schema.partitionKey)
    return { mapper, keys: [entityKeyIn(schema, tag, tag.slice(schema.name.length + 2, -1))] };
  const key = indexKey(schema, tag);
  const reader = new IndexReader(context.client, key, [ALL_ROWS]);
  const entries = await entriesAfterSweep(context.sweepPartition, schema, tag, reader, MAX_LOADED_ROWS);
  const keys = entries.map((entry) => entityKeyIn(schema, tag, idTextOf(entry)));
  return { mapper, keys, index: { key, digest: digestOf(entries) } };
}

/** Returns the fields of all rows; undefined if a listing is no longer current. */
async function readListed(
  { client }: LoaderContext,
  listings: readonly Listing[],
): Promise<Fields[] | undefined> {
  const rows = listings.flatMap(({ keys }) => keys.map(({ row }) => row));
  if (rows.length > MAX_LOADED_ROWS)
    throw new TransactionTooLargeError('rows or more', rows.length, MAX_LOADED_ROWS, 'What loadAll finds');
  if (rows.length === 0) return [];
  const indexes = listings.flatMap(({ index, keys }) => (index ? [{ ...index, count: keys.length }] : []));
  const args = [String(indexes.length), ...indexes.flatMap(({ count, digest }) => [String(count), digest])];
  const keys = [...indexes.map(({ key }) => key), ...rows];
  const answer = await client.with({ retry: 'always' }).runScript(LOAD_SCRIPT, keys, args, { buffers: true });
  return Array.isArray(answer) ? (answer as Buffer[][]).map(fieldsOf) : undefined;
}

const ALL_ROWS = {
  from: Buffer.from(`${INDEX_LISTS.rows}\0`),
  to: Buffer.from(`${INDEX_LISTS.rows}\x01`),
};
