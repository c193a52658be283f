import type { Reply } from '../../cluster/protocol/reply.js';
import type { SlotRange } from '../../cluster/topology/topology.js';
import { fieldsOf, listOf, textOf } from '../../cluster/topology/reply-fields.js';

/** A node in CLUSTER SHARDS. */
export interface ShardNode {
  readonly id: string;
  readonly role: 'primary' | 'replica';
  readonly ip: string;
  readonly port: number | undefined;
  readonly tlsPort: number | undefined;
  /** The host that clients should connect to; undefined if it is the one they sent the command to. */
  readonly endpoint: string | undefined;
  readonly hostname: string | undefined;
  readonly replicationOffset: number;
  readonly health: 'online' | 'failed' | 'loading';
}

/** A shard in CLUSTER SHARDS. A shard that has just joined has no slots. */
export interface ShardDescription {
  readonly slots: readonly SlotRange[];
  readonly nodes: readonly ShardNode[];
}

/** Reads the reply of CLUSTER SHARDS (https://redis.io/commands/cluster-shards/). */
export function parseShards(reply: Reply): ShardDescription[] {
  return listOf(reply).map((shard) => {
    const fields = fieldsOf(shard);
    const bounds = listOf(fields.get('slots')).map(Number);
    return {
      slots: Array.from({ length: bounds.length >> 1 }, (_, i): SlotRange => [
        bounds[2 * i],
        bounds[2 * i + 1],
      ]),
      nodes: listOf(fields.get('nodes')).map(parseNode),
    };
  });
}

function parseNode(reply: Reply): ShardNode {
  const fields = fieldsOf(reply);
  const port = (name: string): number | undefined => {
    const value = Number(fields.get(name) ?? 0);
    return value > 0 ? value : undefined;
  };
  return {
    id: textOf(fields.get('id')) ?? '',
    role: fields.get('role') === 'master' ? 'primary' : 'replica',
    ip: textOf(fields.get('ip')) ?? '',
    port: port('port'),
    tlsPort: port('tls-port'),
    endpoint: textOf(fields.get('endpoint')),
    hostname: textOf(fields.get('hostname')),
    replicationOffset: Number(fields.get('replication-offset') ?? 0),
    health: (textOf(fields.get('health')) ?? 'online') as ShardNode['health'],
  };
}
