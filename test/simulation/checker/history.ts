/** A value that JSON can write: what operations read, write and return. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

/** What an operation does: the name that its model knows, and its arguments. */
export type Input = readonly [name: string, ...args: Plain[]];

/** One call, as its caller saw it. Calls that are known not to have been executed are left out of a history. */
export interface Operation {
  readonly id: number;
  readonly key: string;
  readonly input: Input;
  readonly calledAt: number;
  /** When the caller had the reply; `Infinity` if it never learned the outcome. */
  readonly returnedAt: number;
  /** What was returned; `undefined` if the outcome is unknown. */
  readonly output: Plain | undefined;
  /** The call may have been executed several times before it returned, as an idempotent call that is sent again. */
  readonly mayRepeat?: boolean;
  /** The call that must come first, because one caller sent both, in this order. */
  readonly after?: number;
}

/**
 * A time in which the servers of a key may lose writes that they have acknowledged, because a replica takes over or an
 * old primary still serves. In it, and at its end, the state may go back to any state that it has had in it.
 */
export interface LossWindow {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

/** All that callers saw, and what servers may have lost. */
export interface History {
  readonly operations: readonly Operation[];
  readonly losses: readonly LossWindow[];
}
