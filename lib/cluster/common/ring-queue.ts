const INITIAL_CAPACITY = 64;

/** A first-in-first-out queue in a ring that doubles when it is full. Pushing and shifting never move other items. */
export class RingQueue<T> {
  private ring: (T | undefined)[] = new Array<T | undefined>(INITIAL_CAPACITY).fill(undefined);
  private head = 0;
  private count = 0;
  /** How many items have been shifted so far. */
  shifted = 0;

  get length(): number {
    return this.count;
  }

  push(item: T): void {
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.head + this.count++) & (this.ring.length - 1)] = item;
  }

  peek(): T | undefined {
    return this.ring[this.head];
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.ring[this.head];
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
    this.shifted++;
    return item;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.count; i++) {
      yield this.ring[(this.head + i) & (this.ring.length - 1)] as T;
    }
  }

  private grow(): void {
    const straight = [...this.ring.slice(this.head), ...this.ring.slice(0, this.head)];
    this.ring = straight.concat(new Array<T | undefined>(straight.length).fill(undefined));
    this.head = 0;
  }
}
