import type { Script } from '../../cluster/scripts/script.js';
import type { CollectionCall } from '../collections/collection-call.js';
import { isCheck, isExpiry } from '../operations/operation-kinds.js';
import type { RowOperation } from '../operations/row-operation.js';

/**
 * The forms of a script. They differ in when a server refuses to run them. A server that is out of memory (`maxmemory`,
 * noeviction) refuses the writing form; a server without the replicas that it requires refuses the writing and the
 * freeing form.
 */
export interface ScriptForms {
  readonly writing: Script;
  readonly freeing: Script;
  readonly reading: Script;
}

export const formsOf = (script: Script): ScriptForms => ({
  writing: script,
  freeing: script.freeing(),
  reading: script.reading(),
});

/**
 * Returns the form for operations. Deletes count as freeing although they append to the outbox and the token window:
 * both are bounded.
 */
export function formFor(operations: readonly RowOperation[], hasEvents: boolean): keyof ScriptForms {
  if (hasEvents) return 'writing';
  if (operations.every(isCheck)) return 'reading';
  return operations.every((operation) => isCheck(operation) || isFreeing(operation)) ? 'freeing' : 'writing';
}

const isFreeing = (operation: RowOperation): boolean =>
  operation.mode === 'delete' || operation.mode === 'sweep' || isExpiry(operation);

/** Returns the form for calls on a collection. */
export const formForCalls = (calls: readonly CollectionCall[]): keyof ScriptForms =>
  calls.every(({ command }) => REMOVING.has(command)) ? 'freeing' : 'writing';

const REMOVING: ReadonlySet<string> = new Set([
  'UNLINK',
  'SREM',
  'SPOP',
  'HDEL',
  'LPOP',
  'RPOP',
  'LREM',
  'LTRIM',
  'ZREM',
  'ZREMRANGEBYSCORE',
  'ZREMRANGEBYRANK',
  'XDEL',
  'XTRIM',
]);
