import { onAbort } from './abort.js';
import type { ClusterEngine } from './cluster-engine.js';
import { NO_SLOT } from './command.js';
import type { Lease } from './lease-pool.js';
import { clearTimeout, monotonicMs, setTimeout } from './timers.js';
import type { ClusterNode } from './topology.js';

/** For what a lease is held. */
export interface LeaseUse {
  readonly node: ClusterNode;
  /** The slot that the node has to be the primary of; NO_SLOT where that does not matter. */
  readonly slot: number;
  readonly signal?: AbortSignal;
  /** When there is no more point in waiting; milliseconds of `performance.now()`. Infinity for a call that blocks. */
  readonly until: number;
}

/**
 * Ends a leased connection once there is no more point in waiting on it: its node is not the primary any more, the caller
 * gives up, or time is up. What waits on it fails then. The node is asked for signs of life meanwhile, elsewhere.
 * @returns ends the watch
 */
export function watchLease(
  engine: ClusterEngine,
  lease: Lease,
  { node, slot, signal, until }: LeaseUse,
): () => void {
  const end = (): void => lease.discard();
  const topology = engine.topology$.subscribe((view) => {
    if (slot !== NO_SLOT && view.node(node.name)?.role !== 'primary') end();
  });
  const unhook = signal && onAbort(signal, end);
  const timer = until === Infinity ? undefined : setTimeout(end, Math.max(1, until - monotonicMs()));
  const release = engine.pulse.hold(node);
  return () => {
    release();
    topology.unsubscribe();
    unhook?.();
    clearTimeout(timer);
  };
}
