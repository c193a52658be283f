import { EventEmitter } from 'node:events';
import type { EngineListener } from '../cluster/cluster-engine.js';
import type { EngineState } from '../cluster/common/engine-state.js';
import type { ClusterStatus } from './client-status.js';
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

/** A client that can be waited for. */
interface ConnectingEmitter {
  readonly status: ClusterStatus;
  readonly options: { readonly lazyConnect?: boolean | undefined };
  connect(): Promise<void>;
}

/** Connects for callers of ioredis (Bull 4) that wait for `ready` or `connect` and never call `connect()`. */
function connectForListener(client: ConnectingEmitter): void {
  if (client.status !== 'wait' || client.options.lazyConnect) return;
  // later, so that listeners added in the same turn receive the events too
  void Promise.resolve()
    .then(() => (client.status === 'wait' ? client.connect() : undefined))
    .catch(() => {});
}

/** Adds the methods of EventEmitter that a client's prototype lacks. They need no constructor. */
export function installEmitter(prototype: ConnectingEmitter): void {
  for (const [name, method] of Object.entries(Object.getOwnPropertyDescriptors(EventEmitter.prototype))) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, method);
  }
  for (const name of LISTENING) {
    const add = EventEmitter.prototype[name];
    const value = function (this: ConnectingEmitter, event: string | symbol, listener: () => void) {
      Reflect.apply(add, this, [event, listener]);
      if (AWAITED.has(event)) connectForListener(this);
      return this;
    };
    Object.defineProperty(prototype, name, { value, configurable: true, enumerable: false, writable: true });
  }
}
