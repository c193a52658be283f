import { windowKeys } from '../keys/entity-key.js';
import { isCheck, isExpiry, isRemembered } from '../operations/operation-kinds.js';
import { type Outbox, outboxOf } from '../operations/outbox.js';
import type { RowOperation } from '../operations/row-operation.js';
import type { Retry } from '../scripts/script-caller.js';

/** From what allows the least. A batch is sent in one way, which suits all of it. */
export const RETRIES: readonly Retry[] = ['safe', 'told', 'always'];

/**
 * Whether a commit can be sent again. Checks do nothing, the partition's window remembers everything for a while, and
 * a single row recognises its last writes by their tokens, or knows that it has forgotten some. A deleted row has
 * none left, an increment leaves none, and of several rows each may have been written by others often enough to have
 * lost it: they need the window. An event leaves none either.
 */
export function retryOf(operations: readonly RowOperation[], outbox?: Outbox): Retry {
  if (isHarmless(operations, outbox) || windowOf(operations, outbox).length > 0) return 'always';
  return operations.length === 1 && isRemembered(operations[0]) ? 'told' : 'safe';
}

/** The keys of the token window, where one of the entities has one and there is something to remember. */
export function windowOf(operations: readonly RowOperation[], outbox?: Outbox): string[] {
  if (isHarmless(operations, outbox) || !operations.some(({ schema }) => schema.hasWindow)) return [];
  return windowKeys(operations[0].key.tag);
}

/** Whether twice is as good as once. */
const isHarmless = (operations: readonly RowOperation[], outbox?: Outbox): boolean =>
  operations.every((operation) => isCheck(operation) || isExpiry(operation)) && !outbox?.events.length;

/**
 * Where operations of one partition tell their changes, if any of them writes and any of their classes records them.
 */
export function outboxFor(operations: readonly RowOperation[]): Outbox | undefined {
  const writing = operations.filter((operation) => !isCheck(operation));
  const schemas = writing.map(({ schema }) => schema);
  return writing.length > 0 ? outboxOf(writing[0].key.tag, schemas) : undefined;
}
