import type { TracingChannel } from 'node:diagnostics_channel';
import { ClusterError } from '../common/errors.js';
import { monotonicMs, timeOrigin } from '../common/timers.js';
import type { KeyslotContext, KeyslotOutcome } from './contexts.js';
import { publish, runWithStores } from './guarded-publish.js';

/** Milliseconds since 1970, with fractions, of a clock that never goes back. */
export const epochMs = (): number => timeOrigin + monotonicMs();

/** What contexts say of their client. */
export interface ContextOptions {
  readonly clientId?: number | undefined;
  readonly clientName: string | undefined;
}

/** Creates the fields that all contexts share. */
export function contextOf({ clientId, clientName }: ContextOptions): KeyslotContext {
  return {
    clientId,
    clientName,
    startedAt: epochMs(),
    outcome: undefined,
    errorCode: undefined,
    error: undefined,
  };
}

/**
 * Runs an operation and publishes its course, as `tracePromise` of Node does. The result is not published: it may be
 * a stored value.
 * @param run may throw; the error rejects the promise
 */
export function traced<C extends KeyslotContext, T>(
  channel: TracingChannel<C, C>,
  context: C,
  run: () => Promise<T>,
): Promise<T> {
  return runWithStores(channel.start, context, () => {
    let work: Promise<T>;
    try {
      work = run();
    } catch (error) {
      work = Promise.reject(error as Error);
    }
    publish(channel.end, context);
    return work.then(
      (result) => {
        end(channel, context);
        return result;
      },
      (error: unknown) => {
        context.error = error;
        context.outcome = outcomeOf(error);
        context.errorCode = errorCodeOf(error);
        publish(channel.error, context);
        end(channel, context);
        throw error;
      },
    );
  });
}

/** What an error says of the operation. */
export function outcomeOf(error: unknown): KeyslotOutcome {
  return error instanceof ClusterError && error.applied === 'unknown' ? 'unknown' : 'error';
}

/** The code of an error, or the name of its class. Never throws. */
export function errorCodeOf(error: unknown): string {
  try {
    const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
    if (typeof code === 'string' && code !== '') return code;
    return typeof name === 'string' ? name : typeof error;
  } catch {
    return 'unknown';
  }
}

function end<C extends KeyslotContext>(channel: TracingChannel<C, C>, context: C): void {
  context.outcome ??= 'ok';
  publish(channel.asyncStart, context);
  publish(channel.asyncEnd, context);
}
