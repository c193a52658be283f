import type { Command } from './command.js';
import { describeKind } from '../common/describe-value.js';
import { ClusterError, InvalidArgumentError, OutcomeUnknownError } from '../common/errors.js';
import { clearTimeout, setTimeout } from '../common/timers.js';

/** The caller's signal ended the call, and nothing was executed. `cause` is the reason of the signal. */
export class CommandAbortedError extends ClusterError {
  constructor(command: string, reason?: unknown) {
    super(`${command} was aborted before it was executed`, { code: 'ABORTED' }, { cause: reason });
  }
}

/** @throws InvalidArgumentError if the value of an option `signal` is not an AbortSignal */
export function checkSignal(value: unknown): void {
  if (!(value instanceof AbortSignal))
    throw new InvalidArgumentError('signal', `signal must be an AbortSignal, got ${describeKind(value)}`);
}

/**
 * The listeners of each signal. A signal gets one event listener for all of them: it searches its list at every
 * change.
 */
const waiting = new WeakMap<AbortSignal, AbortListeners>();

class AbortListeners {
  private readonly listeners = new Set<() => void>();

  constructor(private readonly signal: AbortSignal) {}

  add(listener: () => void): void {
    if (this.listeners.size === 0) this.signal.addEventListener('abort', this.abort);
    this.listeners.add(listener);
  }

  remove(listener: () => void): void {
    if (!this.listeners.delete(listener) || this.listeners.size > 0) return;
    this.signal.removeEventListener('abort', this.abort);
  }

  private readonly abort = (): void => {
    this.signal.removeEventListener('abort', this.abort);
    // a listener that is removed during this loop is not called
    for (const listener of this.listeners) {
      this.listeners.delete(listener);
      listener();
    }
  };
}

/**
 * Calls back once when a signal aborts; immediately if it already has. However many callers wait, the signal
 * has one listener.
 * @param listener must not throw
 * @returns a function that stops waiting
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => {};
  }
  let listeners = waiting.get(signal);
  if (listeners === undefined) waiting.set(signal, (listeners = new AbortListeners(signal)));
  // a new function, so that a listener that is added twice is called twice
  const own = (): void => listener();
  listeners.add(own);
  return () => listeners.remove(own);
}

/** Waits for some milliseconds, or until the signal aborts. */
export function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    let leave = (): void => {};
    const timer = setTimeout(() => {
      leave();
      resolve();
    }, ms);
    if (signal === undefined) return;
    leave = onAbort(signal, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Lets a signal end a running command. The outcome of a write that was already sent is unknown. */
export function abortBy(signal: AbortSignal, command: Command): void {
  const { onSettled } = command;
  const leave = onAbort(signal, () => {
    const { name } = command;
    const reason: unknown = signal.reason;
    command.fail(
      command.sent && !command.row.readonly
        ? new OutcomeUnknownError(name, 'it was aborted after it was sent', { cause: reason })
        : new CommandAbortedError(name, reason),
    );
  });
  command.onSettled = (settled, error) => {
    leave();
    onSettled?.(settled, error);
  };
}
