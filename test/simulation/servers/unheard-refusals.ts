import { keysOf } from './slot-rules.js';

/**
 * The refusals of one connection, and when its client has heard of them. What the client had sent by then is served all
 * the same if the node has become able to: it overtakes what was refused, which no client can prevent.
 */
export class UnheardRefusals {
  private readonly heardAt: { readonly slot: number; at: number }[] = [];

  /** Adds a refused command. @param whenHeard calls back with the time at which the client has heard of it */
  add(words: readonly string[], whenHeard: (heard: (at: number) => void) => void): void {
    const found = keysOf(words);
    if (typeof found !== 'object') return;
    const refusal = { slot: found.slot, at: Infinity };
    this.heardAt.push(refusal);
    whenHeard((at) => (refusal.at = at));
  }

  /** Returns the slot of a command, if an earlier one was refused and the client did not know when it sent this one. */
  slotOvertakenBy(words: readonly string[], sentAt: number): number | undefined {
    if (this.heardAt.length === 0) return undefined;
    const found = keysOf(words);
    if (typeof found !== 'object') return undefined;
    return this.heardAt.some(({ slot, at }) => slot === found.slot && at > sentAt) ? found.slot : undefined;
  }
}
