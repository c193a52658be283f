import { COMMIT_SCRIPTS } from '../commit-scripts/commit-scripts.js';
import { entityKeyIn } from '../keys/entity-key.js';
import { commitScriptArguments } from '../operations/commit-arguments.js';
import { type CommitFault, faultError } from '../operations/commit-faults.js';
import { faultFrom } from '../operations/commit-outcome.js';
import { sweepOperation } from '../operations/index-changes.js';
import type { RowOperation } from '../operations/row-operation.js';
import { callToken } from '../scripts/operation-token.js';
import type { ScriptCaller } from '../scripts/script-caller.js';
import type { WriteOptions } from '../common/write-options.js';
import { outboxFor } from './commit-policy.js';
import { releaseCall } from './unique-release.js';

/** The outcome of sweeping a row: deleted, not expired, or already gone. */
export type SweepOutcome = 'swept' | 'kept' | 'gone';

/** Deletes expired rows, and frees their unique values. */
export class ExpiredRows {
  constructor(private readonly scripts: ScriptCaller) {}

  /**
   * Deletes the rows that have expired.
   *
   * @returns the outcome of each row. A row that is already gone can have left index entries.
   */
  async sweep(operations: readonly RowOperation[], options: WriteOptions = {}): Promise<SweepOutcome[]> {
    if (operations.length === 0) return [];
    const extras = { outbox: outboxFor(operations) };
    const call = {
      script: COMMIT_SCRIPTS.freeing,
      ...commitScriptArguments(operations, callToken(), extras),
    };
    const answer = await this.scripts.run(call, 'always', options);
    if (answer[0] !== 'OK') throw faultError(faultFrom(answer, operations));
    return answer.slice(1) as SweepOutcome[];
  }

  /**
   * Frees a unique value if its holder has expired, is gone, or was created again without it.
   *
   * @returns false if the holder still has the value.
   */
  async freeValue({ operation: { schema, key }, holder }: CommitFault): Promise<boolean> {
    if (!holder) return false;
    const sweep = sweepOperation(schema, entityKeyIn(schema, key.tag, holder.idText));
    const [outcome] = await this.sweep([sweep]);
    if (outcome === 'swept') return true;
    const end = releaseCall(sweep, holder.entry, outcome);
    const [freed] = await this.scripts.run(end, 'always');
    return freed !== '0';
  }
}
