import type { CallTrace } from '../diagnostics/call-trace.js';
import type { Command } from './command.js';
import type { CallPolicy, CallShape } from './call-policy.js';
import { PromisedCommand } from './promised-command.js';
import type { ResolvedCall } from './resolved-call.js';

/** A command with a trace of its own: the only request of a call that somebody listens to. */
export class TracedCommand extends PromisedCommand {
  constructor(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    resolve: (value: unknown) => void,
    private readonly ownTrace: CallTrace,
    private readonly startedAt: number,
  ) {
    super(call, policy, shape, resolve);
    this.onSettled = recordEnd;
  }

  override get trace(): CallTrace {
    return this.ownTrace;
  }

  /** Records which node answered. */
  recordEnd(error: Error | undefined): void {
    const node = this.budget?.node;
    if (node !== undefined) this.ownTrace.ended(node, this.startedAt, error);
  }
}

/** One function for all commands: a closure per command takes memory until the reply is there. */
const recordEnd = (command: Command, error?: Error): void => (command as TracedCommand).recordEnd(error);
