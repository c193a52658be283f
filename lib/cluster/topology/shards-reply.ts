import type { Reply } from '../protocol/reply.js';
import { readNode, type AddressRemap } from './slots-reply.js';
import type { NodeAddress, NodeIdentity } from './topology.js';

/**
 * Reads a CLUSTER SHARDS reply for the primaries that own no slots (https://redis.io/commands/cluster-shards/).
 * CLUSTER SLOTS is silent about them, and a node that has joined is one until its first slot has arrived; the keys of
 * that slot that are there already can be had from it alone.
 */
export function slotlessPrimariesFromShards(
  reply: Reply,
  answeredBy: NodeAddress,
  secure: boolean,
  remap?: AddressRemap,
): NodeIdentity[] {
  return listOf(reply)
    .map(fieldsOf)
    .filter((shard) => listOf(shard.get('slots')).length === 0)
    .flatMap((shard) => listOf(shard.get('nodes')).map(fieldsOf))
    .filter((node) => node.get('role') === 'master' && node.get('health') === 'online')
    .map((node) => [
      node.get('endpoint') ?? null,
      node.get(secure ? 'tls-port' : 'port') ?? null,
      node.get('id') ?? '',
    ])
    .map((node) => readNode(node, answeredBy, remap))
    .filter((node) => node !== undefined);
}

function listOf(reply: Reply | undefined): Reply[] {
  return Array.isArray(reply) ? reply : [];
}

/** Names and values, which stand one behind the other. */
function fieldsOf(reply: Reply): ReadonlyMap<Reply, Reply> {
  const items = listOf(reply);
  return new Map(items.flatMap((name, i) => (i % 2 === 0 ? [[name, items[i + 1] ?? null] as const] : [])));
}
