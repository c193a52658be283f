import type { BatchResult } from '../../cluster/batch/batch-result.js';
import { notify, type Callback } from '../commands/call-arguments.js';

/** The callbacks that were passed with commands, by the place of the command. */
export type BatchCallbacks = ReadonlyMap<number, Callback>;

/** Calls each callback with the result of its command. */
export function notifyAll(callbacks: BatchCallbacks, results: readonly BatchResult[]): void {
  for (const [index, callback] of callbacks) notify(callback, ...results[index]);
}

/** Does the same, for replies with errors among them. */
export function notifyReplies(callbacks: BatchCallbacks, replies: readonly unknown[]): void {
  for (const [index, callback] of callbacks) {
    const reply = replies[index];
    if (reply instanceof Error) notify(callback, reply);
    else notify(callback, null, reply);
  }
}
