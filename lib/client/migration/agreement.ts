import { CallLimit } from '../../cluster/command/call-limit.js';
import { TopologyError } from '../../cluster/common/errors.js';
import { retryUntil } from '../../cluster/retry/retry-until.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { AdminCalls } from '../cluster-calls/admin-calls.js';
import { textOf } from './migration-plan.js';
import { owns, readNode, type Primary } from './primaries.js';

/** The two nodes between which slots move. */
export interface Route {
  readonly from: ClusterNode;
  readonly to: ClusterNode;
}

/**
 * Waits until the receiver knows the epoch of the owner, and has another one itself. A node takes a new epoch for slots
 * that it takes over, unless it believes that its own is the highest: with an older one its claim would not be believed.
 * @returns how both see the cluster
 * @throws TopologyError `VIEWS_DISAGREE`
 */
export function untilEpochIsKnown(
  calls: AdminCalls,
  { from, to }: Route,
  waitMs: number,
): Promise<{ giving: Primary; taking: Primary }> {
  return untilAgreed(waitMs, `${to.name} does not know the configuration epoch of ${from.name}`, async () => {
    const [giving, taking] = await Promise.all([readNode(calls, from), readNode(calls, to)]);
    const epoch = giving.self.configEpoch;
    const isKnown = taking.seen.get(from.id)?.configEpoch === epoch && taking.self.configEpoch !== epoch;
    return isKnown && giving.seen.has(to.id) ? { giving, taking } : undefined;
  });
}

/**
 * Waits until both nodes see that the slots have moved. The last message of the former owner can overtake the claim of
 * the new one; then the new owner gets the command again.
 * @throws TopologyError `VIEWS_DISAGREE`
 */
export async function untilMoved(
  calls: AdminCalls,
  { from, to }: Route,
  slots: readonly number[],
  waitMs: number,
): Promise<void> {
  await untilAgreed(
    waitMs,
    `${from.name} and ${to.name} disagree about slots ${textOf(slots)}, which have moved to ${to.name}`,
    async () => {
      const [giving, taking] = await Promise.all([readNode(calls, from), readNode(calls, to)]);
      const lost = slots.filter((slot) => !owns(taking.self, slot));
      const kept = slots.filter((slot) => !owns(giving.seen.get(to.id), slot));
      await Promise.all([assign(calls, to, lost, to.id), assign(calls, from, kept, to.id)]);
      return lost.length === 0 && kept.length === 0 ? true : undefined;
    },
  );
}

/** Tells a node who owns slots. It may refuse: a primary that has lost its last slot becomes a replica. */
export async function assign(
  calls: AdminCalls,
  node: ClusterNode,
  slots: readonly number[],
  ownerId: string,
): Promise<void> {
  await Promise.allSettled(
    slots.map((slot) => calls.repeatOnNode(node, 'cluster', ['SETSLOT', slot, 'NODE', ownerId])),
  );
}

async function untilAgreed<T>(
  waitMs: number,
  disagreement: string,
  look: () => Promise<T | undefined>,
): Promise<T> {
  return retryUntil<T>(
    new CallLimit('migrateSlots', waitMs, undefined),
    async () => {
      const result = await look();
      return result === undefined ? { lastError: undefined } : { result };
    },
    () => new TopologyError('VIEWS_DISAGREE', disagreement),
  );
}
