import { monotonicMs, nextTick, queueMicrotask, setImmediate } from '../common/timers.js';

/** What is flushed once a turn of the event loop, if it was given commands in it. */
export interface Flushable {
  /** It stands in the scheduler's list. */
  dirty: boolean;
  /** @returns how many commands were handed over */
  flush(): number;
  extendDeadlines(turnBeganAt: number, ms: number): void;
}

/** A turn that takes longer, in ms, holds work that is none of ours. */
const LONG_TURN_MS = 20;

/**
 * Gathers the channels that were given commands in this turn of the event loop, and flushes each once: what was
 * called together leaves in one write a node.
 *
 * With many calls under way the flush comes at the end of the turn, when the replies that have just been read have
 * led to further calls, and batches are large. A lone caller has nobody to wait for, and is flushed at once.
 */
export class FlushScheduler {
  private channels: Flushable[] = [];
  private scheduled = false;
  private time = 0;
  /** The last flush carried one command: its caller is alone, as far as can be told. */
  private lone = true;

  /** Milliseconds of a clock that never jumps; read once a turn while commands flow. */
  now(): number {
    return this.scheduled ? this.time : monotonicMs();
  }

  add(channel: Flushable): void {
    channel.dirty = true;
    this.channels.push(channel);
    if (this.scheduled) return;
    this.time = monotonicMs();
    this.scheduled = true;
    if (this.lone) queueMicrotask(this.flushSoon);
    else setImmediate(this.flush);
  }

  /** Behind all that is ready to run in this turn, before the next event is waited for. */
  private readonly flushSoon = (): void => nextTick(this.flush);

  private readonly flush = (): void => {
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
    this.lone = commands <= 1;
  };
}
