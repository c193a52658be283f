import type { Plain } from './history.js';

/** Numbers states in the order of their first appearance. Equal states have the same number. */
export class StateNumbers {
  private readonly numbers = new Map<string, number>();

  numberOf(state: Plain): number {
    const text = JSON.stringify(state);
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    this.numbers.set(text, this.numbers.size);
    return this.numbers.size - 1;
  }
}
