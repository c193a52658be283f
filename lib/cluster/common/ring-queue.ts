const INITIAL_CAPACITY = 64;

/**
 * First in, first out, in a ring that doubles when it is full: neither end ever moves the others.
 * It holds what was sent and not answered.
 */
export class CommandQueue<C> {
  private ring: (C | undefined)[] = new Array<C | undefined>(INITIAL_CAPACITY).fill(undefined);
  private head = 0;
  private count = 0;
  /** How many have come out, ever. */
  shifted = 0;

  get length(): number {
    return this.count;
  }

  push(command: C): void {
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.head + this.count++) & (this.ring.length - 1)] = command;
  }

  peek(): C | undefined {
    return this.ring[this.head];
  }

  shift(): C | undefined {
    if (this.count === 0) return undefined;
    const command = this.ring[this.head];
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
    this.shifted++;
    return command;
  }

  *[Symbol.iterator](): Iterator<C> {
    for (let i = 0; i < this.count; i++) {
      yield this.ring[(this.head + i) & (this.ring.length - 1)] as C;
    }
  }

  private grow(): void {
    const straight = [...this.ring.slice(this.head), ...this.ring.slice(0, this.head)];
    this.ring = straight.concat(new Array<C | undefined>(straight.length).fill(undefined));
    this.head = 0;
  }
}
