import { COMMIT_SCRIPTS, ROW_SCRIPTS } from '../commit-scripts/commit-scripts.js';
import { formFor } from '../commit-scripts/script-forms.js';
import { commitScriptArguments, isSingleRow, rowScriptArguments } from '../operations/commit-arguments.js';
import type { CommitExtras, RowOperation } from '../operations/row-operation.js';
import type { ScriptCall } from '../scripts/script-caller.js';
import { outboxFor, windowOf } from './commit-policy.js';
import { shortCall } from './short-calls.js';

/** Returns the call of the script that makes a commit, with the shortest arguments that it can have. */
export function commitCall(
  operations: readonly RowOperation[],
  token: string,
  extras: CommitExtras = {},
): ScriptCall {
  const { queries = [], fence, step } = extras;
  const isAlone = operations.length === 1 && queries.length === 0 && !fence && !step;
  const short = isAlone && !extras.outbox ? shortCall(operations[0], token) : undefined;
  if (short) return short;
  const { outbox = outboxFor(operations) } = extras;
  const window = windowOf(operations, outbox);
  const form = formFor(operations, (outbox?.events.length ?? 0) > 0);
  return isAlone && window.length === 0 && isSingleRow(operations[0])
    ? { script: ROW_SCRIPTS[form], ...rowScriptArguments(operations[0], token) }
    : {
        script: COMMIT_SCRIPTS[form],
        ...commitScriptArguments(operations, token, { queries, window, fence, outbox, step }),
      };
}
