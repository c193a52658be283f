import type { Stored } from '../codec/codec.js';
import type { FieldSchema } from '../schema/entity-schema.js';

/**
 * What a snapshot of a row holds for one field, to detect changes: an immutable value itself, else its stored form, so
 * that changes inside a Date, a Buffer or an object are detected too. Undefined if the field is absent.
 */
export type SnapshotValue = unknown;

/** The snapshot of a property that is not stored and has its class's default. */
export class DefaultSnapshot {
  constructor(readonly value: SnapshotValue) {}
}

/** The snapshot of a property that is stored under a former name, or in a former type. */
export class FormerSnapshot extends DefaultSnapshot {}

/** Returns whether a snapshot means no value: nothing or JSON null is stored, or text that a transformer maps to null. */
export function isNothing({ codec }: FieldSchema, known: SnapshotValue): boolean {
  if (known === undefined) return true;
  if (codec.immutable || known instanceof DefaultSnapshot) return false;
  return (codec.decode(known as Stored) ?? null) === null;
}

/** Returns whether a value equals the stored one: by its text, or if the texts differ, by their values. */
export function isUnchanged(
  { codec }: Pick<FieldSchema, 'codec'>,
  snapshot: SnapshotValue,
  value: unknown,
  encoded: Stored,
): boolean {
  if (codec.immutable || snapshot === undefined) return snapshot === value;
  const known = snapshot as Stored;
  if (typeof known === 'string' && typeof encoded === 'string' ? known === encoded : isEqual(known, encoded))
    return true;
  const before = codec.decode(known);
  return before !== null && before !== undefined && codec.isSame(before, value);
}

const isEqual = (a: Stored, b: Stored): boolean => bytesOf(a).equals(bytesOf(b));

const bytesOf = (stored: Stored): Buffer => (typeof stored === 'string' ? Buffer.from(stored) : stored);
