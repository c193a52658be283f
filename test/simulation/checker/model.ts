import type { Input, Operation, Plain } from './history.js';

/** What a call does that may still come, and what it returns then; `undefined` if that may be anything. */
export type OpenCall = Pick<Operation, 'input' | 'output'>;

/** What a kind of value is, and what each operation does to it, one after the other. */
export interface Model<State extends Plain = Plain> {
  readonly initial: State;
  /** Returns the state after an operation, and what the operation returns. */
  apply(state: State, input: Input): readonly [state: State, output: Plain];
  /**
   * Whether an operation that returns what its caller was told changes nothing, whatever state it is executed on: all
   * that can follow it could follow without it. Default: whether its name is "read".
   */
  isRead?(input: Input): boolean;
  /**
   * Returns what the state must be when an operation is executed, as `canBecome` takes it, or `undefined` if that does
   * not matter. Default: what an operation named "read" has returned.
   */
  seenBy?(input: Input, output: Plain): State | undefined;
  /**
   * Whether one of several states may be followed by one that a later operation has seen, while nothing is lost. A search
   * gives up states that may not. Whatever may follow a state must also be able to follow those before it.
   *
   * @param open the calls that may come before, in any order, each any number of times
   */
  canBecome?(states: readonly State[], seen: State, open: readonly OpenCall[]): boolean;
}

export const isRead = ({ isRead: own }: Model, input: Input): boolean => own?.(input) ?? input[0] === 'read';

export const whatReads = (model: Model, input: Input, output: Plain): Plain | undefined =>
  model.seenBy === undefined ? (input[0] === 'read' ? output : undefined) : model.seenBy(input, output);
