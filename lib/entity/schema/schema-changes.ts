import { durationMs } from '../common/duration.js';
import { suggestionFor } from '../../cluster/common/check-option-names.js';

/** How the changes of an entity class are recorded. */
export interface ChangesSchema {
  /** The approximate number of changes that the outbox of a slot keeps. */
  readonly maxLength: number;
  /** Whether changes have the old and new values of properties. */
  readonly values: boolean;
}
const KNOWN = ['maxLength', 'values'];

/** How many changes the outbox of a slot keeps, unless the entity says otherwise. */
export const OUTBOX_LENGTH = 1000;

/** What `@ClusterEntity({ changes })` means; what is wrong in it is reported to `fault`. */
export function buildChanges(given: unknown, fault: (what: string) => void): ChangesSchema | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return { maxLength: OUTBOX_LENGTH, values: false };
  const options = Object(given) as { maxLength?: unknown; values?: unknown };
  const unknown =
    typeof given === 'object' ? Object.keys(options).find((name) => !KNOWN.includes(name)) : undefined;
  if (unknown !== undefined)
    fault(
      `has the unknown option ${unknown} of changes${suggestionFor(unknown, KNOWN)}; known are ${KNOWN.join(', ')}`,
    );
  const { maxLength = OUTBOX_LENGTH, values = false } = options;
  const isObject = typeof given === 'object' && given !== null;
  if (isObject && isLength(maxLength) && typeof values === 'boolean') return { maxLength, values };
  fault(
    'has the option changes, which is true, or { maxLength, values } with a whole number from 1, and true or false',
  );
  return undefined;
}

const isLength = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

/** Returns a time to live in milliseconds, and reports faults to `fault`. */
export function buildTtl(
  given: number | string | undefined,
  fault: (what: string) => void,
): number | undefined {
  if (given === undefined) return undefined;
  const ms = durationMs(given);
  if (ms === undefined)
    fault(`has the ttl ${JSON.stringify(given)}: milliseconds, or '90s', '15m', '12h', '30d'`);
  return ms;
}

/**
 * What `@ClusterEntity({ cache })` means: how old a row from the cache may be, in ms. What is wrong in it is reported to
 * `fault`.
 */
export function buildCache(
  given: unknown,
  hasCollections: boolean,
  fault: (what: string) => void,
): number | undefined {
  if (given === undefined || given === false) return undefined;
  if (hasCollections)
    fault('has the option cache and collections, which are keys of their own. Leave one of them out');
  if (given === true) return Infinity;
  const options = Object(given) as { maxAgeMs?: unknown };
  const { maxAgeMs } = options;
  if (
    Object.keys(options).join() === 'maxAgeMs' &&
    Number.isSafeInteger(maxAgeMs) &&
    (maxAgeMs as number) >= 1
  )
    return maxAgeMs as number;
  fault('has the option cache, which is true, or { maxAgeMs } with a whole number of milliseconds from 1');
  return undefined;
}
