import type { Reply } from '../../cluster/protocol/reply.js';
import { fieldsOf, listOf, textOf } from '../../cluster/topology/reply-fields.js';

/** A node in CLUSTER SLOTS. */
export interface SlotNode {
  readonly id: string;
  /** The host that clients should connect to; undefined if it is the one they sent the command to. */
  readonly endpoint: string | undefined;
  readonly port: number;
  /** Other endpoints: `ip`, `hostname`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A range of slots, its primary and its replicas. */
export interface SlotOwners {
  readonly first: number;
  readonly last: number;
  readonly primary: SlotNode;
  readonly replicas: readonly SlotNode[];
}

/** Reads the reply of CLUSTER SLOTS (https://redis.io/commands/cluster-slots/). */
export function parseSlotOwners(reply: Reply): SlotOwners[] {
  return listOf(reply).map((entry) => {
    const [first, last, primary, ...replicas] = listOf(entry);
    return {
      first: Number(first),
      last: Number(last),
      primary: parseNode(primary),
      replicas: replicas.map(parseNode),
    };
  });
}

function parseNode(reply: Reply | undefined): SlotNode {
  const [endpoint, port, id, metadata] = listOf(reply);
  return {
    id: textOf(id) ?? '',
    endpoint: textOf(endpoint),
    port: Number(port),
    metadata: new Map([...fieldsOf(metadata ?? [])].map(([name, value]) => [name, String(value)])),
  };
}
