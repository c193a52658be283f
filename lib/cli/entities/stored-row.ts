import { ROW_FIELDS } from '../../entity/keys/stored-names.js';
import type { ClusterClient } from '../../client/cluster-client.js';
import type { RowKey } from './row-key.js';
import type { StoredEntity } from './stored-entity.js';
import { readProperty, type StoredProperty } from './stored-value.js';

/** A collection of a row. */
export interface StoredCollection {
  readonly name: string;
  /** `set`, `list`, `sorted set`, `hash`, `stream`. */
  readonly kind: string;
  readonly size: number;
}

/** A row, as it is stored. */
export interface StoredRow {
  readonly version: string | null;
  readonly expiresAt: Date | undefined;
  readonly properties: readonly StoredProperty[];
  readonly collections: readonly StoredCollection[];
}

const COLLECTION = 'collection ';

/** How the elements of each type of key are counted. */
const COUNTS: Readonly<Record<string, string>> = {
  set: 'SCARD',
  list: 'LLEN',
  zset: 'ZCARD',
  hash: 'HLEN',
  stream: 'XLEN',
};

/** Reads a row; undefined if there is none. */
export async function readRow(
  client: ClusterClient,
  { definition }: StoredEntity,
  { key }: RowKey,
): Promise<StoredRow | undefined> {
  const fields = await client.hgetallBuffer(key);
  if (Object.keys(fields).length === 0) return undefined;
  const field = (name: string): Buffer | undefined =>
    Object.hasOwn(fields, name) ? fields[name] : undefined;
  const forms = Object.entries(definition.properties);
  const declared = forms.filter(([, form]) => !form.startsWith('key ') && !form.startsWith(COLLECTION));
  const others = Object.keys(fields).filter(
    (name) => !name.startsWith('~') && !Object.hasOwn(definition.properties, name),
  );
  const expiry = field(ROW_FIELDS.expiresAt);
  return {
    version: field(ROW_FIELDS.version)?.toString() ?? null,
    expiresAt: expiry && new Date(Number(expiry)),
    properties: [
      ...declared.map(([name, form]) => readProperty(name, form, field(name))),
      ...others.map((name) => readProperty(name, 'unknown', field(name))),
    ],
    collections: await Promise.all(
      forms
        .filter(([, form]) => form.startsWith(COLLECTION))
        .map(async ([name, form]) => ({
          name,
          kind: form.slice(COLLECTION.length),
          size: await sizeOf(client, `${key}:${name}`),
        })),
    ),
  };
}

async function sizeOf(client: ClusterClient, key: string): Promise<number> {
  const count = COUNTS[await client.type(key)];
  return count === undefined ? 0 : Number(await client.call(count, key));
}
