import { onAbort } from '../command/abort-signal.js';
import type { CallLimit } from '../command/call-limit.js';
import type { LeaseHost } from './lease-host.js';
import { NO_SLOT } from '../topology/key-slot.js';
import type { Lease } from './lease-pool.js';
import type { ClusterNode } from '../topology/topology.js';
import { clearTimeout, delay, LONGEST_TIMER_MS, setTimeout } from '../common/timers.js';

/** How long a node that is no longer the primary has to say so itself, in ms. */
const FAREWELL_MS = 1_000;
/** How long a server may take to unblock a call that is given up, in ms. */
const UNBLOCK_MS = 1_000;
const UNBLOCK_AGAIN_MS = 50;

/** What the lease is used for. */
export interface LeaseUse {
  readonly node: ClusterNode;
  /** The slot that the node must be the primary of; NO_SLOT if that does not matter. */
  readonly slot: number;
  readonly limit: CallLimit;
  /** Whether the call blocks. The deadline does not count while the server has it. */
  readonly blocking: boolean;
  /** How long it blocks at most, in ms. Default 0. */
  readonly blockingMs?: number;
}

/**
 * Ends a call on a leased connection once waiting is pointless: the node is no longer the primary, the caller gives up,
 * or the deadline has passed, and with it the time for which the call may block. A blocking call is unblocked by its
 * server, which then says for certain that it took nothing. If the server does not reply, and for all other calls, the
 * connection is ended, and the call with it. Meanwhile the node is pinged on its shared connection.
 * @returns a function that ends the watch
 */
export function watchLease(
  host: LeaseHost,
  lease: Lease,
  { node, slot, limit, blocking, blockingMs = 0 }: LeaseUse,
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
  // the connection may have died unnoticed
  const longest = blockingMs + limit.timerMs;
  if (longest <= LONGEST_TIMER_MS) endIn(longest);
  if (limit.signal !== undefined) ends.push(onAbort(limit.signal, giveUp));
  return () => {
    watched.isOver = true;
    for (const end of ends) end();
    for (const timer of timers) clearTimeout(timer);
  };
}

/** Makes a server unblock a call. A call that has not arrived yet is not blocked yet, so the command is repeated. */
async function unblock(
  host: LeaseHost,
  node: ClusterNode,
  clientId: number,
  watched: { readonly isOver: boolean },
): Promise<void> {
  while (!watched.isOver) {
    // if CLIENT UNBLOCK is not permitted, the connection is ended in a moment
    const reply = await host.unblock(node, clientId).catch(() => 'refused');
    if (reply !== 0) return;
    await delay(UNBLOCK_AGAIN_MS);
  }
}
