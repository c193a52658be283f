import { keysOf } from './slot-rules.js';

type Commands = readonly (readonly string[])[];

/**
 * The refusals of one connection, and when its client has heard of them. What the client had sent by then is served all
 * the same if the node has become able to: it overtakes what was refused, which no client can prevent. Of a transaction,
 * the client hears by the reply to EXEC.
 */
export class UnheardRefusals {
  private readonly refused: { readonly slot: number; heardAt: number }[] = [];
  /** How many of them have been answered for good. */
  private answered = 0;

  /** Adds commands that were refused: one alone or in a transaction, or all those of an EXEC. */
  add(commands: Commands): void {
    for (const words of commands) {
      const found = keysOf(words);
      if (typeof found === 'object') this.refused.push({ slot: found.slot, heardAt: Infinity });
    }
  }

  /**
   * The reply that tells the client of the refusals was sent.
   *
   * @param whenDelivered calls back with the time at which the client has it
   */
  answer(whenDelivered: (heard: (at: number) => void) => void): void {
    const told = this.refused.slice(this.answered);
    if (told.length === 0) return;
    this.answered = this.refused.length;
    whenDelivered((at) => {
      for (const refusal of told) refusal.heardAt = at;
    });
  }

  /** Returns the slot of commands that are executed, if an earlier one was refused and the client did not know. */
  slotOvertakenBy(commands: Commands, sentAt: number): number | undefined {
    if (this.refused.length === 0) return undefined;
    for (const words of commands) {
      const found = keysOf(words);
      if (typeof found !== 'object') continue;
      if (this.refused.some(({ slot, heardAt }) => slot === found.slot && heardAt > sentAt))
        return found.slot;
    }
    return undefined;
  }
}
