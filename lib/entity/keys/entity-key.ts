import { KEY_SUFFIXES, TAG_PREFIXES } from './stored-names.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkAwaited } from '../common/argument-checks.js';
import type { EntityId } from '../decorators/shape.js';
import type { EntitySchema, KeyType, KeyProperty } from '../schema/entity-schema.js';
import { givenValue, isPlain } from '../common/given-value.js';
import { isWellFormed, whatFits } from '../codec/codec.js';

/** The key of a row: its values, and the Redis keys made of them. */
export interface EntityKey {
  readonly id: EntityId;
  /** Absent if the row is a partition of its own. */
  readonly partition?: EntityId;
  /** The id as it appears in keys. */
  readonly idText: string;
  /** The hash tag that begins all keys of the partition and decides their slot: `{Order:42}`. */
  readonly tag: string;
  /** The key of the row's hash: `{Order:42}:OrderItem:7`. */
  readonly row: string;
}

/** The maximum length of an id in a key, in bytes. */
export const MAX_ID_BYTES = 512;

/**
 * Returns the key of an entity from a caller's value: a bare id if the key is one property, or an object.
 *
 * @throws InvalidArgumentError
 */
export function entityKey(schema: EntitySchema, given: unknown): EntityKey {
  const { primaryKey, partitionKey } = schema;
  if (typeof given === 'object' && given !== null) {
    checkAwaited('key', given);
    const part = ({ property }: KeyProperty): unknown => {
      const value = givenValue(given, property);
      if (value !== undefined && value !== null) return value;
      const missing = `${schema.name}.${property} is missing (${value})`;
      throw new InvalidArgumentError(property, `${missing}. ${keyForm(schema)}`);
    };
    const partition = partitionKey && part(partitionKey);
    const id = part(primaryKey);
    checkNoMore(schema, given);
    return keyFrom(schema, id, partition);
  }
  if (partitionKey)
    throw new InvalidArgumentError(partitionKey.property, `${keyForm(schema)}, got ${describeKind(given)}`);
  return keyFrom(schema, given);
}

/**
 * @throws InvalidArgumentError where a literal has more than the key, such as a condition, which would be passed over.
 * An entity can stand for its own key.
 */
function checkNoMore(schema: EntitySchema, given: object): void {
  const { primaryKey, partitionKey, name } = schema;
  const names = Object.keys(given);
  if (names.length <= (partitionKey ? 2 : 1) || !isPlain(given)) return;
  const stray = names.find((one) => one !== primaryKey.property && one !== partitionKey?.property);
  throw new InvalidArgumentError(
    stray!,
    `${name}.${stray} is not part of the key, so it would be ignored. ${keyForm(schema)}`,
  );
}

function keyForm({ name, partitionKey, primaryKey: { property } }: EntitySchema): string {
  return partitionKey
    ? `The key of ${name} is an object { ${partitionKey.property}, ${property} }`
    : `The key of ${name} is its ${property}, or an object { ${property} }`;
}

/** Returns the key of an entity object. */
export function keyOfEntity(schema: EntitySchema, entity: object): EntityKey {
  const { primaryKey, partitionKey } = schema;
  return keyFrom(
    schema,
    Reflect.get(entity, primaryKey.property),
    partitionKey && Reflect.get(entity, partitionKey.property),
  );
}

/** Returns the key of a row in a partition from the text of its id in an index. */
export const entityKeyIn = (schema: EntitySchema, tag: string, idText: string): EntityKey =>
  keysIn(schema, tag)(idText);

/** Returns what makes the keys of rows in a partition from the texts of their ids in an index. */
export function keysIn(schema: EntitySchema, tag: string): (idText: string) => EntityKey {
  const { name, partitionName, primaryKey, partitionKey } = schema;
  const partition = partitionKey && idFromText(partitionKey, tag.slice(partitionName.length + 2, -1));
  const beginning = `${tag}:${name}:`;
  return (idText) => ({
    id: idFromText(primaryKey, idText),
    partition,
    idText,
    tag,
    row: beginning + idText,
  });
}

/** Returns the key of a row from its Redis key; undefined if no entity of the schema can have it. */
export function entityKeyOfRow(schema: EntitySchema, row: string): EntityKey | undefined {
  const [tag, idText] = row.split(`:${schema.name}:`, 2);
  try {
    const { id, partition } = entityKeyIn(schema, tag, idText);
    const key = keyFrom(schema, id, partition);
    return key.row === row ? key : undefined;
  } catch {
    return undefined; // another program wrote an id that is not valid here
  }
}

/** Parses an id. Returns the text itself if another program wrote an invalid id, which no row of ours has. */
function idFromText(key: KeyProperty, text: string): EntityId {
  try {
    const id = text.includes('%') ? decodeURIComponent(text) : text;
    return ID_READERS[key.type](id) ?? text;
  } catch {
    return text;
  }
}

/** The keys of a partition's index and unique values of one entity: `{Order:42}:OrderItem~ix` and `~uq`. */
export const indexKey = ({ name }: EntitySchema, tag: string): string =>
  `${tag}:${name}${KEY_SUFFIXES.index}`;
export const uniqueKey = ({ name }: EntitySchema, tag: string): string =>
  `${tag}:${name}${KEY_SUFFIXES.unique}`;

/** The keys of a partition's token window: the times `{Order:42}~op`, and the answers `{Order:42}~oa`. */
export const windowKeys = (tag: string): [times: string, answers: string] => [
  tag + KEY_SUFFIXES.windowTimes,
  tag + KEY_SUFFIXES.windowAnswers,
];

/** The key of a partition's fences: the dead tokens of writes of global indexes and unique constraints. */
export const fencesKey = (tag: string): string => tag + KEY_SUFFIXES.fences;

/** The key of one of a partition's locks: `{Order:42}~lk:lock`. */
export const lockKey = (tag: string, name: string): string => tag + KEY_SUFFIXES.lock + name;

/**
 * The key of an entity's schema record: how its rows are stored, and which of its indexes are being built.
 */
export const recordKey = ({ name }: EntitySchema): string => `{${TAG_PREFIXES.record}${name}}`;

/** Returns the hash tag of a partition from its id. */
export function partitionTag(schema: EntitySchema, given: unknown): string {
  return tagOf(schema, readId(schema, schema.partitionKey ?? schema.primaryKey, given).text);
}

function keyFrom(schema: EntitySchema, givenId: unknown, givenPartition?: unknown): EntityKey {
  const { value: id, text } = readId(schema, schema.primaryKey, givenId);
  const partition = schema.partitionKey && readId(schema, schema.partitionKey, givenPartition);
  const tag = tagOf(schema, partition ? partition.text : text);
  return { id, partition: partition?.value, idText: text, tag, row: `${tag}:${schema.name}:${text}` };
}

// The client's `keyPrefix` precedes the tag, and contains no braces.
const tagOf = (schema: EntitySchema, partitionText: string): string =>
  `{${schema.partitionName}:${partitionText}}`;

/** Returns an id in the type of its property, and its text in the key. */
function readId(schema: EntitySchema, key: KeyProperty, given: unknown): { value: EntityId; text: string } {
  const value = ID_READERS[key.type](given);
  const text = value === undefined ? '' : escapeId(String(value));
  const misfit = misfitOf(key, given, value, text);
  if (misfit !== undefined)
    throw new InvalidArgumentError(key.property, `${schema.name}.${key.property} ${misfit}`);
  return { value: value!, text };
}

/** Returns what is wrong with an id, which was read as a value and a text. */
function misfitOf(
  { type }: KeyProperty,
  given: unknown,
  value: EntityId | undefined,
  text: string,
): string | undefined {
  if (given === undefined || given === null) return `is missing (${given}); it must be ${ID_EXPECTS[type]}`;
  if (value === undefined) return `must be ${whatFits(ID_EXPECTS[type], given)}`;
  if (text === '') return 'must not be empty';
  if (text.length * 3 > MAX_ID_BYTES && Buffer.byteLength(text) > MAX_ID_BYTES)
    return `takes more than ${MAX_ID_BYTES} bytes in the key`;
  return undefined;
}

const ID_EXPECTS: Record<KeyType, string> = {
  string: 'a string',
  number: 'a safe integer',
  bigint: 'a bigint',
};

// One id has one text in all types: 42, 42n and '42' name the same row. '042' is not a valid number.
const ID_READERS: Record<KeyType, (given: unknown) => EntityId | undefined> = {
  string(given) {
    if (typeof given === 'string') return isWellFormed(given) ? given : undefined;
    return typeof given === 'bigint' || Number.isSafeInteger(given) ? String(given) : undefined;
  },
  number(given) {
    if (typeof given === 'number') return Number.isSafeInteger(given) ? given + 0 : undefined;
    const value = isWholeNumber(given) ? Number(given) : undefined;
    return Number.isSafeInteger(value) ? value : undefined;
  },
  bigint: (given) =>
    isWholeNumber(given) || Number.isSafeInteger(given) ? BigInt(given as EntityId) : undefined,
};

const isWholeNumber = (given: unknown): given is string | bigint =>
  typeof given === 'bigint' || (typeof given === 'string' && /^(0|-?[1-9]\d*)$/.test(given));

// `{ }` would change the slot, `: ~` separate the parts of a key, `%` begins an escape, and control characters are
// invisible in logs.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[{}:%~\x00-\x1f\x7f-\x9f]/;
const EACH_UNSAFE = new RegExp(UNSAFE, 'g');

/** Returns an id as it appears in keys. */
export function escapeId(id: string): string {
  return UNSAFE.test(id) ? id.replace(EACH_UNSAFE, percentEncode) : id;
}

// encodeURIComponent does not escape `~`.
const percentEncode = (character: string): string =>
  character === '~' ? '%7E' : encodeURIComponent(character);
/** Returns a key in the form that callers pass. */
export function givenKey({ primaryKey, partitionKey }: EntitySchema, { id, partition }: EntityKey): unknown {
  return partitionKey ? { [partitionKey.property]: partition, [primaryKey.property]: id } : id;
}
