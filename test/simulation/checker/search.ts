import type { Input, LossWindow, Operation, Plain } from './history.js';
import { LossState } from './loss-state.js';
import type { Model } from './model.js';
import { same } from './same.js';

/** How many of the next reads decide whether a search goes on. */
const NEXT_READS = 8;

/** What a search has found, and the ids of the calls in the longest explanation. */
export interface SearchResult {
  readonly outcome: 'explained' | 'unexplained' | 'undecided';
  readonly longest: readonly number[];
}

/** What the search puts in an order: a call, or the begin or end of a loss. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly operation: Operation | undefined;
  /** The place of the step that must come first. */
  readonly after: number | undefined;
  readonly advance: (state: LossState) => Iterable<LossState>;
}

/** The beginning of an order, and the state that it leads to. */
interface Beginning {
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

/** Searches for an order that explains the calls on one key, and does not visit the same beginning twice. */
export class Search {
  private readonly steps: readonly Step[];
  private readonly visited = new Set<string>();
  /** The places of the reads that have returned, in the order of their calls. */
  private readonly reads: readonly number[];

  constructor(
    operations: readonly Operation[],
    losses: readonly LossWindow[],
    private readonly model: Model,
    private readonly maxVisited: number,
  ) {
    this.steps = this.stepsOf(operations, losses);
    this.reads = this.steps.flatMap(({ operation }, place) =>
      operation?.input[0] === 'read' && !isOptional(operation) ? [place] : [],
    );
  }

  run(): SearchResult {
    const required = this.steps.filter(({ operation }) => !isOptional(operation)).length;
    const first: Beginning = {
      end: 0,
      leftOut: [],
      required,
      state: LossState.of(this.model.initial),
      last: undefined,
      length: 0,
      before: undefined,
    };
    let longest = first;
    if (required === 0) return { outcome: 'explained', longest: [] };
    // not recursive: an explanation may have more calls than the stack has room for
    const open = [this.continuations(first)];
    for (let current = open.at(-1); current !== undefined; current = open.at(-1)) {
      if (this.visited.size >= this.maxVisited) return { outcome: 'undecided', longest: callsOf(longest) };
      const next = current.next();
      if (next.done === true) {
        open.pop();
        continue;
      }
      const beginning = next.value;
      if (beginning.required === 0) return { outcome: 'explained', longest: callsOf(beginning) };
      if (!this.isNew(beginning) || this.isLost(beginning)) continue;
      if (beginning.length > longest.length) longest = beginning;
      open.push(this.continuations(beginning));
    }
    return { outcome: 'unexplained', longest: callsOf(longest) };
  }

  private isNew({ end, leftOut, state }: Beginning): boolean {
    const memory = `${end} ${leftOut.join()} ${state.text}`;
    if (this.visited.has(memory)) return false;
    this.visited.add(memory);
    return true;
  }

  /**
   * Whether a read that must follow can no longer return what it has returned. A loss changes nothing about that: it
   * goes back to one of the states that the key may have now, or to one that has followed them.
   */
  private isLost(beginning: Beginning): boolean {
    const { canBecome } = this.model;
    if (canBecome === undefined) return false;
    const present = [...beginning.state.candidates()];
    return this.readsAfter(beginning).some((place) => {
      const { operation, to } = this.steps[place];
      const open = this.openBefore(beginning, to);
      return !present.some((state) => canBecome(state, operation?.output as Plain, open));
    });
  }

  /** Returns the next reads that must follow, and the last one. More would take long, and tell little. */
  private readsAfter(beginning: Beginning): number[] {
    const reads = this.reads.filter((place) => !isDone(place, beginning));
    return reads.length <= NEXT_READS ? reads : [...reads.slice(0, NEXT_READS), ...reads.slice(-1)];
  }

  /** Returns what the calls do that are not done, and may come before a moment. */
  private openBefore({ end, leftOut }: Beginning, moment: number): Input[] {
    const places = [...leftOut];
    for (let place = end; place < this.steps.length && this.steps[place].from <= moment; place++)
      places.push(place);
    return places.map((place) => this.steps[place].operation?.input).filter((input) => input !== undefined);
  }

  /** Yields what may follow: steps that began before another one that is not done has ended. */
  private *continuations(beginning: Beginning): Generator<Beginning> {
    const { state } = beginning;
    for (const place of this.candidates(beginning)) {
      const { after, operation, advance } = this.steps[place];
      if (after === undefined || isDone(after, beginning))
        for (const reached of advance(state)) yield this.follow(beginning, place, reached);
      // executed once, and again later, when its turn has come
      if (operation?.mayRepeat === true)
        for (const [reached] of this.results(operation, state))
          yield { ...beginning, state: state.with(reached) };
    }
  }

  /** Returns the steps that may come next: those that must be over first come first. */
  private candidates({ end, leftOut }: Beginning): number[] {
    const { steps } = this;
    const places = [...leftOut];
    let limit = leftOut.reduce((least, place) => Math.min(least, steps[place].to), Infinity);
    for (let place = end; place < steps.length && steps[place].from <= limit; place++) {
      places.push(place);
      limit = Math.min(limit, steps[place].to);
    }
    return this.withoutEqual(places.filter((place) => steps[place].from <= limit)).sort(
      (a, b) => steps[a].to - steps[b].to || a - b,
    );
  }

  /** Of calls that do the same, and whose outcome is unknown, only the first need be tried. */
  private withoutEqual(places: readonly number[]): number[] {
    const tried = new Set<string>();
    return places.filter((place) => {
      const { operation } = this.steps[place];
      if (operation === undefined || !isOptional(operation)) return true;
      const { size } = tried;
      return tried.add(JSON.stringify(operation.input)).size > size;
    });
  }

  private follow(before: Beginning, place: number, state: LossState): Beginning {
    const { operation } = this.steps[place];
    const isNext = place >= before.end;
    const skipped = Array.from({ length: isNext ? place - before.end : 0 }, (_, at) => before.end + at);
    return {
      end: isNext ? place + 1 : before.end,
      leftOut: [...before.leftOut.filter((one) => one !== place), ...skipped],
      required: before.required - (isOptional(operation) ? 0 : 1),
      state,
      last: operation?.id,
      length: before.length + 1,
      before,
    };
  }

  private stepsOf(operations: readonly Operation[], losses: readonly LossWindow[]): Step[] {
    const calls = operations.map((operation): Omit<Step, 'after'> => ({
      from: operation.calledAt,
      to: operation.returnedAt,
      operation,
      advance: (state) => this.execute(operation, state),
    }));
    const all = [...calls, ...losses.flatMap(stepsOfLoss)].toSorted((a, b) => a.from - b.from);
    const places = new Map(
      all.map(({ operation }, place) => [operation?.id, isOptional(operation) ? undefined : place]),
    );
    return all.map((step) => ({ ...step, after: placeBefore(step.operation, places) }));
  }

  private *execute(operation: Operation, state: LossState): Generator<LossState> {
    const { output } = operation;
    for (const [reached, returned, from] of this.results(operation, state)) {
      // a call with an unknown outcome that changes nothing need not be in the order
      const isExplained = output === undefined ? reached !== from : same(returned, output);
      if (isExplained) yield state.with(reached);
    }
  }

  private *results(
    { input }: Operation,
    state: LossState,
  ): Generator<readonly [reached: Plain, output: Plain, from: Plain]> {
    for (const from of state.candidates()) yield [...this.model.apply(from, input), from];
  }
}

function callsOf(last: Beginning): number[] {
  const calls: number[] = [];
  for (let at: Beginning | undefined = last; at !== undefined; at = at.before)
    if (at.last !== undefined) calls.push(at.last);
  return calls.toReversed();
}

const isDone = (place: number, { end, leftOut }: Beginning): boolean =>
  place < end && !leftOut.includes(place);

const isOptional = (operation: Operation | undefined): boolean =>
  operation !== undefined && operation.output === undefined;

function placeBefore(
  operation: Operation | undefined,
  places: ReadonlyMap<number | undefined, number | undefined>,
): number | undefined {
  // a read that is sent again sees what a later call, whose reply was lost with it, has written
  return operation?.after === undefined || isOptional(operation) ? undefined : places.get(operation.after);
}

const stepsOfLoss = ({ from, to }: LossWindow): Omit<Step, 'after'>[] => [
  { from, to: from, operation: undefined, advance: (state) => [state.begin()] },
  { from: to, to, operation: undefined, advance: (state) => state.end() },
];
