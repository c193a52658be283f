import { LONG_TURN_MS, monotonicMs, nextTick, setImmediate } from '../common/timers.js';

/** Something that is flushed once per turn of the event loop, if it got commands in it. */
export interface Flushable {
  /** Whether it is in the scheduler's list. */
  dirty: boolean;
  /** @returns how many commands were sent */
  flush(): number;
  extendDeadlines(turnBeganAt: number, ms: number): void;
}

/** Runs what is chained to it as a microtask, at a third of the cost of `queueMicrotask`. */
const resolved = Promise.resolve();

/**
 * Collects the channels that got commands in this turn of the event loop, and flushes each of them once:
 * commands that were called together leave in one write per node.
 *
 * With many calls in flight, the flush comes at the end of the turn: the replies that have just been read have
 * led to further calls, and batches are large. A single caller has no others to wait for, and is flushed at
 * once.
 */
export class FlushScheduler {
  private channels: Flushable[] = [];
  private readonly preparations: (() => void)[] = [];
  private scheduled = false;
  private time = 0;
  /** Whether the last flush sent a single command, so that its caller is probably alone. */
  private lone = true;

  /** Milliseconds of a clock that never jumps. Read once per turn while commands flow. */
  now(): number {
    return this.scheduled ? this.time : monotonicMs();
  }

  add(channel: Flushable): void {
    channel.dirty = true;
    this.channels.push(channel);
    this.schedule();
  }

  /** Calls back before the next flush, which follows in this turn of the event loop. */
  beforeFlush(prepare: () => void): void {
    this.preparations.push(prepare);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.time = monotonicMs();
    this.scheduled = true;
    if (this.lone) void resolved.then(this.flushSoon);
    else setImmediate(this.flush);
  }

  /** Runs after everything that is ready in this turn, before the event loop waits for the next event. */
  private readonly flushSoon = (): void => nextTick(this.flush);

  /** Flushes now what was collected, rather than at the end of the turn. */
  readonly flush = (): void => {
    if (this.preparations.length === 0) return this.send();
    try {
      for (const prepare of this.preparations.splice(0)) prepare();
    } finally {
      this.send();
    }
  };

  private send(): void {
    this.scheduled = false;
    const { channels } = this;
    this.channels = [];
    let commands = 0;
    const tookMs = monotonicMs() - this.time;
    for (const channel of channels) {
      channel.dirty = false;
      if (tookMs > LONG_TURN_MS) channel.extendDeadlines(this.time, tookMs);
      commands += channel.flush();
    }
    if (channels.length > 0) this.lone = commands <= 1;
  }
}
