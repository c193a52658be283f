import { ROW_FIELDS } from '../keys/stored-names.js';
import { collectionKey } from '../collections/collection-call.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { type EntityClient, nowOf } from '../common/entity-client.js';
import type { EntityKey } from '../keys/entity-key.js';
import { splitTag } from '../keys/outbox-key.js';
import type { Fields } from '../rows/row-reader.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { ELEMENT_TRANSFERS } from './collection-export.js';
import { EXPORT_FORMAT, type ExportLine, type RowLine, exported } from './export-format.js';
import type { PartitionContext } from './partition-context.js';
import { keysOfPartition } from './partition-keys.js';
import { rowKeys } from './row-list.js';

/** Options of `partition(key).export()`. */
export interface PartitionExportOptions {
  /** Ends the export early, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** How many rows are read at a time. */
const BATCH = 100;

/** Yields a partition as lines of JSON: a header, the rows with their collections, the owner's row last, an end. */
export async function* exportPartition(
  context: PartitionContext,
  tag: string,
  options: PartitionExportOptions = {},
): AsyncGenerator<string, void, undefined> {
  checkEntityOptions('partition.export()', options);
  for await (const line of linesOf(context, tag)) {
    options.signal?.throwIfAborted();
    yield JSON.stringify(line);
  }
}

async function* linesOf(context: PartitionContext, tag: string): AsyncGenerator<ExportLine> {
  const { primary } = context;
  const schemas = context.schemas.inPartition(tag);
  const [owner, partition] = splitTag(tag);
  const entities = schemas.map(({ name }) => name);
  yield { keyslot: 'partition', format: EXPORT_FORMAT, owner, partition, entities };
  let rows = 0;
  const inOrder = [
    ...schemas.filter((one) => one.partitionKey),
    ...schemas.filter((one) => !one.partitionKey),
  ];
  for (const schema of inOrder)
    for await (const keys of rowKeys(primary, schema, tag, BATCH))
      for (const [i, fields] of (await readRows(primary, keys)).entries()) {
        if (isGone(fields, nowOf(primary))) continue;
        rows++;
        yield rowLine(schema, keys[i], fields);
        yield* collectionLines(primary, schema, keys[i]);
      }
  const { unknown } = await keysOfPartition(context, tag);
  yield { end: { rows, unknown } };
}

async function readRows(client: EntityClient, keys: readonly EntityKey[]): Promise<Fields[]> {
  const pipeline = client.pipeline();
  for (const { row } of keys) pipeline.hgetallBuffer(row);
  return ((await pipeline.exec()) ?? []).map(([error, fields]) => {
    if (error) throw error;
    return fields as Fields;
  });
}

function isGone(fields: Fields, now: number): boolean {
  const expiresAt = Object.hasOwn(fields, ROW_FIELDS.expiresAt) ? fields[ROW_FIELDS.expiresAt] : undefined;
  return Object.keys(fields).length === 0 || Number(expiresAt ?? Infinity) <= now;
}

function rowLine({ name }: EntitySchema, { idText }: EntityKey, fields: Fields): RowLine {
  const text = (field: string): string | undefined =>
    Object.hasOwn(fields, field) ? fields[field].toString() : undefined;
  const expiresAt = text(ROW_FIELDS.expiresAt);
  const kept = Object.entries(fields).filter(([field]) => isExported(field));
  return {
    entity: name,
    id: idText,
    version: text(ROW_FIELDS.version),
    expiresAt: expiresAt === undefined ? undefined : Number(expiresAt),
    fields: Object.fromEntries(kept.map(([field, value]) => [field, exported(value as Buffer)])),
  };
}

/** Returns whether a field is part of an export. Others are derived from these when the row is imported. */
export const isExported = (field: string): boolean =>
  !field.startsWith('~') || field.startsWith(ROW_FIELDS.removed) || field.startsWith(ROW_FIELDS.converted);

async function* collectionLines(
  client: EntityClient,
  { name, collections }: EntitySchema,
  key: EntityKey,
): AsyncGenerator<ExportLine> {
  for (const collection of collections) {
    const { property, kind } = collection;
    for await (const page of ELEMENT_TRANSFERS[kind].read(client, collectionKey(key, collection)))
      if (page.length > 0)
        yield { entity: name, id: key.idText, collection: property, kind, elements: page.map(exported) };
  }
}
