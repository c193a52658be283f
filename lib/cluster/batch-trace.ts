import type { KeyslotContext } from './diagnostics/contexts.js';
import { errorCodeOf, outcomeOf } from './diagnostics/traced.js';
import type { BatchEntry } from './batch/sent-batch.js';
import type { BatchResult } from './batch/batch-result.js';
import { keysOf } from './command/resolved-call.js';

/** Names of commands that a context lists. */
const MAX_COMMANDS = 16;

/** What a context says of the commands of a batch. */
export interface BatchFields {
  readonly batchSize: number;
  readonly commands: readonly string[];
  readonly keys: readonly string[] | undefined;
}

/** Describes the commands of a batch. @param showKeys whether their keys may be shown */
export function batchFields(entries: readonly BatchEntry[], showKeys: boolean): BatchFields {
  const commands = new Set<string>();
  for (const { call } of entries) {
    if (commands.size === MAX_COMMANDS) break;
    commands.add(call.row.name.toUpperCase());
  }
  const keys = showKeys ? entries.flatMap(({ call }) => keysOf(call)) : undefined;
  return { batchSize: entries.length, commands: [...commands], keys };
}

/** Records how many commands of a batch failed, and the first error. */
export function noteFailures(
  context: KeyslotContext & { failed?: number },
  errors: Iterable<Error | null>,
): void {
  context.failed ??= 0;
  for (const error of errors) if (error !== null) noteFailure(context, error);
}

/** Records one command that failed. The code is that of the first; an unknown outcome outweighs others. */
export function noteFailure(context: KeyslotContext & { failed?: number }, error: Error): void {
  context.failed = (context.failed ?? 0) + 1;
  if (context.outcome !== 'unknown') context.outcome = outcomeOf(error);
  context.errorCode ??= errorCodeOf(error);
}

/** Returns the errors of results. */
export const errorsOf = (results: readonly BatchResult[]): (Error | null)[] =>
  results.map(([error]) => error);

/** Returns the errors among replies. */
export const errorsAmong = (replies: readonly unknown[]): (Error | null)[] =>
  replies.map((reply) => (reply instanceof Error ? reply : null));
