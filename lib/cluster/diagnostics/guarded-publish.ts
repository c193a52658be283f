import type { Channel } from 'node:diagnostics_channel';
import type { AsyncLocalStorage } from 'node:async_hooks';

type Listener = (message: unknown, name: string | symbol) => void;
type Transform = (message: unknown) => unknown;

/** What Node keeps of a channel's listeners. It has no public way to call them one by one. */
interface ChannelListeners {
  readonly _subscribers?: readonly Listener[] | undefined;
  readonly _stores?: ReadonlyMap<AsyncLocalStorage<unknown>, Transform | undefined> | undefined;
}

/** The functions whose first error was reported. */
const reported = new WeakSet<object>();

/**
 * Publishes to a channel. Unlike `channel.publish`, which ends the process when a subscriber throws, it reports the
 * first error of each subscriber as a process warning and goes on.
 */
export function publish<C extends object>(channel: Channel<C, C>, context: C): void {
  if (!channel.hasSubscribers) return;
  const { _subscribers: subscribers } = channel as ChannelListeners;
  if (!Array.isArray(subscribers)) return channel.publish(context); // a later Node keeps them elsewhere
  // Node replaces this array when a subscriber comes or leaves
  for (const subscriber of subscribers as readonly Listener[]) {
    try {
      subscriber(context, channel.name);
    } catch (error) {
      report(channel.name, subscriber, error);
    }
  }
}

/** Publishes to a channel, and runs a function with the stores that are bound to the channel. It never throws itself. */
export function runWithStores<C extends object, T>(channel: Channel<C, C>, context: C, run: () => T): T {
  const { _stores: stores } = channel as ChannelListeners;
  // not an instance of Map: Node protects it from changes of that
  if (typeof stores?.entries !== 'function') {
    return channel.hasSubscribers ? channel.runStores(context, run) : run();
  }
  if (stores.size === 0) {
    publish(channel, context);
    return run();
  }
  let next = (): T => {
    publish(channel, context);
    return run();
  };
  for (const [store, transform] of stores.entries()) {
    const inner = next;
    next = () => {
      let value: unknown = context;
      try {
        if (transform !== undefined) value = transform(context);
      } catch (error) {
        report(channel.name, transform as Transform, error);
        return inner();
      }
      return store.run(value, inner);
    };
  }
  return next();
}

function report(name: string | symbol, listener: object, error: unknown): void {
  if (reported.has(listener)) return;
  reported.add(listener);
  let text: string;
  try {
    text = error instanceof Error ? `${error.name}: ${error.message}` : `a value of type ${typeof error}`;
  } catch {
    text = 'an error that cannot be read';
  }
  process.emitWarning(
    `A subscriber of the channel ${String(name)} threw ${text}. ` +
      'The operation goes on, and later errors of this subscriber are not reported.',
    'KeyslotTracingWarning',
  );
}
