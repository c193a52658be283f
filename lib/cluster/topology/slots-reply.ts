import { SLOT_COUNT } from './key-slot.js';
import type { Reply } from '../protocol/reply.js';
import {
  ClusterTopology,
  nodeName,
  type NodeAddress,
  type NodeIdentity,
  type ShardMembers,
  type SlotRange,
} from './topology.js';

/** Maps an address that the cluster announces to one that can be reached from here. */
export type AddressRemap = (address: NodeAddress) => NodeAddress;

/**
 * Reads a CLUSTER SLOTS reply. Skips malformed entries, so a server that sends nonsense covers no slots.
 *
 * An endpoint that is NULL or empty stands for the address that was asked; one that is `?` is unknown and
 * skipped (https://redis.io/commands/cluster-slots/).
 *
 * @param answeredBy the node that replied
 */
export function topologyFromSlots(
  reply: Reply,
  answeredBy: NodeAddress,
  remap?: AddressRemap,
): ClusterTopology {
  const shards = new Map<string, ShardMembers & { slots: SlotRange[] }>();
  for (const entry of Array.isArray(reply) ? reply : []) {
    if (!Array.isArray(entry)) continue;
    const [first, last, ...nodes] = entry;
    if (!isSlot(first) || !isSlot(last) || first > last) continue;
    const [primary, ...replicas] = nodes.map((node) => readNode(node, answeredBy, remap));
    if (primary === undefined) continue;
    const name = nodeName(primary);
    const known = shards.get(name);
    if (known !== undefined) known.slots.push([first, last]);
    else shards.set(name, { primary, replicas: replicas.filter(isKnown), slots: [[first, last]] });
  }
  return ClusterTopology.of(shards.values());
}

/** Reads `[endpoint, port, id, …]`; undefined if that names no node. */
export function readNode(
  node: Reply,
  answeredBy: NodeAddress,
  remap: AddressRemap = (address) => address,
): NodeIdentity | undefined {
  if (!Array.isArray(node)) return undefined;
  const [endpoint, port, id] = node;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  if (endpoint !== null && typeof endpoint !== 'string') return undefined;
  if (endpoint === '?') return undefined;
  const address = remap({ host: endpoint || answeredBy.host, port });
  return { host: address.host, port: address.port, id: typeof id === 'string' ? id : '' };
}

function isSlot(value: Reply): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOT_COUNT;
}

function isKnown(node: NodeIdentity | undefined): node is NodeIdentity {
  return node !== undefined;
}
