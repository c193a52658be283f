import type { PubSubCounters } from '../../cluster/stats/pubsub-counters.js';
import { BoundedBuffer, type BufferOptions } from '../../pubsub/buffers/bounded-buffer.js';

/** Whether messages of one channel are handled in order (`channel`), or in any order (`none`). */
export type HandlerOrder = 'channel' | 'none';

/** The options of a `HandlerQueue`. */
export interface HandlerQueueOptions extends BufferOptions {
  readonly concurrency: number;
  readonly order: HandlerOrder;
}

/**
 * Runs a handler with limited concurrency. With `order: 'channel'`, messages of one channel are handled one
 * at a time. If the queue is full, a message is dropped.
 */
export class HandlerQueue<T extends { readonly channel: string }> {
  private readonly buffer: BoundedBuffer<T>;
  private readonly concurrency: number;
  private readonly inOrder: boolean;
  private active = 0;
  /** The channels of messages being handled, if order matters. */
  private readonly busyChannels = new Set<string>();
  private closed = false;
  private onDrained: (() => void) | undefined = undefined;

  /**
   * @param handle must not reject
   * @param counters those of the client whose messages it queues
   */
  constructor(
    private readonly handle: (item: T) => Promise<void>,
    { concurrency, order, ...options }: HandlerQueueOptions,
    counters?: PubSubCounters,
  ) {
    this.concurrency = concurrency;
    this.inOrder = order === 'channel' && concurrency > 1;
    this.buffer = new BoundedBuffer(options, counters);
    this.buffer.countIn();
  }

  /** The number of messages waiting or being handled. */
  get pending(): number {
    return this.buffer.waiting + this.active;
  }

  /** The number of messages waiting. */
  get waiting(): number {
    return this.buffer.waiting;
  }

  /** The number of messages dropped because the queue was full. */
  get dropped(): number {
    return this.buffer.dropped;
  }

  push(item: T): void {
    if (this.closed) return;
    if (this.isFree(item)) void this.start(item);
    else this.buffer.push(item);
  }

  /** Accepts no more messages; resolves when all accepted ones are handled. */
  async drain(): Promise<void> {
    this.closed = true;
    if (this.pending > 0) await new Promise<void>((resolve) => (this.onDrained = resolve));
    this.buffer.countOut();
  }

  /** Drops the waiting messages. A message being handled cannot be stopped. */
  abandon(): void {
    this.buffer.clear();
    this.buffer.countOut();
  }

  private readonly isFree = ({ channel }: T): boolean =>
    this.active < this.concurrency && !this.busyChannels.has(channel);

  /** Handles an item, and then those that wait, one after the other, until none is free. */
  private async start(first: T): Promise<void> {
    for (let box: { readonly value: T } | undefined = { value: first }; box !== undefined;) {
      const item: T = box.value;
      this.active++;
      if (this.inOrder) this.busyChannels.add(item.channel);
      await this.handle(item);
      this.active--;
      if (this.inOrder) this.busyChannels.delete(item.channel);
      box = this.buffer.shiftWhere(this.isFree);
    }
    if (this.pending === 0) this.onDrained?.();
  }
}
