import { isDone, type Beginning, type Step } from './beginning.js';
import type { Input, Operation, Plain } from './history.js';
import { whatReads, type Model } from './model.js';

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

  constructor(
    private readonly steps: readonly Step[],
    private readonly model: Model,
  ) {
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
    return this.readsAfter(beginning).some((read) => {
      const open = this.openBefore(beginning, read);
      return !present.some((state) => canBecome(state, read.seen, open));
    });
  }

  /** Returns the next reads that must follow, and the last one. More would take long, and tell little. */
  private readsAfter(beginning: Beginning): Read[] {
    const reads = this.reads.filter(({ place }) => !isDone(place, beginning));
    return reads.length <= NEXT_READS ? reads : [...reads.slice(0, NEXT_READS), ...reads.slice(-1)];
  }

  /** Returns what the calls do that are not done, and may come before a read. */
  private openBefore({ end, leftOut }: Beginning, { place: own, operation }: Read): Input[] {
    const places = [...leftOut];
    for (
      let place = end;
      place < this.steps.length && this.steps[place].from <= operation.returnedAt;
      place++
    )
      places.push(place);
    return places
      .filter((place) => place !== own || operation.mayRepeat === true)
      .map((place) => this.steps[place].operation?.input)
      .filter((input) => input !== undefined);
  }
}
