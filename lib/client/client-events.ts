import { EventEmitter } from 'node:events';
import type { EngineListener } from '../cluster/cluster-engine.js';
import type { EngineState } from '../cluster/common/engine-state.js';
import { queueMicrotask } from '../cluster/common/timers.js';

/** The events that a client emits when it enters a state. */
const STATE_EVENTS: Readonly<Record<EngineState, readonly string[]>> = {
  wait: [],
  connecting: ['connecting'],
  ready: ['connect', 'ready'],
  closing: [],
  end: ['close', 'end'],
};

/** Returns an engine listener that emits the events of a client. */
export function engineEvents(tell: (event: string, ...args: unknown[]) => void): EngineListener {
  return {
    onState: (state) => STATE_EVENTS[state].forEach((event) => tell(event)),
    onNodes: (added, removed) => {
      for (const node of added) tell('+node', node);
      for (const node of removed) tell('-node', node);
    },
    onFailure: (error, node) => {
      tell('error', error, node);
      // the name that ioredis gives it
      tell('node error', error, node);
    },
  };
}

/** Emits an event from within the engine. An error that a listener throws must not stop the engine. */
export function notifyListeners(
  emitter: Pick<EventEmitter, 'rawListeners' | 'listenerCount'>,
  event: string,
  args: readonly unknown[],
): void {
  for (const listener of emitter.rawListeners(event)) {
    try {
      Reflect.apply(listener, emitter, args);
    } catch (error) {
      // the listener's own error: report it rather than hide it
      if (event !== 'error' && emitter.listenerCount('error') > 0) notifyListeners(emitter, 'error', [error]);
      else
        queueMicrotask(() => {
          throw error;
        });
    }
  }
}

/** The methods that add listeners; `once` and its variants call them. */
const LISTENING = ['on', 'addListener', 'prependListener'] as const;

/** The events of a connected client: who listens for one of them waits for the client to connect. */
const AWAITED: ReadonlySet<string | symbol> = new Set(STATE_EVENTS.ready);

/**
 * Adds the methods of EventEmitter that a prototype lacks. They need no constructor.
 * @param awaited called with the emitter when a listener for `ready` or `connect` is added
 */
export function installEmitter<T extends object>(prototype: T, awaited: (emitter: T) => void): void {
  for (const [name, method] of Object.entries(Object.getOwnPropertyDescriptors(EventEmitter.prototype))) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, method);
  }
  for (const name of LISTENING) {
    const add = EventEmitter.prototype[name];
    const value = function (this: T, event: string | symbol, listener: () => void): T {
      Reflect.apply(add, this, [event, listener]);
      if (AWAITED.has(event)) awaited(this);
      return this;
    };
    Object.defineProperty(prototype, name, { value, configurable: true, enumerable: false, writable: true });
  }
}
