import { random, randomUUID } from '../../cluster/runtime/randomness.js';
import { delay, LONGEST_TIMER_MS, monotonicMs } from '../../cluster/common/timers.js';
import { lockKey } from '../keys/entity-key.js';
import { onAbort, pauseFor } from '../../cluster/command/abort-signal.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkWhole } from '../common/argument-checks.js';
import type { EntityClient } from '../common/entity-client.js';
import { LockTimeoutError } from '../common/entity-errors.js';
import { checkEntityOptions } from '../common/check-entity-options.js';
import { HeldLock } from './held-lock.js';
import { TurnQueue } from '../common/turn-queue.js';
import { TOKEN_MEMORY_MS } from './lock-memory.js';
import { LOCK_SCRIPT } from './lock-script.js';
import type { LockOptions } from './lock-options.js';
import { ScriptCaller } from '../scripts/script-caller.js';

const TTL_MS = 10_000;
const SHORTEST_TTL_MS = 100;
const WAIT_MS = 10_000;
const LONGEST_PAUSE_MS = 100;
/** The maximum number of callers of one process that wait for one lock. */
const MAX_WAITERS = 1_000;
const NAME = /^[\w.-]{1,100}$/;

/** The function that runs while a lock is held. */
export type LockedWork<R> = (held: HeldLock) => Promise<R>;

/** Runs functions under locks of partitions. */
export class LockRunner {
  private readonly scripts: ScriptCaller;
  private readonly turns = new TurnQueue();

  constructor(client: EntityClient) {
    this.scripts = new ScriptCaller(client);
  }

  /**
   * Runs `work` under a lock of a partition.
   *
   * @throws LockTimeoutError, LockLostError, and any error of `work`.
   */
  async run<R>(tag: string, work: LockedWork<R>, options: LockOptions = {}): Promise<R> {
    checkEntityOptions('a lock', options);
    const { name = 'lock', ttlMs = TTL_MS, waitMs = WAIT_MS, signal } = options;
    checkWhole('ttlMs', ttlMs, SHORTEST_TTL_MS, LONGEST_TIMER_MS, 'milliseconds');
    checkWhole('waitMs', waitMs, 0, LONGEST_TIMER_MS, 'milliseconds');
    if (typeof name !== 'string' || !NAME.test(name))
      throw new InvalidArgumentError(
        'name',
        `The name of a lock has 1 to 100 letters, digits, _ - and .; got ${describeOther(name)}`,
      );
    signal?.throwIfAborted();
    const key = lockKey(tag, name);
    const giveUpAt = monotonicMs() + waitMs;
    const endTurn = await this.turn(tag, key, waitMs, signal);
    try {
      const held = await this.take(tag, key, ttlMs, giveUpAt, waitMs, signal);
      return await this.hold(held, work, signal);
    } finally {
      endTurn();
    }
  }

  /** Queues the callers of this process, so that only the first of them asks the server. */
  private async turn(
    tag: string,
    key: string,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<() => void> {
    if (this.turns.length(key) >= MAX_WAITERS || (waitMs === 0 && this.turns.length(key) > 0))
      throw new LockTimeoutError(tag, waitMs);
    const done = new AbortController();
    const ended = delay(waitMs, undefined, {
      signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal,
    }).catch(() => {});
    try {
      const endTurn = await this.turns.enter(key, ended);
      if (endTurn) return endTurn;
    } finally {
      done.abort();
    }
    signal?.throwIfAborted();
    throw new LockTimeoutError(tag, waitMs);
  }

  private async take(
    tag: string,
    key: string,
    ttlMs: number,
    giveUpAt: number,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<HeldLock> {
    const holder = randomUUID();
    const args = [holder, String(ttlMs), String(TOKEN_MEMORY_MS)];
    for (;;) {
      signal?.throwIfAborted();
      const askedAt = monotonicMs();
      const [outcome, detail] = await this.scripts.run({ script: LOCK_SCRIPT, keys: [key], args }, 'always', {
        signal,
      });
      if (outcome === 'OK')
        return new HeldLock(this.scripts, { tag, key, token: detail, ttlMs, since: askedAt });
      const left = giveUpAt - monotonicMs();
      if (left <= 0) throw new LockTimeoutError(tag, waitMs);
      const pause = Math.min(left, Number(detail) + 1, 1 + random() * LONGEST_PAUSE_MS);
      await pauseFor(pause, signal);
    }
  }

  private async hold<R>(held: HeldLock, work: LockedWork<R>, signal: AbortSignal | undefined): Promise<R> {
    const lose = (): void => held.abort(signal?.reason);
    const unhook = signal && onAbort(signal, lose);
    const working = async (): Promise<R> => work(held);
    const result = await working().finally(() => {
      unhook?.();
      return held.release();
    });
    // The function may have run beside another holder. Only its writes were fenced.
    if (held.lost) throw held.lost;
    return result;
  }
}
