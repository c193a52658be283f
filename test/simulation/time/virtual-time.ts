import { setImmediate as nextTurn } from 'node:timers';

/** Something that happens at a moment of virtual time. */
export interface ScheduledEvent {
  readonly at: number;
  /** Orders events of the same moment. */
  readonly serial: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/**
 * A clock that jumps from one event to the next, so that hours pass in moments. Like the event loop of Node.js it runs
 * what is due, one callback after the other, follows all promises in between, and then runs immediates.
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  now = 0;
  private readonly heap: ScheduledEvent[] = [];
  private serial = 0;
  private immediates: ScheduledEvent[] = [];
  private turn: ScheduledEvent[] = [];

  /** Schedules an event after so many milliseconds. */
  after(ms: number, run: () => void): ScheduledEvent {
    return this.at(this.now + ms, run);
  }

  /** Schedules an event at a moment. Events of the same moment come in the order in which they were scheduled. */
  at(moment: number, run: () => void): ScheduledEvent {
    const event = { at: moment, serial: ++this.serial, run, isCancelled: false };
    this.push(event);
    return event;
  }

  /** Schedules an event after all that is due now. */
  afterThisTurn(run: () => void): ScheduledEvent {
    const event = { at: this.now, serial: ++this.serial, run, isCancelled: false };
    this.immediates.push(event);
    return event;
  }

  /** Lets time pass until a condition holds, or a moment has come. */
  async pass(until: number, isDone: () => boolean = () => false): Promise<void> {
    // what has been called just now comes first
    await promisesFollowed();
    while (!isDone()) {
      const event = this.next(until);
      if (event === undefined) break;
      event.run();
      await promisesFollowed();
    }
    if (!isDone()) this.now = Math.max(this.now, until);
  }

  private next(until: number): ScheduledEvent | undefined {
    for (;;) {
      const event = this.nextOf(until);
      if (event?.isCancelled !== true) return event;
    }
  }

  private nextOf(until: number): ScheduledEvent | undefined {
    if (this.turn.length > 0) return this.turn.shift();
    const first = this.heap.at(0);
    if (this.immediates.length > 0 && !(first !== undefined && first.at <= this.now)) {
      this.turn = this.immediates;
      this.immediates = [];
      return this.turn.shift();
    }
    if (first === undefined || first.at > until) return undefined;
    this.now = Math.max(this.now, first.at);
    return this.pop();
  }

  private push(event: ScheduledEvent): void {
    const { heap } = this;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(heap[place], heap[parent])) break;
      [heap[place], heap[parent]] = [heap[parent], heap[place]];
      place = parent;
    }
  }

  private pop(): ScheduledEvent {
    const { heap } = this;
    const [first] = heap;
    const last = heap.pop() as ScheduledEvent;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let place = 0; ;) {
      const children = [2 * place + 1, 2 * place + 2].filter((child) => child < heap.length);
      const least = children.reduce(
        (best, child) => (isBefore(heap[child], heap[best]) ? child : best),
        place,
      );
      if (least === place) return first;
      [heap[place], heap[least]] = [heap[least], heap[place]];
      place = least;
    }
  }
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.at < b.at || (a.at === b.at && a.serial < b.serial);

/** Resolves once all promises and next ticks have been followed. */
const promisesFollowed = (): Promise<void> => new Promise((resolve) => nextTurn(resolve));
