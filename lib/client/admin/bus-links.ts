import type { Reply } from '../../cluster/protocol/reply.js';
import { fieldsOf, listOf } from '../../cluster/topology/reply-fields.js';

/** A connection of the cluster bus, as the node at one end sees it. */
export interface BusLink {
  /** `to`: opened by this node; `from`: opened by the other node. */
  readonly direction: 'to' | 'from';
  /** The id of the node at the other end. */
  readonly node: string;
  /** When the connection was opened (Unix time in ms). */
  readonly createdAt: number;
  /** The events it waits for: `r`, `w`, both or none. */
  readonly events: string;
  /** Bytes. */
  readonly sendBufferAllocated: number;
  /** Bytes. */
  readonly sendBufferUsed: number;
}

/** Reads the reply of CLUSTER LINKS (https://redis.io/commands/cluster-links/). */
export function parseBusLinks(reply: Reply): BusLink[] {
  return listOf(reply).map((link) => {
    const fields = fieldsOf(link);
    return {
      direction: fields.get('direction') === 'to' ? 'to' : 'from',
      node: String(fields.get('node')),
      createdAt: Number(fields.get('create-time')),
      events: String(fields.get('events')),
      sendBufferAllocated: Number(fields.get('send-buffer-allocated')),
      sendBufferUsed: Number(fields.get('send-buffer-used')),
    };
  });
}
