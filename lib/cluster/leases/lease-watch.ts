import { onAbort } from '../command/abort-signal.js';
import type { CallLimit } from '../command/call-limit.js';
import type { LeaseHost } from './lease-host.js';
import { NO_SLOT } from '../topology/key-slot.js';
import type { Lease } from './lease-pool.js';
import type { ClusterNode } from '../topology/topology.js';
import { clearTimeout, delay, setTimeout } from '../common/timers.js';

/** How long a node that is not the primary any more has to say so itself, in ms. */
const FAREWELL_MS = 500;
/** How long a server may take to end the wait of a call that is given up, in ms. */
const UNBLOCK_MS = 1_000;
const UNBLOCK_AGAIN_MS = 50;

/** For what a lease is held. */
export interface LeaseUse {
  readonly node: ClusterNode;
  /** The slot that the node has to be the primary of; NO_SLOT where that does not matter. */
  readonly slot: number;
  readonly limit: CallLimit;
  /** The deadline does not count while the server has the call. */
  readonly blocking: boolean;
}

/**
 * Ends what waits on a leased connection once there is no more point in it: its node is not the primary any more, the
 * caller gives up, or time is up. A call that blocks is ended by its server, which then says for certain that it took
 * nothing; where the server does not answer, and for all other calls, the connection is ended, and with it what waits
 * there. The node is asked for signs of life meanwhile, elsewhere.
 * @returns ends the watch
 */
export function watchLease(
  host: LeaseHost,
  lease: Lease,
  { node, slot, limit, blocking }: LeaseUse,
): () => void {
  const timers: NodeJS.Timeout[] = [];
  const endIn = (ms: number): void => void timers.push(setTimeout(() => lease.discard(), ms));
  const watched = { isOver: false };
  const giveUp = (): void => {
    if (!blocking || lease.clientId === undefined) return lease.discard();
    endIn(UNBLOCK_MS);
    void unblock(host, node, lease.clientId, watched);
  };
  let farewell: NodeJS.Timeout | undefined;
  const stay = (): void => {
    clearTimeout(farewell);
    farewell = undefined;
  };
  const topology = host.topology$.subscribe((view) => {
    // the view of a node that lags behind may name the former primary for a moment
    if (slot === NO_SLOT || view.node(node.name)?.role === 'primary') stay();
    else farewell ??= setTimeout(() => lease.discard(), FAREWELL_MS);
  });
  const ends = [host.pings.keepUp(node), () => topology.unsubscribe(), stay];
  if (blocking) ends.push(onAbort(host.closing, giveUp));
  else endIn(Math.max(1, limit.left));
  if (limit.signal !== undefined) ends.push(onAbort(limit.signal, giveUp));
  return () => {
    watched.isOver = true;
    for (const end of ends) end();
    for (const timer of timers) clearTimeout(timer);
  };
}

/** Has a server end the wait of a call. One that has yet to arrive does not wait yet, so the server is asked again. */
async function unblock(
  host: LeaseHost,
  node: ClusterNode,
  clientId: number,
  watched: { readonly isOver: boolean },
): Promise<void> {
  while (!watched.isOver) {
    // where it may not be asked, the connection is ended in a moment
    const reply = await host.unblock(node, clientId).catch(() => 'refused');
    if (reply !== 0) return;
    await delay(UNBLOCK_AGAIN_MS);
  }
}
