import { Injectable } from '@nestjs/common';

/** What a handler has done so far. */
export interface HandlerStatistics {
  /** `OrderEvents.onPlaced`. */
  readonly handler: string;
  /** What it is subscribed to. */
  readonly names: readonly string[];
  /** Messages it has finished with, those it failed on among them. */
  readonly handled: number;
  /** Messages it failed on. */
  readonly failed: number;
  /** Messages it has missed because too many waited. */
  readonly dropped: number;
  /** Messages that wait for it now. */
  readonly waiting: number;
}

/** Tells what one handler has done. */
export type CountHandler = () => HandlerStatistics;

/** The handlers of an application, for whoever wants to watch them: to be injected. */
@Injectable()
export class ClusterHandlers {
  private readonly counters: CountHandler[] = [];

  /** How each handler does, a line for each decorator. */
  get statistics(): readonly HandlerStatistics[] {
    return this.counters.map((count) => count());
  }

  /** @internal */
  add(count: CountHandler): void {
    this.counters.push(count);
  }
}
