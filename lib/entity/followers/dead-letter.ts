import { DEAD_LETTER_FIELDS } from '../keys/stored-names.js';
import { SchemaError } from '../common/entity-errors.js';
import type { EntityChange } from '../changes/entity-change.js';
import { type FollowedClasses, type OutboxEntry, changeFrom, timeOf } from '../changes/outbox-entry.js';

/** A change that a group of followers put aside, because every attempt to handle it failed. */
export interface DeadLetter<C = Omit<EntityChange, 'cursor'>> {
  /** Identifies it in the group. */
  readonly id: string;
  readonly change: C;
  /** How often it was handled. */
  readonly attempts: number;
  /** The name and message of the last error. */
  readonly error: string;
  /** When it was put aside. */
  readonly failedAt: Date;
}

const LONGEST_ERROR = 1_000;

/** Returns an error as it is stored. */
export const errorText = (error: unknown): string =>
  (error instanceof Error
    ? `${error.name}: ${error.message}`
    : `a value that is not an Error, of type ${typeof error}`
  ).slice(0, LONGEST_ERROR);

/** Returns the fields of a change to put aside. */
export const deadLetterFields = (
  entry: OutboxEntry,
  attempts: number,
  error: unknown,
): (string | Buffer)[] => [
  ...[DEAD_LETTER_FIELDS.entry, entry.id],
  ...[DEAD_LETTER_FIELDS.attempts, String(attempts)],
  ...[DEAD_LETTER_FIELDS.error, errorText(error)],
  ...entry.fields,
];

/**
 * Decodes a change that was put aside. Returns undefined for a class that is not followed.
 *
 * @throws SchemaError if this version of the classes cannot decode it.
 */
export function deadLetterFrom(classes: FollowedClasses, stored: OutboxEntry): DeadLetter | undefined {
  const [, entryId, , attempts, , error] = stored.fields.map(String);
  const entry = { ...stored, id: entryId, fields: stored.fields.slice(6) };
  const id = `${stored.slot}:${stored.id}`;
  let change;
  try {
    change = changeFrom(classes, entry);
  } catch {
    throw new SchemaError([
      `The change that was put aside as ${id} cannot be decoded with these classes as they are now; handle it with the ` +
        'version that wrote it, or discard it by this id',
    ]);
  }
  if (!change) return undefined;
  return { id, change, attempts: Number(attempts), error, failedAt: new Date(timeOf(stored.id)) };
}
