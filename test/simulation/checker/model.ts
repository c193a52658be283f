import type { Input, Plain } from './history.js';

/** What a kind of value is, and what each operation does to it, one after the other. */
export interface Model<State extends Plain = Plain> {
  readonly initial: State;
  /** Returns the state after an operation, and what the operation returns. */
  apply(state: State, input: Input): readonly [state: State, output: Plain];
  /**
   * Whether a state may be followed by one that a later read returns, while nothing is lost. A search gives up states
   * that may not. Whatever may follow a state must also be able to follow those before it.
   *
   * @param open what the operations do that may come before the read, in any order, each any number of times
   */
  canBecome?(state: State, later: State, open: readonly Input[]): boolean;
}
