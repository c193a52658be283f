import type { CallTrace } from './diagnostics/call-trace.js';
import type { KeyslotContext } from './diagnostics/contexts.js';
import { errorCodeOf, outcomeOf } from './diagnostics/traced.js';
import type { BatchEntry, BatchResult, BatchedCommand } from './command/batch.js';
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

/** Makes a trace follow the commands of a batch. */
export function followAll(commands: readonly BatchedCommand[], trace: CallTrace): void {
  // they have the policy of their pipeline in common, mostly
  let followed = commands[0]?.policy;
  let given = followed;
  for (const command of commands) {
    if (command.policy !== given || followed === given) {
      given = command.policy;
      followed = { ...given, trace };
    }
    command.policy = followed;
  }
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
