import { isDone, type Beginning, type Step } from './beginning.js';
import type { Operation, Plain } from './history.js';
import { whatReads, type Model, type OpenCall } from './model.js';

/** How many of the next reads decide whether a search goes on. */
const NEXT_READS = 8;

/** A call that has returned what it has read. */
interface Read {
  readonly place: number;
  readonly operation: Operation;
  readonly seen: Plain;
}

/** Finds beginnings of orders after which a read that must follow can no longer return what it has returned. */
export class LookAhead {
  /** In the order of their calls. */
  private readonly reads: readonly Read[];
  /** The calls by their places. What one has returned says nothing about its earlier executions. */
  private readonly calls: readonly (OpenCall | undefined)[];

  constructor(
    private readonly steps: readonly Step[],
    private readonly model: Model,
  ) {
    this.calls = steps.map(
      ({ operation }) => operation && (operation.mayRepeat ? { ...operation, output: undefined } : operation),
    );
    this.reads = steps.flatMap(({ operation }, place) => {
      if (operation?.output === undefined) return [];
      const seen = whatReads(model, operation.input, operation.output);
      return seen === undefined ? [] : [{ place, operation, seen }];
    });
  }

  /**
   * Whether no order goes on after a beginning. A loss changes nothing about that: it goes back to one of the states that
   * the key may have now, or to one that has followed them.
   */
  isLost(beginning: Beginning): boolean {
    const { canBecome } = this.model;
    if (canBecome === undefined) return false;
    const present = [...beginning.state.all()];
    return this.readsAfter(beginning).some(
      (read) => !canBecome(present, read.seen, this.openBefore(beginning, read)),
    );
  }

  /** Returns the next reads that must follow, and the last one. More would take long, and tell little. */
  private readsAfter(beginning: Beginning): Read[] {
    const reads = this.reads.filter(({ place }) => !isDone(place, beginning));
    return reads.length <= NEXT_READS ? reads : [...reads.slice(0, NEXT_READS), ...reads.slice(-1)];
  }

  /** Returns the calls that are not done, and may come before a read. */
  private openBefore({ end, leftOut }: Beginning, { place: own, operation }: Read): OpenCall[] {
    const open: OpenCall[] = [];
    const add = (place: number): void => {
      const call = this.calls[place];
      // only a call that is executed several times may come before what it has returned
      if (call !== undefined && (place !== own || operation.mayRepeat === true)) open.push(call);
    };
    leftOut.forEach(add);
    for (
      let place = end;
      place < this.steps.length && this.steps[place].from <= operation.returnedAt;
      place++
    )
      add(place);
    return open;
  }
}
