import type { Stored } from '../codec/codec.js';
import type { FieldSchema } from '../schema/entity-schema.js';

/**
 * What is known of a row's field, to notice changes: the value itself where it is immutable, else what is stored of
 * it, so that changes inside a Date, a Buffer or an object are noticed too; undefined where the field is absent.
 */
export type Mark = unknown;

/** The mark of a property that is not stored and has the default of its class. */
export class DefaultMark {
  constructor(readonly mark: Mark) {}
}

/** Whether a mark says that there is no value: none is stored, or JSON null, or what a transformer makes null of. */
export function isNothing({ codec }: FieldSchema, mark: Mark): boolean {
  if (mark === undefined) return true;
  if (codec.immutable || mark instanceof DefaultMark) return false;
  return (codec.decode(mark as Stored) ?? null) === null;
}

/** Whether a value is what is stored: by its text, and where that is another, by the value that it stands for. */
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
