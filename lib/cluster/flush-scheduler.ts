/** What is flushed once a turn of the event loop, if it was given commands in it. */
export interface Flushable {
  /** It stands in the scheduler's list. */
  dirty: boolean;
  /** @returns how many commands were handed over */
  flush(): number;
}

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
    return this.scheduled ? this.time : performance.now();
  }

  add(channel: Flushable): void {
    channel.dirty = true;
    this.channels.push(channel);
    if (this.scheduled) return;
    this.time = performance.now();
    this.scheduled = true;
    if (this.lone) queueMicrotask(this.flushSoon);
    else setImmediate(this.flush);
  }

  /** Behind all that is ready to run in this turn, before the next event is waited for. */
  private readonly flushSoon = (): void => process.nextTick(this.flush);

  private readonly flush = (): void => {
    this.scheduled = false;
    const { channels } = this;
    this.channels = [];
    let commands = 0;
    for (const channel of channels) {
      channel.dirty = false;
      commands += channel.flush();
    }
    this.lone = commands <= 1;
  };
}
