import { suggestionFor } from '../../cluster/common/check-option-names.js';

/** How the changes of an entity class are recorded. */
export interface ChangesSchema {
  /** The approximate number of changes that the outbox of a slot keeps. */
  readonly maxLength: number;
}
const KNOWN = ['maxLength'];

/** How many changes the outbox of a slot keeps, unless the entity says otherwise. */
export const OUTBOX_LENGTH = 1000;
/** What `@ClusterEntity({ changes })` means; what is wrong in it is reported to `fault`. */
export function buildChanges(given: unknown, fault: (what: string) => void): ChangesSchema | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return { maxLength: OUTBOX_LENGTH };
  const { maxLength, ...others } = Object(given) as { maxLength?: unknown };
  const [unknown] = typeof given === 'object' ? Object.keys(others) : [];
  if (unknown !== undefined)
    fault(
      `has the unknown option ${unknown} of changes${suggestionFor(unknown, KNOWN)}; known are ${KNOWN.join(', ')}`,
    );
  if (Number.isSafeInteger(maxLength) && (maxLength as number) >= 1)
    return { maxLength: maxLength as number };
  fault('has the option changes, which is true, or { maxLength } with a whole number from 1');
  return undefined;
}
