import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeOther, describeValue } from '../../cluster/common/describe-value.js';
import type { MessageBuffer, PubSubCounters } from '../../cluster/stats/pubsub-counters.js';
import { BufferOverflowError } from '../common/pubsub-errors.js';

/** What happens to a message that arrives when the buffer is full. */
export type WhenFull = 'dropOldest' | 'dropNewest' | 'error';

/** The limits of a buffer between messages and their consumer. */
export interface BufferOptions {
  /** The number of messages that the buffer holds. Default 1000. */
  size?: number | undefined;
  /**
   * - `dropOldest` (default): the oldest message in the buffer is dropped
   * - `dropNewest`: the new message is dropped
   * - `error`: the consumer receives a BufferOverflowError and no further message
   */
  whenFull?: WhenFull | undefined;
}

const POLICIES: readonly WhenFull[] = ['dropOldest', 'dropNewest', 'error'];

/** A value in the buffer. */
interface Box<T> {
  readonly value: T;
  next: Box<T> | undefined;
}

/** A bounded queue of values that wait for a consumer, in order of arrival: a linked list. */
export class BoundedBuffer<T> implements MessageBuffer {
  private readonly size: number;
  private readonly whenFull: WhenFull;
  private oldest: Box<T> | undefined = undefined;
  private newest: Box<T> | undefined = undefined;
  private count = 0;
  private lost = 0;

  /**
   * @param counters the client's counters, if it buffers messages of a client; see `countIn`
   * @throws InvalidArgumentError for an invalid size or policy
   */
  constructor(
    options: BufferOptions = {},
    private readonly counters?: PubSubCounters,
  ) {
    const { size, whenFull } = resolveBufferOptions(options);
    this.size = size;
    this.whenFull = whenFull;
  }

  /** The number of values in the buffer. */
  get waiting(): number {
    return this.count;
  }

  /** The number of values dropped so far. */
  get dropped(): number {
    return this.lost;
  }

  /**
   * Adds a value.
   * @returns false if a value was dropped: this one, or the oldest
   * @throws BufferOverflowError if the buffer is full and the policy is `error`
   */
  push(value: T): boolean {
    const full = this.count >= this.size;
    if (full) {
      this.lost++;
      if (this.counters !== undefined) this.counters.dropped++;
      if (this.whenFull === 'error') throw new BufferOverflowError(this.size);
      if (this.whenFull === 'dropNewest') return false;
      this.shift();
    }
    const box: Box<T> = { value, next: undefined };
    if (this.newest === undefined) this.oldest = box;
    else this.newest.next = box;
    this.newest = box;
    this.count++;
    return !full;
  }

  /** Removes and returns the oldest value, or undefined if the buffer is empty. */
  shift(): { readonly value: T } | undefined {
    return this.remove(this.oldest, undefined);
  }

  /** Removes and returns the oldest value for which `test` is true. */
  shiftWhere(test: (value: T) => boolean): { readonly value: T } | undefined {
    let before: Box<T> | undefined;
    for (let box = this.oldest; box !== undefined; box = box.next) {
      if (test(box.value)) return this.remove(box, before);
      before = box;
    }
    return undefined;
  }

  clear(): void {
    this.oldest = undefined;
    this.newest = undefined;
    this.count = 0;
  }

  private remove(box: Box<T> | undefined, before: Box<T> | undefined): Box<T> | undefined {
    if (box === undefined) return undefined;
    if (before === undefined) this.oldest = box.next;
    else before.next = box.next;
    if (box.next === undefined) this.newest = before;
    this.count--;
    return box;
  }

  /** Includes the waiting values in the client's `stats()`, until `countOut`. */
  countIn(): void {
    this.counters?.buffers.add(this);
  }

  /** Excludes them again. Nothing is added to the buffer after this. */
  countOut(): void {
    this.counters?.buffers.delete(this);
  }
}

/** Returns the options with their defaults. @throws InvalidArgumentError for an invalid size or policy */
export function resolveBufferOptions({
  size = 1_000,
  whenFull = 'dropOldest',
}: BufferOptions): Required<BufferOptions> {
  if (!Number.isInteger(size) || size < 1) {
    throw new InvalidArgumentError(
      'size',
      `"size" of a buffer must be a positive integer, got ${describeValue(size)}`,
    );
  }
  if (!POLICIES.includes(whenFull)) {
    throw new InvalidArgumentError(
      'whenFull',
      `"whenFull" must be one of ${POLICIES.join(', ')}, got ${describeOther(whenFull)}`,
    );
  }
  return { size, whenFull };
}
