import type { Beginning } from './beginning.js';

/** The beginnings that a search has visited. */
export class Visited {
  private readonly marks = new Map<string, bigint[]>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Adds a beginning. Returns `false` if all that can follow it can follow one that was visited. */
  add({ end, leftOut, state }: Beginning): boolean {
    const memory = `${end} ${leftOut.join()} ${state.text}`;
    const marks = this.marks.get(memory);
    const { mark } = state;
    // where more states are possible, all that was possible still is
    if (marks?.some((known) => (mark & ~known) === 0n) === true) return false;
    this.count++;
    if (marks === undefined) this.marks.set(memory, [mark]);
    else marks.push(mark);
    return true;
  }
}
