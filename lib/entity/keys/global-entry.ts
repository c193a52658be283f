import { BUCKET_SUFFIXES, TAG_PREFIXES } from './stored-names.js';
import { createHash } from 'node:crypto';
import { type EntityKey, entityKeyIn } from './entity-key.js';
import { INDEX_BUCKETS, EntitySchema, type GlobalIndexSchema } from '../schema/entity-schema.js';
import { TOKEN_LENGTH } from '../scripts/operation-token.js';

/** How many keys hold the entries of one global unique constraint. Lookups are by value, so there can be many. */
export const UNIQUE_BUCKETS = 256;

/** The entry of a row in a global index or unique constraint. */
export interface GlobalEntry {
  readonly schema: EntitySchema;
  readonly index: GlobalIndexSchema;
  readonly key: EntityKey;
  /** The encodings of the index's fields, separated by zero bytes. */
  readonly encodings: string;
}

/** Returns the name of a row in an entry: its id, or `partition:id` in a larger partition, as in keys. */
export function referenceOf({ idText, tag, partition }: EntityKey): string {
  return partition === undefined ? idText : `${tag.slice(tag.indexOf(':') + 1, -1)}:${idText}`;
}

/** Returns the key of a row from its name in an entry. */
export function keyOfReference(schema: EntitySchema, reference: string): EntityKey {
  const [partitionText, idText = partitionText] = reference.split(':');
  return entityKeyIn(schema, `{${schema.partitionName}:${partitionText}}`, idText);
}

/** Returns the key that holds an entry, such as `{~g:User:email:a3}:uq` or `{~g:Order:customer:b}:ix`. */
export function bucketOf({ index, key, encodings }: GlobalEntry): string {
  if (index.kind === 'unique') return uniqueBucketOf(index, encodings);
  return bucketKey(index, firstBucket(encodings) + (hash(referenceOf(key)) % index.buckets));
}

/** Returns the key that holds an entry of a unique constraint. */
export const uniqueBucketOf = (index: GlobalIndexSchema, encodings: string): string =>
  bucketKey(index, hash(encodings) % UNIQUE_BUCKETS);

/** Returns the keys that can hold entries with this encoding of the first field; without it, all keys of the index. */
export function bucketsOf(index: GlobalIndexSchema, first?: string): string[] {
  const from = first === undefined ? 0 : firstBucket(first);
  const count = first === undefined ? bucketCount(index) : index.buckets;
  return Array.from({ length: count }, (_, i) => bucketKey(index, from + i));
}

/** Returns the member of an index for a row, with the token of the write that added it. */
export const memberOf = ({ key, encodings }: GlobalEntry, token: string): string =>
  `${encodings}\0${referenceOf(key)}\0${token}`;

/** Returns the row's name in a record of a unique constraint. It follows a token and a time of 16 digits. */
export const referenceInRecord = (record: string): string => record.slice(TOKEN_LENGTH + 16);
export const tokenInRecord = (record: string): string => record.slice(0, TOKEN_LENGTH);

const bucketCount = ({ kind }: GlobalIndexSchema): number =>
  kind === 'unique' ? UNIQUE_BUCKETS : INDEX_BUCKETS;

const firstBucket = (encodings: string): number => hash(encodings.split('\0', 1)[0]);

function bucketKey(index: GlobalIndexSchema, number: number): string {
  const count = bucketCount(index);
  const digits = (count - 1).toString(16).length;
  const bucket = (number % count).toString(16).padStart(digits, '0');
  return `{${TAG_PREFIXES.global}${index.entity}:${index.name}:${bucket}}${BUCKET_SUFFIXES[index.kind]}`;
}

/** The first byte of a SHA-1. */
const hash = (text: string): number => createHash('sha1').update(text).digest()[0];
