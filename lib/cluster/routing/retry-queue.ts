import { backoffMs } from '../retry/backoff.js';
import { type Command } from '../command/command.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { ClientClosedError } from '../common/errors.js';
import { PendingBudget } from '../command/pending-budget.js';
import type { Flushable, FlushScheduler } from '../connection/flush-scheduler.js';
import type { NodeChannel } from '../connection/node-channel.js';
import { extendDeadlines } from '../connection/pending-commands.js';
import type { PendingBounds } from '../options/options.js';
import type { NodeCounters } from '../stats/node-counters.js';
import { clearTimeout, setTimeout } from '../common/timers.js';

/** Commands that wait together, to be sent in the order of the calls. */
interface Queue {
  /** In the order in which they came, or came back: an earlier call may have been redirected more often. */
  readonly commands: Command[];
  /** Runs until the next attempt. */
  timer: NodeJS.Timeout | undefined;
  /** What comes later has to wait behind them. */
  blocked: boolean;
  /** The node that refused the last of them. */
  refusedBy: NodeChannel | undefined;
  /** Former nodes of the slot that still owe replies for it; nothing is sent while there are any. */
  handOvers: number;
}

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
  private readonly queues = new Map<number | Command, Queue>();
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
    return this.queues.size > 0 && this.queues.get(queueOf(command))?.blocked === true;
  }

  /**
   * Keeps a command that came back for a moment that grows with its attempts, then dispatches it again.
   * @param keepsOrder later commands of its slot wait behind it; see `mustFollow`
   * @param refusedBy the node that refused it. It may refuse what was sent behind it as well, so that is waited for
   */
  retryLater(command: Command, keepsOrder = true, refusedBy?: NodeChannel): void {
    const left = this.admit(command);
    if (left === undefined) return;
    const key = queueOf(command);
    const queue = this.queueAt(key);
    queue.commands.push(command);
    queue.blocked ||= keepsOrder;
    queue.refusedBy = refusedBy;
    // what waits at that node for the same slot has to follow; see `keepFollowers`
    if (keepsOrder && refusedBy?.dirty === false) this.scheduler.add(refusedBy);
    command.attempts++;
    command.counters?.retries.addError(command.lastError);
    if (queue.timer !== undefined || queue.handOvers > 0) return;
    // timers may be early by a millisecond, and an attempt right at the deadline would leave its outcome unknown
    const delay = Math.min(backoffMs(command.attempts), Math.ceil(left) + 1);
    queue.timer = setTimeout(() => this.releaseAnswered(key, queue), delay);
  }

  /** Keeps a command until those before which it must not come are sent; see `mustFollow`. */
  enqueueBehind(command: Command): void {
    if (this.admit(command) === undefined) return;
    this.queueAt(queueOf(command)).commands.push(command);
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
      clearTimeout(queue.timer);
      queue.timer = undefined;
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
      if (command.deadlineAt > now) continue;
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

  private queueAt(key: number | Command): Queue {
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = {
        commands: [],
        timer: undefined,
        blocked: false,
        refusedBy: undefined,
        handOvers: 0,
      };
      this.queues.set(key, queue);
    }
    return queue;
  }

  /** Releases a queue once the node that refused its commands has answered what it was sent until now. */
  private releaseAnswered(key: number | Command, queue: Queue): void {
    const release = (): void => {
      if (this.queues.get(key) === queue && queue.handOvers === 0) this.releaseQueue(key);
    };
    if (queue.refusedBy === undefined) release();
    else queue.refusedBy.afterInFlight(release);
  }

  private releaseQueue(key: number | Command): void {
    const queue = this.queues.get(key);
    if (queue === undefined) return;
    this.queues.delete(key);
    clearTimeout(queue.timer);
    queue.commands.sort((one, other) => one.order - other.order);
    for (const command of queue.commands) if (this.waiting.has(command)) this.release(command);
  }

  private release(command: Command): void {
    this.waiting.delete(command);
    if (command.settled) return;
    command.budget?.release(command);
    if (command.deadlineAt <= this.scheduler.now()) command.expire();
    else command.resume(this.dispatch);
  }

  private forgetQueues(): void {
    for (const { timer } of this.queues.values()) clearTimeout(timer);
    this.queues.clear();
  }
}

/** What is for one node only, or for any, has no order to keep with others; nor has a read from a replica. */
export function isOrdered({ pinned, row, policy, slot }: Command): boolean {
  const fromReplica = row.readonly && policy.readFrom !== 'primary';
  return pinned === undefined && slot !== NO_SLOT && !fromReplica;
}

function queueOf(command: Command): number | Command {
  return isOrdered(command) ? command.slot : command;
}
