import { CommandError, type MemoryReply } from '../../../lib/testing/memory/command-parts/reply.js';
import type { ScheduledEvent } from '../time/virtual-time.js';
import type { World } from './world.js';

/** A command of a client that waits on a node. */
export interface Waiting {
  /** The client of the command, as the node numbers it. */
  readonly id: number;
  readonly keys: readonly string[];
  readonly ms: number;
  readonly nothing: () => MemoryReply;
  /** Returns its reply if it has one now. */
  attempt(): MemoryReply | undefined;
  /** Receives its reply. */
  end(reply: MemoryReply): void;
}

const DEMOTED =
  'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';
/** How often a process that does not run looks at its timers, in ms. */
const FROZEN_MS = 5;

/** The commands that wait on a node, in the order of their arrival. */
export class WaitingClients {
  private readonly timers = new Map<Waiting, ScheduledEvent | undefined>();

  constructor(
    private readonly world: World,
    private readonly isRunning: () => boolean,
  ) {}

  add(waiting: Waiting): void {
    this.timers.set(waiting, waiting.ms === 0 ? undefined : this.timer(waiting, waiting.ms));
  }

  /** Replies to all that have something to return now. */
  serve(): void {
    for (const waiting of [...this.timers.keys()]) {
      // what another one has received may have ended its wait
      if (!this.timers.has(waiting)) continue;
      const reply = waiting.attempt();
      if (reply !== undefined) this.end(waiting, reply);
    }
  }

  /** Forgets what a client waits for. */
  forget(id: number): void {
    const waiting = this.of(id);
    if (waiting !== undefined) this.remove(waiting);
  }

  /** CLIENT UNBLOCK. Returns whether the client waited. */
  unblock(id: number, withError: boolean): boolean {
    const waiting = this.of(id);
    if (waiting === undefined) return false;
    const error = new CommandError('UNBLOCKED client unblocked via CLIENT UNBLOCK');
    this.end(waiting, withError ? error : waiting.nothing());
    return true;
  }

  /** Ends the wait for keys that the node serves no longer. @param refusalOf returns why, if so */
  endMoved(refusalOf: (key: string) => string | undefined): void {
    for (const waiting of [...this.timers.keys()]) {
      const [refusal] = waiting.keys.map(refusalOf).filter((text) => text !== undefined);
      if (refusal !== undefined) this.end(waiting, new CommandError(refusal));
    }
  }

  /** The node is no primary any more. */
  endAll(): void {
    for (const waiting of [...this.timers.keys()]) this.end(waiting, new CommandError(DEMOTED));
  }

  private of(id: number): Waiting | undefined {
    return [...this.timers.keys()].find((waiting) => waiting.id === id);
  }

  private timer(waiting: Waiting, ms: number): ScheduledEvent {
    return this.world.time.after(ms, () => {
      if (this.isRunning()) this.end(waiting, waiting.nothing());
      else this.timers.set(waiting, this.timer(waiting, FROZEN_MS));
    });
  }

  private remove(waiting: Waiting): void {
    const timer = this.timers.get(waiting);
    if (timer !== undefined) timer.isCancelled = true;
    this.timers.delete(waiting);
  }

  private end(waiting: Waiting, reply: MemoryReply): void {
    if (!this.timers.has(waiting)) return;
    this.remove(waiting);
    waiting.end(reply);
  }
}
