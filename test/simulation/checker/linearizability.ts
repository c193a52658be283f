import { groupBy } from '../../../lib/cluster/common/group-by.js';
import type { History, LossWindow, Operation, Plain } from './history.js';
import { LossState } from './loss-state.js';
import type { Model } from './model.js';

/** Whether the calls on one key can be explained by some order. */
export type Verdict =
  | { readonly outcome: 'explained' }
  /** No order explains them. `operations` are the calls on the key, and `longest` the ids of the longest explanation. */
  | {
      readonly outcome: 'unexplained';
      readonly key: string;
      readonly operations: readonly Operation[];
      readonly longest: readonly number[];
    }
  /** The search was given up: too many orders. */
  | { readonly outcome: 'undecided'; readonly key: string };

/** How many states a search visits before it is given up, unless the caller says otherwise. */
const MAX_VISITED = 200_000;

/**
 * Finds out whether all calls of a history can be explained: as if each of them had been executed at one moment between
 * its call and its return, those with an unknown outcome at one moment after the call, or never. Keys are independent of
 * each other, and checked one by one. The method is the search of Wing and Gong with the memory of Lowe.
 *
 * @returns the first verdict that is not `explained`
 */
export function checkHistory(
  history: History,
  modelOf: (key: string) => Model,
  maxVisited = MAX_VISITED,
): Verdict {
  const byKey = groupBy(history.operations, ({ key }) => key);
  for (const [key, operations] of byKey) {
    const losses = history.losses.filter((loss) => loss.key === key);
    const verdict = new Search(key, operations, losses, modelOf(key), maxVisited).run();
    if (verdict.outcome !== 'explained') return verdict;
  }
  return { outcome: 'explained' };
}

/** What the search puts in an order: a call, or the begin or end of a loss. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly operation: Operation | undefined;
  /** The place of the step that must come first. */
  readonly after: number | undefined;
  readonly advance: (state: LossState) => LossState[];
}

class Search {
  private readonly steps: readonly Step[];
  private readonly visited = new Set<string>();
  /** All steps that must be in the order. */
  private readonly required: bigint;
  private longest: readonly number[] = [];

  constructor(
    private readonly key: string,
    private readonly operations: readonly Operation[],
    losses: readonly LossWindow[],
    private readonly model: Model,
    private readonly maxVisited: number,
  ) {
    const sorted = operations.toSorted((a, b) => a.calledAt - b.calledAt);
    const places = new Map(
      sorted.map(({ id, output }, place) => [id, output === undefined ? undefined : place]),
    );
    const calls = sorted.map((operation): Step => ({
      from: operation.calledAt,
      to: operation.returnedAt,
      operation,
      // a read that is sent again sees what a later call, whose reply was lost with it, has written
      after: operation.after === undefined || isOptional(operation) ? undefined : places.get(operation.after),
      advance: (state) => this.execute(operation, state),
    }));
    this.steps = [...calls, ...losses.flatMap(stepsOf)];
    this.required = this.steps.reduce(
      (bits, { operation }, place) => (isOptional(operation) ? bits : bits | (1n << BigInt(place))),
      0n,
    );
  }

  run(): Verdict {
    const found = this.explain(0n, LossState.of(this.model.initial), []);
    if (found) return { outcome: 'explained' };
    if (this.visited.size >= this.maxVisited) return { outcome: 'undecided', key: this.key };
    return { outcome: 'unexplained', key: this.key, operations: this.operations, longest: this.longest };
  }

  /** Whether the steps that are not done yet can follow in some order. */
  private explain(done: bigint, state: LossState, order: readonly number[]): boolean {
    if ((done & this.required) === this.required) return true;
    if (this.visited.size >= this.maxVisited) return false;
    const memory = `${done} ${state.text}`;
    if (this.visited.has(memory)) return false;
    this.visited.add(memory);
    if (order.length > this.longest.length) this.longest = order;
    const isDone = (place: number): boolean => ((done >> BigInt(place)) & 1n) === 1n;
    const end = this.steps.reduce(
      (least, { to }, place) => (isDone(place) ? least : Math.min(least, to)),
      Infinity,
    );
    return this.steps.some((step, place) => {
      if (isDone(place) || step.from > end) return false;
      const isInOrder = step.after === undefined || isDone(step.after);
      const next = done | (1n << BigInt(place));
      const { operation } = step;
      const after = operation === undefined ? order : [...order, operation.id];
      if (isInOrder && step.advance(state).some((reached) => this.explain(next, reached, after))) return true;
      // executed once, and again later, when its turn has come
      return (
        operation?.mayRepeat === true &&
        this.results(operation, state).some(([reached]) => this.explain(done, state.with(reached), order))
      );
    });
  }

  private execute(operation: Operation, state: LossState): LossState[] {
    return this.results(operation, state)
      .filter(([, output]) => operation.output === undefined || same(output, operation.output))
      .map(([value]) => state.with(value));
  }

  private results({ input }: Operation, state: LossState): (readonly [Plain, Plain])[] {
    return state.candidates().map((value) => this.model.apply(value, input));
  }
}

const isOptional = (operation: Operation | undefined): boolean =>
  operation !== undefined && operation.output === undefined;

const stepsOf = ({ from, to }: LossWindow): Step[] => [
  { from, to: from, operation: undefined, after: undefined, advance: (state) => [state.begin()] },
  { from: to, to, operation: undefined, after: undefined, advance: (state) => state.end() },
];

const same = (a: Plain, b: Plain): boolean => JSON.stringify(a) === JSON.stringify(b);
