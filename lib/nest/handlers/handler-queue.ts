import { BoundedBuffer, type BufferOptions } from '../../pubsub/buffers/bounded-buffer.js';

/** Which of two messages must be handled before the other: of one channel, the earlier one; or neither. */
export type HandlerOrder = 'channel' | 'none';

/** How much is handled at a time, and what waits. */
export interface HandlerQueueOptions extends BufferOptions {
  readonly concurrency: number;
  readonly order: HandlerOrder;
}

/**
 * Handles messages, so many at a time, where there is an order those of one channel one after the other. So many wait;
 * what finds the queue full is dropped.
 */
export class HandlerQueue<T extends { readonly channel: string }> {
  private readonly buffer: BoundedBuffer<T>;
  private readonly concurrency: number;
  private readonly inOrder: boolean;
  private active = 0;
  /** The channels of what is being handled, where that matters. */
  private readonly busyChannels = new Set<string>();
  private closed = false;
  private onDrained: (() => void) | undefined = undefined;

  /** @param handle must not reject */
  constructor(
    private readonly handle: (item: T) => Promise<void>,
    { concurrency, order, ...options }: HandlerQueueOptions,
  ) {
    this.concurrency = concurrency;
    this.inOrder = order === 'channel' && concurrency > 1;
    this.buffer = new BoundedBuffer(options);
  }

  /** What waits or is worked on. */
  get pending(): number {
    return this.buffer.waiting + this.active;
  }

  /** What waits. */
  get waiting(): number {
    return this.buffer.waiting;
  }

  /** What was not taken in because too much waited, or had to make room. */
  get dropped(): number {
    return this.buffer.dropped;
  }

  push(item: T): void {
    if (this.closed) return;
    if (this.isFree(item)) void this.start(item);
    else this.buffer.push(item);
  }

  /** Takes nothing more; resolves when what was taken is done with. */
  async drain(): Promise<void> {
    this.closed = true;
    if (this.pending > 0) await new Promise<void>((resolve) => (this.onDrained = resolve));
  }

  /** Gives up what waits. What is worked on cannot be stopped. */
  abandon(): void {
    this.buffer.clear();
  }

  private isFree({ channel }: T): boolean {
    return this.active < this.concurrency && !this.busyChannels.has(channel);
  }

  private async start(item: T): Promise<void> {
    this.active++;
    if (this.inOrder) this.busyChannels.add(item.channel);
    await this.handle(item);
    this.active--;
    this.busyChannels.delete(item.channel);
    for (let box; (box = this.buffer.shiftWhere((next) => this.isFree(next))) !== undefined;) {
      void this.start(box.value);
    }
    if (this.pending === 0) this.onDrained?.();
  }
}
