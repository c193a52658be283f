import { InvalidArgumentError, TopologyError } from '../../cluster/common/errors.js';
import { parseNodeLines, type SeenNode } from '../../cluster/topology/node-lines.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { AdminCalls } from '../cluster-calls/admin-calls.js';

/** A primary, with or without slots, and how it sees the cluster. */
export interface Primary {
  readonly node: ClusterNode;
  /** What it says about itself, including the slots that it is handing over or receiving. */
  readonly self: SeenNode;
  /** All nodes by their ids, as it sees them. */
  readonly seen: ReadonlyMap<string, SeenNode>;
}

/** Returns how a node sees the cluster. It may be a replica. */
export async function readNode(calls: AdminCalls, node: ClusterNode): Promise<Primary> {
  const seen = parseNodeLines(String(await calls.repeatOnNode(node, 'cluster', ['NODES'])));
  const self = seen.find(({ flags }) => flags.has('myself'));
  if (self === undefined) throw new TopologyError('UNKNOWN_NODE', `${node.name} does not report itself`);
  return { node, self, seen: new Map(seen.map((each) => [each.id, each])) };
}

/** Returns the primaries that answer. A primary that is down owns its slots until it is replaced, and is left out. */
export async function readPrimaries(calls: AdminCalls): Promise<Primary[]> {
  const nodes = (await calls.allNodes()).filter(({ role }) => role === 'primary');
  const read = await Promise.allSettled(nodes.map((node) => readNode(calls, node)));
  const primaries = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const [first] = read;
  if (primaries.length === 0 && first?.status === 'rejected') throw first.reason;
  return primaries.filter(({ self }) => self.role === 'primary');
}

/** Returns the primary of an id. @throws InvalidArgumentError if the node is a replica, or does not answer */
export function primaryOf(primaries: readonly Primary[], node: ClusterNode): Primary {
  const found = primaries.find((primary) => primary.node.id === node.id);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(
    'to',
    `Slots can only move to a primary that answers, and ${node.name} is a replica or does not answer`,
  );
}

/** Returns which primary owns which slot: of several that claim one, the one with the newest claim. */
export function ownersOf(primaries: readonly Primary[]): Map<number, Primary> {
  const owners = new Map<number, Primary>();
  for (const primary of primaries.toSorted((a, b) => a.self.configEpoch - b.self.configEpoch)) {
    for (const [first, last] of primary.self.slots)
      for (let slot = first; slot <= last; slot++) owners.set(slot, primary);
  }
  return owners;
}

/** Whether a node owns a slot, as another node (or itself) sees it. */
export function owns(node: SeenNode | undefined, slot: number): boolean {
  return node?.slots.some(([first, last]) => first <= slot && slot <= last) ?? false;
}
