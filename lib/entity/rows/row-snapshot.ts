import type { Stored } from '../codec/codec.js';
import type { FieldSchema } from '../schema/entity-schema.js';

/**
 * What is known of a row's field, to detect changes: an immutable value itself, else its stored form, so that changes
 * inside a Date, a Buffer or an object are detected too. Undefined if the field is absent.
 */
export type Mark = unknown;

/** The mark of a property that is not stored and has its class's default. */
export class DefaultMark {
  constructor(readonly mark: Mark) {}
}

/** Returns whether a mark means no value: nothing is stored, or JSON null, or text that a transformer maps to null. */
export function isNothing({ codec }: FieldSchema, mark: Mark): boolean {
  if (mark === undefined) return true;
  if (codec.immutable || mark instanceof DefaultMark) return false;
  return (codec.decode(mark as Stored) ?? null) === null;
}

/** Returns whether a value equals the stored one: by its text, or if the texts differ, by their values. */
export function isUnchanged(
  { codec }: Pick<FieldSchema, 'codec'>,
  mark: Mark,
  value: unknown,
  encoded: Stored,
): boolean {
  if (codec.immutable || mark === undefined) return mark === value;
  const known = mark as Stored;
  if (typeof known === 'string' && typeof encoded === 'string' ? known === encoded : isEqual(known, encoded))
    return true;
  const before = codec.decode(known);
  return before !== null && before !== undefined && codec.isSame(before, value);
}

const isEqual = (a: Stored, b: Stored): boolean => bytesOf(a).equals(bytesOf(b));

const bytesOf = (stored: Stored): Buffer => (typeof stored === 'string' ? Buffer.from(stored) : stored);
