import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { ScanSource } from './scan-source.js';

/** What a node reports about its slots. */
export interface SlotOwnership {
  readonly owned: ReadonlySet<number>;
  /** Slots that the node is handing over, with the id of the receiving node. */
  readonly givenTo: ReadonlyMap<number, string>;
  /** The node's configuration epoch, which rises whenever the node takes over a slot. */
  readonly epoch: string;
}

const EPOCH_FIELD = 6;
const FIRST_SLOT_FIELD = 8;
const HANDED_OVER = /^\[(\d+)->-([0-9a-f]+)\]$/;
const RANGE = /^(\d+)(?:-(\d+))?$/;

/** Reads a node's own line of CLUSTER NODES (https://redis.io/commands/cluster-nodes/). */
export async function readSlotOwnership(source: ScanSource, node: ClusterNode): Promise<SlotOwnership> {
  const reply = String(await source.onNode(node, 'cluster', ['NODES']));
  const lines = reply.split('\n').map((line) => line.trim().split(' '));
  const own = lines.find((fields) => fields[2]?.includes('myself')) ?? [];
  const owned = new Set<number>();
  const givenTo = new Map<number, string>();
  for (const field of own.slice(FIRST_SLOT_FIELD)) {
    const handedOver = HANDED_OVER.exec(field);
    if (handedOver !== null) givenTo.set(Number(handedOver[1]), handedOver[2]);
    const range = RANGE.exec(field);
    if (range === null) continue;
    for (let slot = Number(range[1]); slot <= Number(range[2] ?? range[1]); slot++) owned.add(slot);
  }
  return { owned, givenTo, epoch: own[EPOCH_FIELD] ?? '' };
}
