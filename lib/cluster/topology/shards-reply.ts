import { fieldsOf, listOf } from './reply-fields.js';
import type { Reply } from '../protocol/reply.js';
import { readNode, type AddressRemap } from './slots-reply.js';
import type { NodeAddress, NodeIdentity } from './topology.js';

/**
 * Reads a CLUSTER SHARDS reply for the primaries that own no slots (https://redis.io/commands/cluster-shards/).
 * CLUSTER SLOTS omits them. A new node is one of them until its first slot has arrived; keys of that slot that
 * have already arrived can only be read there.
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
