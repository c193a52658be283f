import type { Plain } from './history.js';

/**
 * The state of one key during a search. While the servers may lose writes, it keeps all states since that began: the
 * present one may turn out to be any of them.
 */
export class LossState {
  private constructor(
    readonly value: Plain,
    /** The states to which the key may go back; `undefined` while nothing can be lost. */
    private readonly earlier: ReadonlyMap<string, Plain> | undefined,
    /** Losses that may be happening. */
    private readonly open: number,
  ) {}

  static of(initial: Plain): LossState {
    return new LossState(initial, undefined, 0);
  }

  /** A text that is equal for equal states. */
  get text(): string {
    const own = JSON.stringify(this.value);
    return this.earlier === undefined
      ? own
      : `${own} ${this.open} ${[...this.earlier.keys()].toSorted().join()}`;
  }

  /** Returns the states that the key may have now. */
  candidates(): Plain[] {
    return this.earlier === undefined ? [this.value] : [...this.earlier.values()];
  }

  /** Returns the state after an operation. */
  with(value: Plain): LossState {
    if (this.earlier === undefined) return new LossState(value, undefined, 0);
    return new LossState(value, new Map(this.earlier).set(JSON.stringify(value), value), this.open);
  }

  /** Returns the state from which on writes may be lost. */
  begin(): LossState {
    const earlier = this.earlier ?? new Map([[JSON.stringify(this.value), this.value]]);
    return new LossState(this.value, earlier, this.open + 1);
  }

  /** Returns the states that may be left when no more can be lost. */
  end(): LossState[] {
    if (this.open > 1) return [new LossState(this.value, this.earlier, this.open - 1)];
    return this.candidates().map((value) => new LossState(value, undefined, 0));
  }
}
