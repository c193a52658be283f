import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { BufferOverflowError } from '../common/pubsub-errors.js';

/** What happens to messages that find a buffer full. */
export type WhenFull = 'dropOldest' | 'dropNewest' | 'error';

/** How many messages may wait for a consumer, and what becomes of the others. */
export interface BufferOptions {
  /** Messages that may wait. Default 1000. */
  size?: number | undefined;
  /**
   * - `dropOldest` (default): the one that has waited longest makes room
   * - `dropNewest`: the one that comes is not taken in
   * - `error`: the consumer gets a BufferOverflowError, and nothing further
   */
  whenFull?: WhenFull | undefined;
}

const POLICIES: readonly WhenFull[] = ['dropOldest', 'dropNewest', 'error'];

/** Values that wait for a consumer, within bounds, in the order they came. */
export class BoundedBuffer<T> {
  private readonly size: number;
  private readonly whenFull: WhenFull;
  /** In boxes, so that values which are the same wait side by side, and any can be taken out. */
  private readonly boxes = new Set<{ readonly value: T }>();
  private lost = 0;

  /** @throws InvalidArgumentError */
  constructor(options: BufferOptions = {}) {
    const { size, whenFull } = resolveBufferOptions(options);
    this.size = size;
    this.whenFull = whenFull;
  }

  /** Values that wait. */
  get waiting(): number {
    return this.boxes.size;
  }

  /** Values that were not taken in, or had to make room, so far. */
  get dropped(): number {
    return this.lost;
  }

  /**
   * Takes a value in. False where one was dropped for it, itself or another.
   * @throws BufferOverflowError where the policy is `error`
   */
  push(value: T): boolean {
    const full = this.boxes.size >= this.size;
    if (full) {
      this.lost++;
      if (this.whenFull === 'error') throw new BufferOverflowError(this.size);
      if (this.whenFull === 'dropNewest') return false;
      this.shift();
    }
    this.boxes.add({ value });
    return !full;
  }

  /** Takes the oldest value out; undefined where nothing waits. */
  shift(): { readonly value: T } | undefined {
    const [oldest] = this.boxes;
    this.boxes.delete(oldest);
    return oldest;
  }

  /** Takes the oldest value out for which `test` is true. */
  shiftWhere(test: (value: T) => boolean): { readonly value: T } | undefined {
    for (const box of this.boxes) {
      if (!test(box.value)) continue;
      this.boxes.delete(box);
      return box;
    }
    return undefined;
  }

  clear(): void {
    this.boxes.clear();
  }
}

/** Options with their defaults. @throws InvalidArgumentError */
export function resolveBufferOptions({
  size = 1_000,
  whenFull = 'dropOldest',
}: BufferOptions): Required<BufferOptions> {
  if (!Number.isInteger(size) || size < 1) {
    throw new InvalidArgumentError('size', 'The size of a buffer is a whole number of at least 1');
  }
  if (!POLICIES.includes(whenFull)) {
    throw new InvalidArgumentError('whenFull', `whenFull is one of ${POLICIES.join(', ')}`);
  }
  return { size, whenFull };
}
