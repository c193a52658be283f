import { COMMIT_SCRIPTS } from '../commit-scripts/commit-scripts.js';
import { entityKeyIn } from '../keys/entity-key.js';
import { commitScriptArguments } from '../operations/commit-arguments.js';
import { type CommitFault, faultError } from '../operations/commit-faults.js';
import { faultFrom } from '../operations/commit-outcome.js';
import { sweepOperation } from '../operations/index-changes.js';
import type { RowOperation } from '../operations/row-operation.js';
import { operationToken } from '../scripts/operation-token.js';
import type { ScriptCaller } from '../scripts/script-caller.js';
import type { WriteOptions } from '../common/write-options.js';
import { outboxFor } from './commit-policy.js';
import { releaseCall } from './unique-release.js';

/** What became of a row that was to be swept. */
export type SweepOutcome = 'swept' | 'kept' | 'gone';

/** Deletes rows that have expired, and what keeps their unique values from others. */
export class ExpiredRows {
  constructor(private readonly scripts: ScriptCaller) {}

  /**
   * Deletes those of the rows that have expired.
   *
   * @returns for each what became of it; a row that is gone already may have left index entries.
   */
  async sweep(operations: readonly RowOperation[], options: WriteOptions = {}): Promise<SweepOutcome[]> {
    if (operations.length === 0) return [];
    const extras = { outbox: outboxFor(operations) };
    const call = {
      script: COMMIT_SCRIPTS.freeing,
      ...commitScriptArguments(operations, operationToken(), extras),
    };
    const answer = await this.scripts.run(call, 'always', options);
    if (answer[0] !== 'OK') throw faultError(faultFrom(answer, operations));
    return answer.slice(1) as SweepOutcome[];
  }

  /**
   * Frees a unique value whose holder has expired, is gone, or is a new row without it.
   *
   * @returns false where the holder has the value.
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
