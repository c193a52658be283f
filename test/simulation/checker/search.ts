import { callsOf, follow, isDone, isOptional, stepsOf, type Beginning, type Step } from './beginning.js';
import type { LossWindow, Operation, Plain } from './history.js';
import { LookAhead } from './look-ahead.js';
import { LossState } from './loss-state.js';
import { isRead, type Model } from './model.js';
import { same } from './same.js';
import { Visited } from './visited.js';

/** What a search has found, and the ids of the calls in the longest explanation. */
export interface SearchResult {
  readonly outcome: 'explained' | 'unexplained' | 'undecided';
  readonly longest: readonly number[];
}

/** Searches for an order that explains the calls on one key, and does not visit the same beginning twice. */
export class Search {
  private readonly steps: readonly Step[];
  private readonly visited = new Visited();
  private readonly lookAhead: LookAhead;

  constructor(
    operations: readonly Operation[],
    losses: readonly LossWindow[],
    private readonly model: Model,
    private readonly maxVisited: number,
  ) {
    this.steps = stepsOf(operations, losses);
    this.lookAhead = new LookAhead(this.steps, model);
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
      if (!this.visited.add(beginning) || this.lookAhead.isLost(beginning)) continue;
      if (beginning.length > longest.length) longest = beginning;
      open.push(this.continuations(beginning));
    }
    return { outcome: 'unexplained', longest: callsOf(longest) };
  }

  /** Yields what may follow: steps that began before another one that is not done has ended. */
  private *continuations(beginning: Beginning): Generator<Beginning> {
    const { state } = beginning;
    const places = this.candidates(beginning);
    const first = this.harmless(beginning, places);
    if (first !== undefined) return yield first;
    for (const place of places) {
      const { after, operation } = this.steps[place];
      if (after === undefined || isDone(after, beginning))
        for (const reached of this.advance(this.steps[place], state))
          yield follow(beginning, place, this.steps[place], reached);
      // executed once, and again later, when its turn has come
      if (operation?.mayRepeat === true)
        for (const [reached] of this.results(operation, state))
          yield { ...beginning, state: state.with(reached) };
    }
  }

  /** Returns a beginning after which all can follow that could without its last step, if there is one. */
  private harmless(beginning: Beginning, places: readonly number[]): Beginning | undefined {
    for (const place of places) {
      const step = this.steps[place];
      if (step.after !== undefined && !isDone(step.after, beginning)) continue;
      // what comes before a loss begins may also come after it, and more can be lost then
      if (step.loss === 'begin') return follow(beginning, place, step, beginning.state.begin());
      // a call that never changes anything can be taken out of where it is in any order, and put here
      if (step.operation !== undefined && this.isReadHere(step.operation, beginning.state))
        return follow(beginning, place, step, beginning.state.unpinned());
    }
    return undefined;
  }

  /** Whether a call that changes nothing returns here what it has returned. */
  private isReadHere(operation: Operation, state: LossState): boolean {
    const { output, input } = operation;
    if (output === undefined || !isRead(this.model, input)) return false;
    for (const [reached, returned, from] of this.results(operation, state))
      if (same(returned, output) && same(reached, from)) return true;
    return false;
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

  private advance({ operation, loss }: Step, state: LossState): Iterable<LossState> {
    if (operation !== undefined)
      return isOptional(operation) ? this.tryOut(operation, state) : this.execute(operation, state);
    return loss === 'begin' ? [state.begin()] : state.end();
  }

  private *execute(operation: Operation, state: LossState): Generator<LossState> {
    for (const [reached, returned] of this.results(operation, state))
      if (same(returned, operation.output as Plain)) yield state.with(reached);
  }

  /**
   * Executes a call whose outcome is unknown. It has no end, so it can wait until what it does is needed by the very next
   * step, and be missing if it changes nothing.
   */
  private *tryOut(operation: Operation, state: LossState): Generator<LossState> {
    for (const [reached] of this.results(operation, state))
      if (!state.holds(reached)) yield state.with(reached, true);
  }

  private *results(
    { input }: Operation,
    state: LossState,
  ): Generator<readonly [reached: Plain, output: Plain, from: Plain]> {
    for (const from of state.candidates()) yield [...this.model.apply(from, input), from];
  }
}
