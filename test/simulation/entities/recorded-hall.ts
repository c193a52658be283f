import type { ClusterRepository, EntityClass } from 'keyslot';
import type { Operation } from '../checker/history.js';
import { commitOperation, type Refusal } from '../checker/partition-commit.js';
import { NotedCommit } from './noted-commit.js';
import type { SeatRow } from './seat-row.js';

/** The errors by which a write is refused, each for a reason that must have been true. */
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  ['VERSION_CONFLICT', 'conflict'],
  ['ENTITY_EXISTS', 'exists'],
  ['ENTITY_NOT_FOUND', 'missing'],
  ['UNIQUE_VIOLATION', 'taken'],
]);

/** What all halls of a history share. */
export interface CommitRecord {
  readonly operations: Operation[];
  /** Returns the time in ms. */
  now(): number;
  /** A call has ended with an error that is not a refusal. */
  onError(code: string, error: unknown): void;
  /** A call has ended. */
  onEnd?(id: number, outcome: string, calledAt: number): void;
}

/** A partition whose calls are recorded. */
export class RecordedHall {
  constructor(
    readonly hallId: string,
    /** The key of the partition in the history. */
    private readonly key: string,
    readonly seats: ClusterRepository<SeatRow>,
    readonly type: EntityClass<SeatRow>,
    private readonly record: CommitRecord,
  ) {}

  keyOf(id: string): { hallId: string; id: string } {
    return { hallId: this.hallId, id };
  }

  /** Runs a call that notes what it reads and writes. Never throws. Returns whether it was done. */
  async commit(work: (noted: NotedCommit) => Promise<unknown>): Promise<boolean> {
    const { operations, now } = this.record;
    const calledAt = now();
    const noted = new NotedCommit();
    const id = operations.length;
    const begun = { id, key: this.key, calledAt };
    // its place is taken when it begins, so that ids are those of the order of calls
    const place = operations.push({ ...begun, input: ['open'], returnedAt: Infinity, output: undefined }) - 1;
    const end = (outcome: 'done' | 'unknown' | Refusal): void => {
      const endedAt = outcome === 'unknown' ? undefined : now();
      operations[place] = commitOperation(begun, noted.commit(outcome), endedAt);
    };
    try {
      await work(noted);
      end('done');
      this.record.onEnd?.(id, 'done', calledAt);
      return true;
    } catch (error) {
      const { code = String(error), applied } = error as { code?: string; applied?: unknown };
      const refusal = REFUSALS.get(code);
      if (refusal !== undefined) end(refusal);
      else if (applied !== false && !noted.isReading) end('unknown');
      if (refusal === undefined) this.record.onError(code, error);
      this.record.onEnd?.(id, refusal ?? code, calledAt);
      return false;
    }
  }
}

/** Returns the calls that may have been executed. */
export const executedOf = ({ operations }: CommitRecord): Operation[] =>
  operations.filter(({ input: [name] }) => name === 'commit');
