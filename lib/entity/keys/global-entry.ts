import { BUCKET_SUFFIXES, TAG_PREFIXES } from './stored-names.js';
import { createHash } from 'node:crypto';
import { type EntityKey, entityKeyIn } from './entity-key.js';
import { INDEX_BUCKETS, EntitySchema, type GlobalIndexSchema } from '../schema/entity-schema.js';
import { TOKEN_LENGTH } from '../scripts/operation-token.js';

/** Keys that the entries of one global unique are spread over: each is looked up by its value, so there may be many. */
export const UNIQUE_BUCKETS = 256;

/** What a row has, or is to have, in a global index or unique. */
export interface GlobalEntry {
  readonly schema: EntitySchema;
  readonly index: GlobalIndexSchema;
  readonly key: EntityKey;
  /** The encodings of the index's fields, with a zero byte between. */
  readonly encodings: string;
}

/** How an entry names a row: by its id, in a larger partition `partition:id`, as they stand in keys. */
export function referenceOf({ idText, tag, partition }: EntityKey): string {
  return partition === undefined ? idText : `${tag.slice(tag.indexOf(':') + 1, -1)}:${idText}`;
}

/** The key of a row from how an entry names it. */
export function keyOfReference(schema: EntitySchema, reference: string): EntityKey {
  const [partitionText, idText = partitionText] = reference.split(':');
  return entityKeyIn(schema, `{${schema.partitionName}:${partitionText}}`, idText);
}

/** The key that has an entry: `{~g:User:email:a3}:uq` of a unique, `{~g:Order:customer:b}:ix` of an index. */
export function bucketOf({ index, key, encodings }: GlobalEntry): string {
  if (index.kind === 'unique') return uniqueBucketOf(index, encodings);
  return bucketKey(index, firstBucket(encodings) + (hash(referenceOf(key)) % index.buckets));
}

/** The key that has an entry of a unique. */
export const uniqueBucketOf = (index: GlobalIndexSchema, encodings: string): string =>
  bucketKey(index, hash(encodings) % UNIQUE_BUCKETS);

/** The keys that may have entries with these encodings of the first field; all of the index where none is given. */
export function bucketsOf(index: GlobalIndexSchema, first?: string): string[] {
  const from = first === undefined ? 0 : firstBucket(first);
  const count = first === undefined ? bucketCount(index) : index.buckets;
  return Array.from({ length: count }, (_, i) => bucketKey(index, from + i));
}

/** The members that an index has for a row, each with the token of the write that put it there. */
export const memberOf = ({ key, encodings }: GlobalEntry, token: string): string =>
  `${encodings}\0${referenceOf(key)}\0${token}`;

/** How a record of a unique names the row: behind a token and a time of 16 digits. */
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
