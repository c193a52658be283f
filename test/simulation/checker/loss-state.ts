import type { Plain } from './history.js';
import { StateNumbers } from './state-numbers.js';

/** All that makes up the state of one key during a search. */
interface Parts {
  readonly value: Plain;
  readonly number: number;
  /** The states to which the key may go back, by their numbers; `undefined` while nothing can be lost. */
  readonly earlier: ReadonlyMap<number, Plain> | undefined;
  /** A number that is the same for the same earlier states. */
  readonly mark: bigint;
  /** Losses that may be happening. */
  readonly open: number;
  /** Whether the next call must be executed on the present value. */
  readonly isPinned: boolean;
}

/**
 * The state of one key during a search. While the servers may lose writes, it keeps all states since that began: the
 * present one may turn out to be any of them.
 */
export class LossState {
  private constructor(
    private readonly numbers: StateNumbers,
    private readonly parts: Parts,
  ) {}

  static of(initial: Plain): LossState {
    const numbers = new StateNumbers();
    const number = numbers.numberOf(initial);
    return new LossState(numbers, {
      value: initial,
      number,
      earlier: undefined,
      mark: 0n,
      open: 0,
      isPinned: false,
    });
  }

  /** A text that is equal for equal states, apart from those in `mark`. */
  get text(): string {
    const { number, earlier, open, isPinned } = this.parts;
    // while writes may be lost, the present value is one of the earlier ones, and no different from them
    return earlier !== undefined && !isPinned ? `lossy ${open}` : `${number} ${open}`;
  }

  /** A set of the states to which the key may go back: one that has all bits of another allows all that the other does. */
  get mark(): bigint {
    return this.parts.mark;
  }

  /** Yields the states on which the next call may be executed: first the one that the key has if nothing is lost. */
  candidates(): Iterable<Plain> {
    return this.parts.isPinned ? [this.parts.value] : this.all();
  }

  /** Yields the states that the key may have now. */
  *all(): Generator<Plain> {
    const { value, earlier = new Map<number, Plain>(), number } = this.parts;
    yield value;
    for (const [other, state] of [...earlier].toReversed()) if (other !== number) yield state;
  }

  /** Whether the key may have a state now. */
  holds(value: Plain): boolean {
    const { earlier, number } = this.parts;
    const other = this.numbers.numberOf(value);
    return other === number || earlier?.has(other) === true;
  }

  /** Returns the state after an operation. @param isPinned whether the next one must be executed on its result */
  with(value: Plain, isPinned = false): LossState {
    const { earlier } = this.parts;
    const number = this.numbers.numberOf(value);
    if (earlier === undefined || earlier.has(number)) return this.but({ value, number, isPinned });
    return this.but({
      value,
      number,
      earlier: new Map(earlier).set(number, value),
      mark: this.parts.mark | bitOf(number),
      isPinned,
    });
  }

  /** Returns the state after an operation that changes nothing. */
  unpinned(): LossState {
    return this.parts.isPinned ? this.but({ isPinned: false }) : this;
  }

  /** Returns the state from which on writes may be lost. */
  begin(): LossState {
    const { value, number, earlier, open } = this.parts;
    if (earlier !== undefined) return this.but({ open: open + 1 });
    return this.but({ earlier: new Map([[number, value]]), mark: bitOf(number), open: 1 });
  }

  /** Yields the states that may be left when no more can be lost. */
  *end(): Generator<LossState> {
    const { open } = this.parts;
    if (open > 1) return yield this.but({ open: open - 1 });
    for (const value of this.candidates())
      yield new LossState(this.numbers, {
        value,
        number: this.numbers.numberOf(value),
        earlier: undefined,
        mark: 0n,
        open: 0,
        isPinned: false,
      });
  }

  private but(changes: Partial<Parts>): LossState {
    return new LossState(this.numbers, { ...this.parts, ...changes });
  }
}

const bitOf = (number: number): bigint => 1n << BigInt(number);
