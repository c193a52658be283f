import { encodingField } from '../keys/stored-names.js';
import type { CommitFault } from '../operations/commit-faults.js';
import type { Committed } from '../operations/commit-outcome.js';
import type { EntityClient } from '../common/entity-client.js';
import type { GlobalEntry } from '../keys/global-entry.js';
import { commitGlobally } from './global-protocol.js';
import { type Hold, type RowHold, type RowOperation } from '../operations/row-operation.js';
import { type GlobalBounds, ServerSteps } from './server-steps.js';
import type { Guard } from '../rows/row-mapper.js';
import type { ScriptCaller } from '../scripts/script-caller.js';
import type { WriteOptions } from '../common/write-options.js';

type Outcome = Committed | CommitFault;

/** Commits operations within the time that is left. */
type Commit = (operations: readonly RowOperation[], bounds: GlobalBounds) => Promise<Outcome>;

/** How many writes of a bulk write run concurrently. */
export const GLOBAL_WRITES_AT_ONCE = 100;

/** Writes rows with entries in global indexes and unique constraints: runs the protocol around a commit. */
export class GlobalWrites {
  constructor(
    private readonly client: EntityClient,
    private readonly scripts: ScriptCaller,
  ) {}

  /** Commits operations of one partition with their entries. Returns a refusal if another row has a unique value. */
  async commit(operations: readonly RowOperation[], options: WriteOptions, commit: Commit): Promise<Outcome> {
    const steps = new ServerSteps(this.scripts, options);
    let known = await this.completed(operations);
    for (;;) {
      const outcome = await commitEntries(steps, known, commit, options.opId !== undefined);
      if (outcome.fault !== 'CHANGED' || known === operations) return outcome;
      // Either a condition of the caller is not met, or an unchanged part of an entry has changed.
      const again = await this.completed(operations);
      if (guardsText(again) === guardsText(known)) return outcome;
      known = again;
      await steps.pause();
    }
  }

  /** Adds the parts of entries that stay unchanged from the row to operations. The commit checks them. */
  private async completed(operations: readonly RowOperation[]): Promise<readonly RowOperation[]> {
    if (!operations.some(hasUnknown)) return operations;
    return Promise.all(
      operations.map((operation) => (hasUnknown(operation) ? this.complete(operation) : operation)),
    );
  }

  private async complete(operation: RowOperation): Promise<RowOperation> {
    const { key, globals = [], guards = [] } = operation;
    const unknown = globals.flatMap(({ index, parts }) =>
      index.fields.filter((_, i) => parts[i] === undefined).map(encodingField),
    );
    const fields = [...new Set(unknown)];
    const values = await this.client.hmget(key.row, ...fields);
    const stored = new Map(fields.map((field, i) => [field, values[i]]));
    return {
      ...operation,
      guards: [...guards, ...fields.map((field): Guard => [field, stored.get(field) ?? undefined])],
      globals: globals.map(({ index, parts }) => ({
        index,
        parts: parts.map((part, i) =>
          part === undefined ? (stored.get(encodingField(index.fields[i])) ?? null) : part,
        ),
      })),
    };
  }
}

const hasUnknown = ({ globals = [] }: RowOperation): boolean =>
  globals.some(({ parts }) => parts.includes(undefined));

const guardsText = (operations: readonly RowOperation[]): string =>
  JSON.stringify(operations.map(({ guards }) => guards?.map(([field, value]) => [field, value ?? null])));

/**
 * Runs the protocol for operations whose entries are complete.
 *
 * @param isRepeated whether an earlier call may have made the write.
 */
async function commitEntries(
  steps: ServerSteps,
  operations: readonly RowOperation[],
  commit: Commit,
  isRepeated: boolean,
): Promise<Outcome> {
  const entriesOf = new Map(operations.map((operation) => [operation, entriesFor(operation)]));
  const entries = [...entriesOf.values()].flat().filter((entry) => entry !== undefined);
  const commitHolding = (holds: ReadonlyMap<GlobalEntry, Hold>, until: number): Promise<Outcome> => {
    const held = operations.map((operation) => {
      const changes = operation.globals?.map(({ index }, i): RowHold => {
        const entry = entriesOf.get(operation)![i];
        return { name: index.name, ...((entry && holds.get(entry)) ?? NOTHING) };
      });
      return { ...operation, holds: changes && { until, changes } };
    });
    return commit(held, steps.bounds());
  };
  const outcome = await commitGlobally(steps, entries, (holds, until) =>
    commitHolding(new Map(entries.map((entry, i) => [entry, holds[i]])), until),
  );
  if (!('taken' in outcome)) return outcome;
  const { taken } = outcome;
  if (isRepeated) {
    // The value may have passed from our row to another since. The row recognizes the write, or refuses this hold.
    const known = await commitHolding(new Map(entries.map((entry) => [entry, NEVER_HELD])), 0);
    if (known.fault === undefined) return known;
  }
  const operation = operations.find((one) => entriesOf.get(one)!.includes(taken))!;
  return { fault: 'DUPLICATE', operation, detail: taken.index.name };
}

/** A hold that no row has, so that a commit with it is refused unless it is recognized. */
const NEVER_HELD: Hold = { how: '=', token: '', encodings: '' };
const NOTHING: Hold = { how: '-', token: '', encodings: '' };

/** Returns the row's entry in each index that an operation changes; undefined for none. */
const entriesFor = ({ schema, key, globals = [] }: RowOperation): (GlobalEntry | undefined)[] =>
  globals.map(({ index, parts }) =>
    parts.includes(null) ? undefined : { schema, index, key, encodings: parts.join('\0') },
  );
