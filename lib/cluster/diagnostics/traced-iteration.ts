import { AsyncLocalStorage } from 'node:async_hooks';
import type { TracingChannel } from 'node:diagnostics_channel';
import type { KeyslotContext } from './contexts.js';
import { traced } from './traced.js';

/**
 * Iterates, and publishes the course from the first step to the end, as `traced` does for a promise. Each step runs
 * with the stores that are bound to the channel, whoever takes it.
 *
 * @param contextOf creates the context at the first step
 * @param count is called with each value
 */
export async function* tracedIteration<C extends KeyslotContext, T>(
  channel: TracingChannel<C, C>,
  contextOf: () => C,
  iterate: () => AsyncGenerator<T, void, undefined>,
  count?: (context: C) => void,
): AsyncGenerator<T, void, undefined> {
  const context = contextOf();
  let end!: () => void;
  let fail!: (error: unknown) => void;
  const course = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  let within!: <R>(step: () => R) => R;
  const published = traced(channel, context, () => {
    within = AsyncLocalStorage.snapshot();
    return course;
  });
  published.catch(() => {}); // the error goes to the caller of the step
  const steps = within(iterate);
  try {
    for (;;) {
      const step = await within(() => steps.next());
      if (step.done === true) return;
      count?.(context);
      yield step.value;
    }
  } catch (error) {
    fail(error);
    throw error;
  } finally {
    try {
      await within(() => steps.return()); // after a break, too
    } finally {
      end();
      await published.catch(() => {});
    }
  }
}
