import { windowKeys } from '../keys/entity-key.js';
import { isCheck, isExpiry, isRemembered } from '../operations/operation-kinds.js';
import { type Outbox, outboxOf } from '../operations/outbox.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { Retry } from '../scripts/script-caller.js';

/** The retry policies, the strictest first. A batch uses one policy, which must suit all of its operations. */
export const RETRIES: readonly Retry[] = ['safe', 'checked', 'always'];

/**
 * Returns whether a commit can be sent again after a lost reply. Checks write nothing, and the token window remembers
 * every commit for a minute. A single row recognizes its last writes by their tokens, or knows that it has forgotten
 * some. All others need the window: a deleted row has no tokens, increments and events leave none, and each row of a
 * commit may have been written often enough since to have lost its token.
 */
export function retryOf(operations: readonly RowOperation[], outbox?: Outbox): Retry {
  if (isHarmless(operations, outbox) || windowOf(operations, outbox).length > 0) return 'always';
  return operations.length === 1 && isRemembered(operations[0]) ? 'checked' : 'safe';
}

/** Returns the keys of the token window, if an entity has one and there is something to remember; else none. */
export function windowOf(operations: readonly RowOperation[], outbox?: Outbox): string[] {
  if (isHarmless(operations, outbox) || !operations.some(({ schema }) => schema.hasWindow)) return [];
  return windowKeys(operations[0].key.tag);
}

/** Returns whether repeating the commit is harmless. */
const isHarmless = (operations: readonly RowOperation[], outbox?: Outbox): boolean =>
  operations.every((operation) => isCheck(operation) || isExpiry(operation)) && !outbox?.events.length;

/**
 * Returns the outbox for operations of one partition, if any of them writes and any of their classes records changes.
 */
export function outboxFor(operations: readonly RowOperation[]): Outbox | undefined {
  const writing = operations.filter((operation) => !isCheck(operation));
  const schemas = writing.map(({ schema }) => schema);
  return writing.length > 0 ? outboxOf(writing[0].key.tag, schemas) : undefined;
}
