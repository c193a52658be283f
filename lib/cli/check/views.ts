import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { groupBy } from '../../cluster/common/group-by.js';
import type { SeenNode } from '../../cluster/topology/node-lines.js';
import type { ClusterFacts } from './collect-facts.js';
import type { NodeFacts } from './node-facts.js';

/** Nodes that see the same owners of all slots, most nodes first. */
export function viewGroups({ nodes }: ClusterFacts): NodeFacts[][] {
  return [...groupBy(nodes, signatureOf).values()].toSorted((a, b) => b.length - a.length);
}

/** The view that most nodes share. */
export const prevailingView = (facts: ClusterFacts): NodeFacts => viewGroups(facts)[0][0];

function signatureOf({ seen }: NodeFacts): string {
  const owners = seen
    .filter(({ slots }) => slots.length > 0)
    .map(({ id, slots }) => `${id} ${slots.join(' ')}`);
  return owners.toSorted().join('\n');
}

/** Returns the owner of each slot in the eyes of a node. */
export function ownersIn({ seen }: NodeFacts): (SeenNode | undefined)[] {
  const owners = new Array<SeenNode | undefined>(SLOT_COUNT).fill(undefined);
  for (const node of seen) for (const [first, last] of node.slots) owners.fill(node, first, last + 1);
  return owners;
}

/** The primaries with slots, in the eyes of most nodes. */
export const primariesIn = ({ seen }: NodeFacts): SeenNode[] => seen.filter(({ slots }) => slots.length > 0);

/** How a node is named: where it was reached, else as others know it. */
export function nameOf({ nodes }: ClusterFacts, seen: Pick<SeenNode, 'id' | 'name' | 'hostname'>): string {
  return nodes.find(({ id }) => id === seen.id)?.name ?? seen.hostname ?? seen.name;
}

export const isDown = ({ flags }: SeenNode): boolean => flags.has('fail') || flags.has('pfail');
