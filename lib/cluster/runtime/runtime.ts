import { NODE_TIMERS, replaceTimers, type Timers } from '../common/timers.js';
import { NODE_RANDOMNESS, replaceRandomness, type Randomness } from './randomness.js';
import { NODE_SOCKETS, replaceSockets, type Sockets } from './sockets.js';

/**
 * All that the client takes from its process and that differs from run to run: clocks, timers, random numbers, and
 * sockets. The client reads them from `timers.ts`, `randomness.ts` and `sockets.ts`, and from nowhere else.
 */
export interface Runtime extends Timers, Randomness, Sockets {}

/** What Node.js offers. */
export const NODE_RUNTIME: Runtime = { ...NODE_TIMERS, ...NODE_RANDOMNESS, ...NODE_SOCKETS };

/** Makes all clients of this process use a runtime from now on. A simulation does so before it creates any. */
export function useRuntime(runtime: Runtime): void {
  replaceTimers(runtime);
  replaceRandomness(runtime);
  replaceSockets(runtime);
}
