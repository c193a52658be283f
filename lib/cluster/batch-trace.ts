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
  results: readonly BatchResult[],
): void {
  const errors = results.map(([error]) => error).filter((error) => error !== null);
  context.failed = errors.length;
  if (errors.length === 0) return;
  context.outcome = outcomeOf(errors.find((error) => outcomeOf(error) === 'unknown') ?? errors[0]);
  context.errorCode = errorCodeOf(errors[0]);
}
