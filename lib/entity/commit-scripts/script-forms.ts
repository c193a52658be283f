import type { Script } from '../../cluster/scripts/script.js';
import type { CollectionCall } from '../collections/collection-call.js';
import { isCheck, isExpiry } from '../operations/operation-kinds.js';
import type { RowOperation } from '../operations/row-operation.js';

/**
 * The forms of a script, which differ in what servers demand before they run it: the first is refused by a server that
 * is full (`maxmemory`, noeviction), or has no replicas though it needs some; what frees memory runs on a full one, and
 * what only reads on both.
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

/** The form for operations. What is told of deletes, and remembered of them, is bounded, so they count as freeing. */
export function formFor(operations: readonly RowOperation[], hasEvents: boolean): keyof ScriptForms {
  if (hasEvents) return 'writing';
  if (operations.every(isCheck)) return 'reading';
  return operations.every((operation) => isCheck(operation) || isFreeing(operation)) ? 'freeing' : 'writing';
}

const isFreeing = (operation: RowOperation): boolean =>
  operation.mode === 'delete' || operation.mode === 'sweep' || isExpiry(operation);

/** The form for calls on a collection. */
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
