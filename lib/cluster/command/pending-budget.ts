import type { Command } from './command.js';
import { BackpressureError } from '../common/errors.js';
import { RingQueue } from '../common/ring-queue.js';
import { queueMicrotask } from '../common/timers.js';
import type { PendingBounds } from '../options/options.js';
import type { NodeCounters } from '../stats/node-counters.js';

/** A command is large if it needs more than this share of the bytes that may wait. */
const LARGE = 1 / 2;
/** What errors call the node of commands that have none. */
const NO_NODE = 'none (waiting for the cluster)';

/**
 * Counts the commands that wait for one node, and rejects those above its limits, so that a sick shard takes
 * neither memory nor time from a healthy one. Commands of a batch are not rejected, as their caller holds them
 * in memory anyway: they wait in order until there is room.
 */
export class PendingBudget {
  /** Commands that are queued, in flight, or waiting to be sent again. */
  commands = 0;
  /** The bytes of their arguments, without those of the large one. */
  bytes = 0;
  /** No counted command has a deadline before this time. */
  earliestDeadline = Infinity;

  private large: Command | undefined = undefined;
  private waiting = new RingQueue<Command>();
  /** The command that has just been told that there is room for it. */
  private admitted: Command | undefined = undefined;
  private drainScheduled = false;

  constructor(
    /** Undefined for commands that wait for the cluster. */
    readonly node: string | undefined,
    private readonly bounds: PendingBounds,
    readonly counters: NodeCounters,
    /** Dispatches a command for which there is room now. */
    private readonly onRoom: (command: Command) => void,
  ) {}

  /** The bytes of all counted arguments. */
  get pendingBytes(): number {
    return this.bytes + (this.large?.size ?? 0);
  }

  /** The number of commands that wait for room. They are not counted. */
  get waitingForRoom(): number {
    return this.waiting.length;
  }

  /**
   * Counts a command. Returns false if the limits do not allow it: the command then fails with
   * BackpressureError, or waits for room.
   */
  admit(command: Command): boolean {
    command.counters = this.counters;
    if (this.mustWait(command)) {
      this.waitForRoom(command);
      return false;
    }
    if (!this.hasRoomFor(command) && !isReturned(command)) {
      this.counters.backpressure++;
      command.fail(this.refusal());
      return false;
    }
    this.commands += command.weight;
    if (this.isLarge(command) && this.large === undefined) this.large = command;
    else this.bytes += command.size;
    command.budget = this;
    if (command.deadlineAt < this.earliestDeadline) this.earliestDeadline = command.deadlineAt;
    return true;
  }

  /**
   * Whether a group of commands can be counted now, and would overtake none that waits for room. A large group cannot:
   * it would keep its room in addition while its commands leave it one by one.
   */
  admitsNow(group: Command): boolean {
    return this.waiting.length === 0 && !this.isLarge(group) && this.hasRoomFor(group);
  }

  /** Stops counting a command that is settled or goes elsewhere. */
  release(command: Command): void {
    this.commands -= command.weight;
    if (command === this.large) this.large = undefined;
    else this.bytes -= command.size;
    command.budget = undefined;
    if (this.waiting.length > 0) this.scheduleDrain();
  }

  /**
   * Removes and returns commands that wait for room: all of them or the chosen ones. Drops those that are
   * settled.
   */
  takeWaiting(chosen: (command: Command) => boolean): Command[] {
    if (this.waiting.length === 0) return [];
    const taken: Command[] = [];
    const left = new RingQueue<Command>();
    for (const command of this.waiting) {
      if (command.settled) continue;
      if (chosen(command)) taken.push(command);
      else left.push(command);
    }
    this.waiting = left;
    return taken;
  }

  /** Returns the commands that wait for room, oldest first. */
  waitingCommands(): Iterable<Command> {
    return this.waiting;
  }

  /**
   * Fails every command whose deadline has passed, among the given ones and those that wait for room. The given
   * ones are all that the budget counts.
   */
  expire(now: number, ...lists: Iterable<Command>[]): void {
    let earliest = Infinity;
    for (const commands of [...lists, this.waiting]) {
      for (const command of commands) {
        if (command.settled) continue;
        if (command.deadlineAt <= now) command.expire();
        else if (command.deadlineAt < earliest) earliest = command.deadlineAt;
      }
    }
    this.earliestDeadline = earliest;
  }

  /**
   * Returns the error for a command without room. It has no stack trace, which would take longer than
   * everything else about the rejection.
   */
  private refusal(): BackpressureError {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    const error = new BackpressureError(this.node ?? NO_NODE, this.commands, this.pendingBytes);
    Error.stackTraceLimit = limit;
    return error;
  }

  /** Whether a command of a batch waits for room. It does not overtake those that wait already. */
  private mustWait(command: Command): boolean {
    if (!command.waitsForRoom || command === this.admitted || isReturned(command)) return false;
    return this.waiting.length > 0 || !this.hasRoomFor(command);
  }

  private waitForRoom(command: Command): void {
    command.lastError ??= this.refusal();
    this.waiting.push(command);
    if (command.deadlineAt < this.earliestDeadline) this.earliestDeadline = command.deadlineAt;
  }

  /** Drains later in this turn, so that a command that was released to be sent again comes before those that wait. */
  private scheduleDrain(): void {
    if (this.drainScheduled) return;
    this.drainScheduled = true;
    queueMicrotask(() => {
      this.drainScheduled = false;
      this.drain();
    });
  }

  /** Dispatches waiting commands, oldest first, while there is room. */
  private drain(): void {
    for (let next = this.waiting.peek(); next !== undefined; next = this.waiting.peek()) {
      if (!next.settled && !this.hasRoomFor(next)) return;
      this.waiting.shift();
      if (next.settled) continue;
      this.admitted = next;
      this.onRoom(next);
    }
    this.admitted = undefined;
  }

  private hasRoomFor(command: Command): boolean {
    return this.commands + command.weight <= this.bounds.commands && !this.exceeds(command);
  }

  /**
   * Whether a command exceeds the bytes. One large command at a time has room beside all others: it has to be
   * possible, and must not keep out small ones.
   */
  private exceeds(command: Command): boolean {
    if (this.isLarge(command)) return this.large !== undefined;
    return this.bytes + command.size > this.bounds.bytes;
  }

  private isLarge(command: Command): boolean {
    return command.size > this.bounds.bytes * LARGE;
  }
}

/**
 * Whether a command of a batch was sent before and has come back. It is admitted beyond the limits: later
 * commands of its slot, which may be waiting for room, must not overtake it.
 */
function isReturned(command: Command): boolean {
  return command.waitsForRoom && command.attempts > 0;
}
