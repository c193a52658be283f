import { ReplyError } from '../cluster/errors.js';
import type { Script } from '../cluster/script.js';
import { type CommitFault, type FaultCode, faultError } from './commit-faults.js';
import { COMMIT_SCRIPT } from './commit-script.js';
import type { EntityClient, ScriptRunner } from './entity-client.js';
import { UnsupportedServerFeatureError } from './entity-errors.js';
import { INCREMENT_SCRIPT } from './increment-script.js';
import { operationToken } from './operation-token.js';
import type { Stored } from './row-mapper.js';
import {
  type RowOperation,
  commitScriptArguments,
  isSingleRow,
  rowScriptArguments,
} from './row-operation.js';
import { ROW_SCRIPT } from './row-script.js';
import type { WriteOptions } from './write-options.js';

type Retry = 'safe' | 'always';

/** A commit that was made. */
export interface Committed {
  readonly fault?: undefined;
  /** The versions of the rows, one an operation; undefined where there was no row. */
  readonly versions: readonly (number | undefined)[];
}

/** Sends row operations to the server: all of them are applied, or none. */
export class Committer {
  // Made once: most calls have no options of their own.
  private readonly runners: Record<Retry, ScriptRunner>;

  constructor(private readonly client: EntityClient) {
    this.runners = { safe: client.with({ retry: 'safe' }), always: client.with({ retry: 'always' }) };
  }

  /**
   * Commits one operation.
   *
   * @returns the version of the row, of a deleted one its last; undefined where there was no row.
   * @throws the error that belongs to the fault, where it is refused.
   */
  async commit(operation: RowOperation, options?: WriteOptions): Promise<number | undefined> {
    const outcome = await this.attempt([operation], options);
    if (outcome.fault) throw faultError(outcome);
    return outcome.versions[0];
  }

  /** Commits operations of one partition; a refusal is an outcome. */
  async attempt(
    operations: readonly RowOperation[],
    options: WriteOptions = {},
  ): Promise<Committed | CommitFault> {
    const token = operationToken(options.opId);
    const { script, keys, args } =
      operations.length === 1 && isSingleRow(operations[0])
        ? { script: ROW_SCRIPT, ...rowScriptArguments(operations[0], token) }
        : { script: COMMIT_SCRIPT, ...commitScriptArguments(operations, token) };
    const answer = await this.run(
      script,
      keys,
      args,
      options,
      isRecognisable(operations) ? 'always' : 'safe',
    );
    if (answer[0] !== 'OK') return faultFrom(answer, operations);
    return { versions: answer.slice(1).map((version) => (version === '' ? undefined : Number(version))) };
  }

  /**
   * Adds to a counter of the row that the operation checks.
   *
   * @returns the text of its new value.
   */
  async increment(
    operation: RowOperation,
    field: string,
    by: bigint,
    options: WriteOptions = {},
  ): Promise<string> {
    const args = [field, String(by)];
    const answer = await this.run(INCREMENT_SCRIPT, [operation.key.row], args, options, 'safe');
    if (answer[0] !== 'OK') throw faultError(faultFrom(answer, [operation]));
    return answer[1];
  }

  private async run(
    script: Script,
    keys: readonly string[],
    args: readonly Stored[],
    { deadlineMs }: WriteOptions,
    retry: Retry,
  ): Promise<string[]> {
    const runner = deadlineMs === undefined ? this.runners[retry] : this.client.with({ retry, deadlineMs });
    try {
      return (await runner.runScript(script, keys, args)) as string[];
    } catch (error) {
      // Before version 7 the shebang of a script is a mistake in its Lua.
      if (error instanceof ReplyError && error.message.includes('Error compiling script'))
        throw new UnsupportedServerFeatureError('Writing entities', 'Redis 7.0 or later, or Valkey');
      throw error;
    }
  }
}

/**
 * Whether a commit that is sent again is recognised by the token that it left in its row. A deleted row has none left,
 * an increment leaves none, and of several rows each may have been written by others often enough to have lost it.
 */
function isRecognisable(operations: readonly RowOperation[]): boolean {
  const [{ mode, increments }] = operations;
  return operations.length === 1 && mode !== 'delete' && !increments;
}

function faultFrom(answer: readonly string[], operations: readonly RowOperation[]): CommitFault {
  const [fault, place, detail] = answer;
  return { fault: fault as FaultCode, operation: operations[Number(place) - 1], detail };
}
