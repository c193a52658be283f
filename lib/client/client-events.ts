import { EventEmitter } from 'node:events';
import type { EngineListener } from '../cluster/cluster-engine.js';
import type { EngineState } from '../cluster/common/engine-state.js';
import { queueMicrotask } from '../cluster/common/timers.js';

/** Events by which the states of a client are told. */
const STATE_EVENTS: Readonly<Record<EngineState, readonly string[]>> = {
  wait: [],
  connecting: ['connecting'],
  ready: ['connect', 'ready'],
  closing: [],
  end: ['close', 'end'],
};

/** Turns what the engine tells into the events of a client. */
export function engineEvents(tell: (event: string, ...args: unknown[]) => void): EngineListener {
  return {
    onState: (state) => STATE_EVENTS[state].forEach((event) => tell(event)),
    onNodes: (added, removed) => {
      for (const node of added) tell('+node', node);
      for (const node of removed) tell('-node', node);
    },
    onFailure: (error, node) => {
      tell('error', error, node);
      // as ioredis names it
      tell('node error', error, node);
    },
  };
}

/** Tells an event from within the engine, whose work must not end with what a listener throws. */
export function notifyListeners(
  emitter: Pick<EventEmitter, 'rawListeners' | 'listenerCount'>,
  event: string,
  args: readonly unknown[],
): void {
  for (const listener of emitter.rawListeners(event)) {
    try {
      Reflect.apply(listener, emitter, args);
    } catch (error) {
      // not our failure, and not ours to hide
      if (event !== 'error' && emitter.listenerCount('error') > 0) notifyListeners(emitter, 'error', [error]);
      else
        queueMicrotask(() => {
          throw error;
        });
    }
  }
}

/** The methods by which listeners are added; `once` and its like come to them. */
const LISTENING = ['on', 'addListener', 'prependListener'] as const;

/**
 * Gives a prototype the methods of EventEmitter that it does not have; they need nothing from a constructor.
 * @param awaited called with an emitter when somebody listens for `ready`
 */
export function installEmitter<T extends object>(prototype: T, awaited: (emitter: T) => void): void {
  for (const [name, method] of Object.entries(Object.getOwnPropertyDescriptors(EventEmitter.prototype))) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, method);
  }
  for (const name of LISTENING) {
    const add = EventEmitter.prototype[name];
    const value = function (this: T, event: string | symbol, listener: () => void): T {
      Reflect.apply(add, this, [event, listener]);
      if (event === 'ready') awaited(this);
      return this;
    };
    Object.defineProperty(prototype, name, { value, configurable: true, enumerable: false, writable: true });
  }
}
