import type { LossWindow, Operation } from './history.js';
import type { LossState } from './loss-state.js';

/** What a search puts in an order: a call, or the begin or end of a loss. */
export interface Step {
  readonly from: number;
  readonly to: number;
  /** The call; absent for a loss. */
  readonly operation?: Operation;
  readonly loss?: 'begin' | 'end';
  /** The place of the step that must come first. */
  readonly after: number | undefined;
}

/** The beginning of an order, and the state that it leads to. */
export interface Beginning {
  /** All steps before this place are done, except those that are left out. */
  readonly end: number;
  readonly leftOut: readonly number[];
  /** How many steps must still follow. */
  readonly required: number;
  readonly state: LossState;
  /** The last call, and what was before it. */
  readonly last: number | undefined;
  readonly length: number;
  readonly before: Beginning | undefined;
}

/** Returns the steps of a history, in the order in which they may begin. */
export function stepsOf(operations: readonly Operation[], losses: readonly LossWindow[]): Step[] {
  const calls = operations.map((operation): Omit<Step, 'after'> => ({
    from: operation.calledAt,
    to: operation.returnedAt,
    operation,
  }));
  const all = [...calls, ...losses.flatMap(stepsOfLoss)].toSorted((a, b) => a.from - b.from);
  const places = new Map(
    all.map(({ operation }, place) => [operation?.id, isOptional(operation) ? undefined : place]),
  );
  return all.map((step) => ({ ...step, after: placeBefore(step.operation, places) }));
}

export const isDone = (place: number, { end, leftOut }: Beginning): boolean =>
  place < end && !leftOut.includes(place);

/** Whether a call may be missing in an order, because its outcome is unknown. */
export const isOptional = (operation: Operation | undefined): boolean =>
  operation !== undefined && operation.output === undefined;

/** Returns a beginning that is followed by a step. */
export function follow(before: Beginning, place: number, step: Step, state: LossState): Beginning {
  const isNext = place >= before.end;
  const skipped = Array.from({ length: isNext ? place - before.end : 0 }, (_, at) => before.end + at);
  return {
    end: isNext ? place + 1 : before.end,
    leftOut: [...before.leftOut.filter((one) => one !== place), ...skipped],
    required: before.required - (isOptional(step.operation) ? 0 : 1),
    state,
    last: step.operation?.id,
    length: before.length + 1,
    before,
  };
}

/** Returns the ids of the calls of a beginning, in their order. */
export function callsOf(last: Beginning): number[] {
  const calls: number[] = [];
  for (let at: Beginning | undefined = last; at !== undefined; at = at.before)
    if (at.last !== undefined) calls.push(at.last);
  return calls.toReversed();
}

function placeBefore(
  operation: Operation | undefined,
  places: ReadonlyMap<number | undefined, number | undefined>,
): number | undefined {
  // a read that is sent again sees what a later call, whose reply was lost with it, has written
  return operation?.after === undefined || isOptional(operation) ? undefined : places.get(operation.after);
}

const stepsOfLoss = ({ from, to }: LossWindow): Omit<Step, 'after'>[] => [
  { from, to: from, loss: 'begin' },
  { from: to, to, loss: 'end' },
];
