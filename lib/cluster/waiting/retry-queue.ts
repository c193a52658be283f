import { backoffMs } from '../retry/backoff.js';
import { type Command } from '../command/command.js';
import { ClientClosedError } from '../common/errors.js';
import { PendingBudget } from '../command/pending-budget.js';
import type { Flushable, FlushScheduler } from '../connection/flush-scheduler.js';
import type { NodeChannel } from '../connection/node-channel.js';
import { extendDeadlines } from '../connection/pending-commands.js';
import type { PendingBounds } from '../options/options.js';
import type { NodeCounters } from '../stats/node-counters.js';
import { setTimeout } from '../common/timers.js';
import { queueOf, SlotQueue } from './slot-queue.js';

/**
 * Commands that can go nowhere for the moment, until their next attempt is due or their deadline passes. Those of one
 * slot wait together, so that they are sent again in the order of the calls.
 */
export class RetryQueue implements Flushable {
  /** It is in the scheduler's list. It sends nothing then, but learns whether the turn of the event loop was long. */
  dirty = false;
  /** All that wait, in the order of their arrival. */
  private readonly waiting = new Set<Command>();
  /** Those of them that have a next attempt, by their slot, or each by itself. */
  private readonly queues = new Map<number | Command, SlotQueue>();
  /** Commands that call `answered` once they are settled. */
  private readonly watched = new WeakSet<Command>();
  readonly budget: PendingBudget;
  /** Nothing is dispatched before `releaseAll`. */
  private holding = false;

  constructor(
    bounds: PendingBounds,
    private readonly dispatch: (command: Command) => void,
    private readonly scheduler: FlushScheduler,
    counters: NodeCounters,
  ) {
    const onRoom = (command: Command): void => {
      if (this.holding) this.enqueueUntilReleased(command);
      else dispatch(command);
    };
    this.budget = new PendingBudget(undefined, bounds, counters, onRoom);
  }

  get size(): number {
    return this.waiting.size + this.budget.waitingForRoom;
  }

  /** Whether no slot has commands that others must follow; see `mustFollow`. */
  get isClear(): boolean {
    return this.queues.size === 0;
  }

  /** Whether a command would overtake earlier ones of its slot. */
  mustFollow(command: Command): boolean {
    if (this.queues.size === 0) return false;
    const queue = this.queues.get(queueOf(command));
    return queue?.blocked === true && (queue.ahead !== command || queue.handOvers > 0);
  }

  /**
   * Keeps a command that came back for a moment that grows with its attempts, then dispatches it again.
   * @param keepsOrder later commands of its slot wait behind it; see `mustFollow`
   * @param refusedBy the node that refused it. It may refuse what was sent behind it as well, so that is waited for
   */
  retryLater(command: Command, keepsOrder = true, refusedBy?: NodeChannel): void {
    const left = this.admit(command);
    if (left === undefined) return;
    // its node serves the slot, but not these keys
    if (!keepsOrder) this.answered(command);
    const key = queueOf(command);
    const queue = this.queueAt(key);
    queue.add(command);
    queue.blocked ||= keepsOrder;
    queue.refusedBy = refusedBy ?? queue.refusedBy;
    command.attempts++;
    command.counters?.retries.addError(command.lastError);
    if (queue.timer !== undefined || queue.handOvers > 0 || queue.ahead !== undefined) return;
    // timers may be early by a millisecond, and an attempt right at the deadline would leave its outcome unknown
    const delay = Math.min(backoffMs(command.attempts), Math.ceil(left) + 1);
    queue.timer = setTimeout(() => this.releaseAnswered(key, queue), delay);
  }

  /** Keeps a command until those before which it must not come are sent; see `mustFollow`. */
  enqueueBehind(command: Command): void {
    if (this.admit(command) === undefined) return;
    this.queueAt(queueOf(command)).add(command);
  }

  /** Keeps those commands that must follow others, and returns the rest; see `mustFollow`. */
  keepFollowers(commands: readonly Command[]): readonly Command[] {
    if (this.isClear) return commands;
    const each = commands.flatMap((command) => command.split());
    return each.filter((command) => {
      if (!this.mustFollow(command)) return true;
      command.asking = false;
      command.budget?.release(command);
      this.enqueueBehind(command);
      return false;
    });
  }

  /** Makes everything for these slots wait until they are opened as often as they were closed. */
  blockSlots(slots: Iterable<number>): void {
    for (const slot of slots) {
      const queue = this.queueAt(slot);
      queue.blocked = true;
      queue.handOvers++;
      queue.stopTimer();
    }
  }

  /** Dispatches what waits for slots that were closed. */
  unblockSlots(slots: Iterable<number>): void {
    for (const slot of slots) {
      const queue = this.queues.get(slot);
      // gone where all were released, or failed, meanwhile
      if (queue === undefined || queue.handOvers === 0) continue;
      if (--queue.handOvers === 0) this.releaseQueue(slot);
    }
  }

  /** Keeps a command until `releaseAll`. */
  enqueueUntilReleased(command: Command): void {
    this.holding = true;
    if (!this.dirty) this.scheduler.add(this);
    if (this.budget.admit(command)) this.waiting.add(command);
  }

  flush(): number {
    return 0;
  }

  /** Adds the length of a long turn of the event loop to the deadlines of commands that were called in it. */
  extendDeadlines(turnBeganAt: number, ms: number): void {
    extendDeadlines(this.waiting, turnBeganAt, ms);
    extendDeadlines(this.budget.waitingCommands(), turnBeganAt, ms);
  }

  /** Records why those that are kept until `releaseAll` have to wait, for their errors. */
  explainWait(error: Error): void {
    for (const command of this.waiting) command.lastError = error;
  }

  /** Dispatches all that wait, in the order of their arrival. */
  releaseAll(): void {
    this.holding = false;
    this.forgetQueues();
    const waitingForRoom = this.budget.takeWaiting(() => true);
    for (const command of [...this.waiting]) {
      command.lastError = undefined; // it no longer waits for the reason that it was given
      this.release(command);
    }
    for (const command of waitingForRoom) this.release(command);
  }

  /** Dispatches now what waits for certain slots, but for those that are closed. */
  releaseSlots(ready: (slot: number) => boolean): void {
    for (const [key, { handOvers }] of [...this.queues])
      if (typeof key === 'number' && handOvers === 0 && ready(key)) this.releaseQueue(key);
  }

  /** Answers every command whose deadline has passed. */
  expire(now: number): void {
    for (const command of this.waiting) {
      if (!this.isStillWaiting(command) || command.deadlineAt > now) continue;
      this.waiting.delete(command);
      command.expire();
    }
    this.budget.expire(now);
  }

  /** Fails all that wait. */
  clear(error: Error = new ClientClosedError()): void {
    this.forgetQueues();
    for (const command of [...this.waiting]) {
      this.waiting.delete(command);
      command.fail(error);
    }
    for (const command of this.budget.takeWaiting(() => true)) command.fail(error);
  }

  /** Takes a command in; how much time it has left, in ms, or undefined where it has its answer now. */
  private admit(command: Command): number | undefined {
    if (command.settled) return undefined;
    const left = command.deadlineAt - this.scheduler.now();
    if (left <= 0) {
      command.expire();
      return undefined;
    }
    // it stays on the account of the node it waits for, if there is one
    if (command.budget === undefined && !this.budget.admit(command)) return undefined;
    this.waiting.add(command);
    return left;
  }

  /** Whether a command is still to be sent. Drops one that its signal has ended: nothing else would. */
  private isStillWaiting(command: Command): boolean {
    if (command.settled) this.waiting.delete(command);
    return this.waiting.has(command);
  }

  private queueAt(key: number | Command): SlotQueue {
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = new SlotQueue();
      this.queues.set(key, queue);
    }
    return queue;
  }

  /** Releases a queue once the node that refused its commands has answered what it was sent until now. */
  private releaseAnswered(key: number | Command, queue: SlotQueue): void {
    const release = (): void => {
      if (this.queues.get(key) === queue && queue.handOvers === 0) this.releaseQueue(key);
    };
    if (queue.refusedBy === undefined) release();
    else queue.refusedBy.afterInFlight(release);
  }

  /** Dispatches the commands of a queue, unless they wait for the reply to the first of them. */
  private releaseQueue(key: number | Command): void {
    const queue = this.queues.get(key);
    if (queue === undefined || queue.ahead !== undefined) return;
    queue.stopTimer();
    const commands = queue.takeAll().filter((command) => this.isStillWaiting(command));
    if (queue.blocked && queue.refusedBy !== undefined && commands.length > 0) {
      for (const command of commands.slice(1)) queue.add(command);
      return this.sendAhead(commands[0], queue);
    }
    this.queues.delete(key);
    for (const command of commands) this.release(command);
  }

  /**
   * Dispatches the first of some commands that were refused for the moment. The others follow once it is answered: a
   * node that begins to serve between two requests would execute a later one before it.
   */
  private sendAhead(command: Command, queue: SlotQueue): void {
    queue.ahead = command;
    queue.refusedBy = undefined;
    if (!this.watched.has(command)) {
      this.watched.add(command);
      const { onSettled } = command;
      command.onSettled = (settled, error) => {
        onSettled?.(settled, error);
        this.answered(settled);
      };
    }
    this.release(command);
  }

  /** Dispatches what waits for the reply to a command that was sent ahead. */
  private answered(command: Command): void {
    const key = queueOf(command);
    const queue = this.queues.get(key);
    if (queue?.ahead !== command) return;
    queue.ahead = undefined;
    if (queue.handOvers === 0) this.releaseQueue(key);
  }

  private release(command: Command): void {
    this.waiting.delete(command);
    if (command.settled) return;
    command.budget?.release(command);
    if (command.deadlineAt <= this.scheduler.now()) command.expire();
    else command.resume(this.dispatch);
  }

  private forgetQueues(): void {
    for (const queue of this.queues.values()) queue.stopTimer();
    this.queues.clear();
  }
}
