import { Hash } from './hash.js';
import { SortedSet } from './sorted-set.js';
import { Stream } from './stream.js';

/** What a key holds. */
export type StoredValue = string | Hash | Set<string> | string[] | SortedSet | Stream;

/** The types of values by their names in Redis. */
export interface ValueTypes {
  string: string;
  hash: Hash;
  set: Set<string>;
  list: string[];
  zset: SortedSet;
  stream: Stream;
}

export type TypeName = keyof ValueTypes;

/** Returns the name of a value's type, as TYPE replies it. */
export function typeOf(value: StoredValue): TypeName {
  if (typeof value === 'string') return 'string';
  if (value instanceof Map) return 'hash';
  if (value instanceof Set) return 'set';
  if (Array.isArray(value)) return 'list';
  return value instanceof SortedSet ? 'zset' : 'stream';
}

/** Creates an empty value of a type that has elements. */
export const EMPTY: { readonly [T in Exclude<TypeName, 'string'>]: () => ValueTypes[T] } = {
  hash: () => new Hash(),
  set: () => new Set(),
  list: () => [],
  zset: () => new SortedSet(),
  stream: () => new Stream(),
};

/** Returns how many elements a value has. */
export function sizeOf(value: StoredValue): number {
  return value instanceof Map || value instanceof Set ? value.size : value.length;
}

/** Returns a copy that shares nothing with the value. */
export function copyOf(value: StoredValue): StoredValue {
  if (typeof value === 'string') return value;
  if (value instanceof Map) return value.copy();
  if (value instanceof Set) return new Set(value);
  return Array.isArray(value) ? [...value] : value.copy();
}

/** Returns about how many bytes a value takes: those of its text, and 16 for each element. */
export function bytesOf(value: StoredValue): number {
  const texts = textsOf(value);
  return texts.reduce((sum, text) => sum + text.length + 16, 0);
}

function textsOf(value: StoredValue): readonly string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (Array.isArray(value)) return value;
  return value instanceof SortedSet
    ? value.entries.map(({ member }) => member)
    : value.entries.flatMap(({ fields }) => fields);
}
