import type { Plain } from './history.js';
import { StateNumbers } from './state-numbers.js';

/**
 * The state of one key during a search. While the servers may lose writes, it keeps all states since that began: the
 * present one may turn out to be any of them.
 */
export class LossState {
  private constructor(
    private readonly numbers: StateNumbers,
    readonly value: Plain,
    private readonly number: number,
    /** The states to which the key may go back, by their numbers; `undefined` while nothing can be lost. */
    private readonly earlier: ReadonlyMap<number, Plain> | undefined,
    /** A number that is the same for the same earlier states. */
    private readonly mark: bigint,
    /** Losses that may be happening. */
    private readonly open: number,
  ) {}

  static of(initial: Plain): LossState {
    const numbers = new StateNumbers();
    return new LossState(numbers, initial, numbers.numberOf(initial), undefined, 0n, 0);
  }

  /** A text that is equal for equal states. */
  get text(): string {
    const { number, earlier, open, mark } = this;
    return earlier === undefined ? String(number) : `${number} ${open} ${mark.toString(16)}`;
  }

  /** Yields the states that the key may have now: first the one that it has if nothing is lost. */
  *candidates(): Generator<Plain> {
    yield this.value;
    const { earlier = new Map<number, Plain>(), number } = this;
    for (const [other, value] of [...earlier].toReversed()) if (other !== number) yield value;
  }

  /** Returns the state after an operation. */
  with(value: Plain): LossState {
    const { numbers, earlier, open } = this;
    const number = numbers.numberOf(value);
    if (earlier === undefined || earlier.has(number))
      return new LossState(numbers, value, number, earlier, this.mark, open);
    return new LossState(
      numbers,
      value,
      number,
      new Map(earlier).set(number, value),
      this.markWith(number),
      open,
    );
  }

  /** Returns the state from which on writes may be lost. */
  begin(): LossState {
    const { numbers, value, number, earlier, mark, open } = this;
    if (earlier !== undefined) return new LossState(numbers, value, number, earlier, mark, open + 1);
    return new LossState(numbers, value, number, new Map([[number, value]]), this.markWith(number), 1);
  }

  /** Yields the states that may be left when no more can be lost. */
  *end(): Generator<LossState> {
    const { numbers, value, number, earlier, mark, open } = this;
    if (open > 1) return yield new LossState(numbers, value, number, earlier, mark, open - 1);
    for (const left of this.candidates())
      yield new LossState(numbers, left, numbers.numberOf(left), undefined, 0n, 0);
  }

  private markWith(number: number): bigint {
    return this.mark | (1n << BigInt(number));
  }
}
