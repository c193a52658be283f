import type { Command } from './command.js';
import { ClusterError, OutcomeUnknownError } from './errors.js';

/** The caller's signal ended the call, and it is certain that nothing was executed. `cause` is the signal's reason. */
export class CommandAbortedError extends ClusterError {
  constructor(command: string, reason?: unknown) {
    super(`${command} was aborted before it was executed`, { code: 'ABORTED' }, { cause: reason });
  }
}

/** Lets a signal end a command that is under way. What was sent cannot be taken back; its outcome is unknown then. */
export function abortBy(signal: AbortSignal, command: Command): void {
  const abort = (): void => {
    const { name } = command;
    const reason: unknown = signal.reason;
    command.fail(
      command.sent && !command.row.readonly
        ? new OutcomeUnknownError(name, 'it was aborted after it was sent', { cause: reason })
        : new CommandAbortedError(name, reason),
    );
  };
  if (signal.aborted) return abort();
  signal.addEventListener('abort', abort, { once: true });
  command.onSettled = () => signal.removeEventListener('abort', abort);
}
