import { clearTimeout, monotonicMs, setTimeout } from '../../cluster/common/timers.js';
import { LockLostError } from '../common/entity-errors.js';
import { RENEW_SCRIPT } from './lock-script.js';
import { TOKEN_MEMORY_MS } from './lock-memory.js';
import type { Fence } from '../operations/row-operation.js';
import type { ScriptCaller } from '../scripts/script-caller.js';

/** An acquired lock. */
export interface TakenLock {
  readonly tag: string;
  readonly key: string;
  readonly token: string;
  readonly ttlMs: number;
  /** When it was requested, by `performance.now()`. Its time counts from then. */
  readonly since: number;
}

/** How often a lock is renewed within its time. */
const RENEWALS = 3;

/** A held lock. It renews itself until it is released, and detects when it is lost. */
export class HeldLock {
  private readonly aborter = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private renewing: Promise<void> = Promise.resolve();
  private endsAt: number;
  private isReleased = false;
  private hasEndedWell = false;
  /** Why the lock is lost; undefined while it is held. */
  lost: LockLostError | undefined;
  readonly fence: Fence;

  constructor(
    private readonly scripts: ScriptCaller,
    private readonly taken: TakenLock,
  ) {
    const { tag, key, token, since, ttlMs } = taken;
    this.endsAt = since + ttlMs;
    this.fence = {
      tag,
      key,
      token,
      hasEndedWell: () => this.hasEndedWell,
      assertHeld: () => this.assertHeld(),
    };
    this.schedule();
  }

  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  /** Aborts the signal of the lock, so that the function ends. The lock is held until it does. */
  abort(reason: unknown): void {
    this.aborter.abort(reason);
  }

  /**
   * Releases the lock, and checks that it was held until now. A failure to release is ignored, because the lock
   * expires.
   */
  async release(): Promise<void> {
    this.isReleased = true;
    clearTimeout(this.timer);
    await this.renewing;
    if (this.lost) return;
    const wasHeld = await this.hold(0).catch(() => true);
    if (!wasHeld) return this.lose('another holder has it');
    this.hasEndedWell = true;
  }

  private schedule(): void {
    this.timer = setTimeout(() => (this.renewing = this.renew()), this.taken.ttlMs / RENEWALS);
  }

  private async renew(): Promise<void> {
    const askedAt = monotonicMs();
    try {
      const isHeld = await this.hold(this.taken.ttlMs);
      if (!isHeld) return this.lose('another holder has it');
      this.endsAt = askedAt + this.taken.ttlMs;
    } catch {
      if (monotonicMs() >= this.endsAt) return this.lose('it could not be renewed in time');
    }
    if (!this.isReleased) this.schedule();
  }

  private async hold(ms: number): Promise<boolean> {
    const { key, token, ttlMs } = this.taken;
    const args = [token, String(ms), String(TOKEN_MEMORY_MS)];
    const left = Math.max(1, Math.ceil(this.endsAt - monotonicMs()));
    const deadlineMs = Math.min(left, ttlMs);
    const [outcome] = await this.scripts.run({ script: RENEW_SCRIPT, keys: [key], args }, 'always', {
      deadlineMs,
    });
    return outcome === 'OK';
  }

  private lose(why: string): void {
    this.lost = new LockLostError(this.taken.tag, why);
    this.aborter.abort(this.lost);
  }

  private assertHeld(): void {
    if (this.lost) throw this.lost;
    if (this.isReleased) throw new LockLostError(this.taken.tag, 'its function has returned');
  }
}
