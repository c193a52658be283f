import type { PendingBounds } from '../options/options.js';

/** How many commands of one batch are in flight at once. The others wait here rather than in sockets. */
const WINDOW = 10_000;
/** The bytes of their arguments, for the same reason. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** The share of a node's limits that one batch uses at most, so that it is not rejected because of its own size. */
const SHARE = 1 / 2;

/** How much of one batch may be on its way at once, so that others find room at the nodes. */
export function batchWindow({ commands, bytes }: PendingBounds): PendingBounds {
  return {
    commands: Math.max(1, Math.min(WINDOW, Math.floor(commands * SHARE))),
    bytes: Math.min(WINDOW_BYTES, bytes * SHARE),
  };
}
