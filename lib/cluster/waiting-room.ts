import { backoffMs } from './backoff.js';
import type { Command } from './command.js';
import { ClientClosedError } from './errors.js';
import { PendingAllowance } from './pending-allowance.js';
import type { PendingBounds } from './options.js';

/** Commands that can go nowhere for the moment, each until its next attempt is due or its deadline passes. */
export class WaitingRoom {
  private readonly waiting = new Map<Command, NodeJS.Timeout | undefined>();
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

  /** Keeps a command for a moment that grows with its attempts, then dispatches it again. */
  hold(command: Command): void {
    if (command.settled) return;
    const left = command.deadlineAt - this.now();
    if (left <= 0) return command.expire();
    // it stays on the account of the node it waits for, if there is one
    if (command.allowance === undefined && !this.allowance.admit(command)) return;
    const delay = Math.min(backoffMs(++command.attempts), left);
    this.waiting.set(
      command,
      setTimeout(() => this.release(command), delay),
    );
  }

  /** Keeps a command until `releaseAll`. */
  holdUntilReleased(command: Command): void {
    if (this.allowance.admit(command)) this.waiting.set(command, undefined);
  }

  /** Dispatches all that wait, in the order of their arrival. */
  releaseAll(): void {
    for (const command of [...this.waiting.keys()]) this.release(command);
  }

  /** Answers every command whose deadline has passed. */
  expire(now: number): void {
    for (const command of this.waiting.keys()) {
      if (command.deadlineAt > now) continue;
      this.forget(command);
      command.expire();
    }
  }

  /** Fails all that wait. */
  clear(error: Error = new ClientClosedError()): void {
    for (const command of [...this.waiting.keys()]) {
      this.forget(command);
      command.fail(error);
    }
  }

  private release(command: Command): void {
    this.forget(command);
    if (command.settled) return;
    command.allowance?.release(command);
    if (command.deadlineAt <= this.now()) command.expire();
    else this.dispatch(command);
  }

  private forget(command: Command): void {
    clearTimeout(this.waiting.get(command));
    this.waiting.delete(command);
  }
}
