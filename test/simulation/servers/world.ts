import type { Random } from '../../../lib/testing/memory/keyspace/random.js';
import type { VirtualTime } from '../time/virtual-time.js';

/** What all parts of a simulation share. */
export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Records what happens. Two runs with the same records are the same. */
  trace(where: string, what: string, detail: string): void;
}
