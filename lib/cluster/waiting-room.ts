import { backoffMs } from './backoff.js';
import { NO_SLOT, type Command } from './command.js';
import { ClientClosedError } from './errors.js';
import { PendingAllowance } from './pending-allowance.js';
import type { PendingBounds } from './options.js';

/** Commands that wait for one next attempt, in the order in which they are to be sent. */
interface Queue {
  readonly commands: Command[];
  readonly timer: NodeJS.Timeout;
  /** What comes later has to wait behind them. */
  closed: boolean;
}

/**
 * Commands that can go nowhere for the moment, until their next attempt is due or their deadline passes. Those of one
 * slot wait together, so that they are sent again in the order of the calls.
 */
export class WaitingRoom {
  /** All that wait, in the order of their arrival. */
  private readonly waiting = new Set<Command>();
  /** Those of them that have a next attempt, by their slot, or each by itself. */
  private readonly queues = new Map<number | Command, Queue>();
  private readonly allowance: PendingAllowance;

  constructor(
    bounds: PendingBounds,
    private readonly dispatch: (command: Command) => void,
    private readonly now: () => number,
  ) {
    this.allowance = new PendingAllowance('none (waiting for the cluster)', bounds);
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Whether a command would overtake earlier ones of its slot whose replies were lost. */
  isBehind(command: Command): boolean {
    return this.queues.size > 0 && this.queues.get(queueOf(command))?.closed === true;
  }

  /**
   * Keeps a command for a moment that grows with its attempts, then dispatches it again.
   * @param closed later commands of its slot wait behind it, see `isBehind`
   */
  hold(command: Command, closed = false): void {
    if (command.settled) return;
    const left = command.deadlineAt - this.now();
    if (left <= 0) return command.expire();
    // it stays on the account of the node it waits for, if there is one
    if (command.allowance === undefined && !this.allowance.admit(command)) return;
    this.waiting.add(command);
    command.attempts++;
    const key = queueOf(command);
    const queue = this.queues.get(key);
    if (queue === undefined) {
      // timers may be early by a millisecond, and an attempt right at the deadline would leave its outcome unknown
      const delay = Math.min(backoffMs(command.attempts), Math.ceil(left) + 1);
      const timer = setTimeout(() => this.releaseQueue(key), delay);
      this.queues.set(key, { commands: [command], timer, closed });
    } else {
      queue.commands.push(command);
      queue.closed ||= closed;
    }
  }

  /** Keeps a command until `releaseAll`. */
  holdUntilReleased(command: Command): void {
    if (this.allowance.admit(command)) this.waiting.add(command);
  }

  /** Dispatches all that wait, in the order of their arrival. */
  releaseAll(): void {
    this.forgetQueues();
    for (const command of [...this.waiting]) this.release(command);
  }

  /** Dispatches now what waits for certain slots. */
  releaseSlots(ready: (slot: number) => boolean): void {
    for (const [key, { timer }] of [...this.queues]) {
      if (typeof key !== 'number' || !ready(key)) continue;
      clearTimeout(timer);
      this.releaseQueue(key);
    }
  }

  /** Answers every command whose deadline has passed. */
  expire(now: number): void {
    for (const command of this.waiting) {
      if (command.deadlineAt > now) continue;
      this.waiting.delete(command);
      command.expire();
    }
  }

  /** Fails all that wait. */
  clear(error: Error = new ClientClosedError()): void {
    this.forgetQueues();
    for (const command of [...this.waiting]) {
      this.waiting.delete(command);
      command.fail(error);
    }
  }

  private releaseQueue(key: number | Command): void {
    const commands = this.queues.get(key)?.commands ?? [];
    this.queues.delete(key);
    for (const command of commands) if (this.waiting.has(command)) this.release(command);
  }

  private release(command: Command): void {
    this.waiting.delete(command);
    if (command.settled) return;
    command.allowance?.release(command);
    if (command.deadlineAt <= this.now()) command.expire();
    else this.dispatch(command);
  }

  private forgetQueues(): void {
    for (const { timer } of this.queues.values()) clearTimeout(timer);
    this.queues.clear();
  }
}

/** What is for one node only, or for any, has no order to keep with others; nor has a read from a replica. */
function queueOf(command: Command): number | Command {
  const { pinned, row, policy, slot } = command;
  const fromReplica = row.readonly && policy.readFrom !== 'primary';
  return pinned !== undefined || slot === NO_SLOT || fromReplica ? command : slot;
}
