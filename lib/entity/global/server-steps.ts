import { random } from '../../cluster/runtime/randomness.js';
import { delay as sleep, monotonicMs } from '../../cluster/common/timers.js';
import { CommandAbortedError } from '../../cluster/command/abort-signal.js';
import { DeadlineExceededError, OutcomeUnknownError } from '../../cluster/common/errors.js';
import { fencesKey } from '../keys/entity-key.js';
import { type GlobalEntry, bucketOf, keyOfReference, memberOf, referenceOf } from '../keys/global-entry.js';
import {
  ENTER_SCRIPT,
  LEAVE_SCRIPT,
  RESERVE_SCRIPT,
  RESOLVE_SCRIPT,
  UNRESERVE_SCRIPT,
} from './global-scripts.js';
import type { Entered, EntryFate, GlobalSteps } from './global-steps.js';
import { operationToken } from '../scripts/operation-token.js';
import type { ScriptCaller } from '../scripts/script-caller.js';
import type { WriteOptions } from '../common/write-options.js';

/** How long a write without its own deadline waits for others, in milliseconds. */
const PATIENCE_MS = 10_000;

const LONGEST_PAUSE_MS = 40;

/** The time limit and the abort signal of a write. */
export type GlobalBounds = Pick<WriteOptions, 'deadlineMs' | 'signal'>;

/** Runs the steps of the protocol for global indexes and unique constraints as scripts. */
export class ServerSteps implements GlobalSteps {
  private readonly end: number;
  private readonly patienceMs: number;

  /** @param options the time limit and the abort signal of the whole write. */
  constructor(
    private readonly scripts: ScriptCaller,
    private readonly options: GlobalBounds = {},
  ) {
    this.patienceMs = options.deadlineMs ?? PATIENCE_MS;
    this.end = monotonicMs() + this.patienceMs;
  }

  newToken(): string {
    return operationToken();
  }

  async enter(entry: GlobalEntry, token: string): Promise<Entered> {
    const reference = referenceOf(entry.key);
    const isUnique = entry.index.kind === 'unique';
    const script = isUnique ? RESERVE_SCRIPT : ENTER_SCRIPT;
    const args = isUnique ? [entry.encodings, token, reference] : [memberOf(entry, token)];
    const [at, theirs, ageMs, owner] = await this.beforeCommit(() =>
      this.scripts.run({ script, keys: [bucketOf(entry)], args }, 'always', this.bounds()),
    );
    if (theirs === undefined) return { at: Number(at) };
    return {
      at: Number(at),
      claimant: { key: keyOfReference(entry.schema, owner), token: theirs, ageMs: Number(ageMs) },
    };
  }

  async resolve({ index, key, encodings }: GlobalEntry, token: string, fence: boolean): Promise<EntryFate> {
    const keys = [key.row, fencesKey(key.tag)];
    const args = [index.name, token, encodings, fence ? '1' : '0'];
    const [fate] = await this.beforeCommit(() =>
      this.scripts.run({ script: RESOLVE_SCRIPT, keys, args }, 'always', this.bounds()),
    );
    return fate as EntryFate;
  }

  async remove(entry: GlobalEntry, token: string): Promise<void> {
    const isUnique = entry.index.kind === 'unique';
    const script = isUnique ? UNRESERVE_SCRIPT : LEAVE_SCRIPT;
    const args = isUnique ? [entry.encodings, token] : [memberOf(entry, token)];
    await this.beforeCommit(() =>
      this.scripts.run({ script, keys: [bucketOf(entry)], args }, 'always', this.bounds()),
    );
  }

  async pause(): Promise<void> {
    this.checkTime();
    if (monotonicMs() > this.end) throw new DeadlineExceededError(WRITE, this.patienceMs);
    await sleep(random() * LONGEST_PAUSE_MS);
  }

  later(work: (unbound: GlobalSteps) => Promise<void>): void {
    // If the client is closed or a node is down, others resolve the remaining entries when they find them.
    work(new ServerSteps(this.scripts)).catch(() => undefined);
  }

  /** Returns the time that is left for the write. @throws if it is over. */
  bounds(): GlobalBounds {
    this.checkTime();
    const { deadlineMs, signal } = this.options;
    if (deadlineMs === undefined) return { signal };
    return { signal, deadlineMs: Math.ceil(this.end - monotonicMs()) };
  }

  private checkTime(): void {
    const { deadlineMs, signal } = this.options;
    if (signal?.aborted) throw new CommandAbortedError(WRITE, signal.reason);
    const isOver = deadlineMs !== undefined && monotonicMs() >= this.end;
    if (isOver) throw new DeadlineExceededError(WRITE, this.patienceMs);
  }

  /** Runs a step before the commit. Whatever its outcome, it did not write the row, so the write's outcome is known. */
  private async beforeCommit<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
      const { signal } = this.options;
      if (signal?.aborted) throw new CommandAbortedError(WRITE, signal.reason);
      throw new DeadlineExceededError(WRITE, this.patienceMs, { cause: error });
    }
  }
}

/** The operation that the steps belong to, for errors. */
const WRITE = 'The write of a global index or unique constraint';
