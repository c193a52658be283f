import type { Ask, Reply } from '../protocol/reply.js';
import { parseNodeLines } from '../topology/node-lines.js';
import { listOf } from '../topology/reply-fields.js';
import { readNode, type AddressRemap } from '../topology/slots-reply.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/** A node with the address that it announces, as another node (or itself) reports it. */
export interface AnnouncedNode {
  /** Empty if the server does not report it. */
  readonly id: string;
  readonly role: 'primary' | 'replica';
  /** The announced host: empty if there is none, so that the host of the answering node counts; `?` if it is unknown. */
  readonly host: string;
  /** The announced port; 0 if the node has none of this kind, with or without TLS. */
  readonly port: number;
  /** What `addressRemap` receives. Undefined if that is no address. */
  readonly address: NodeAddress | undefined;
  /** Where a client connects to. Undefined if there is no such address. */
  readonly target: NodeAddress | undefined;
  /** Whether the answering node is connected to it; undefined if it does not report that. */
  readonly isUp: boolean | undefined;
}

/** What a node reports about the addresses of its cluster. */
export interface AnnouncedNodes {
  /** The address of the node that answered. */
  readonly answeredBy: NodeAddress;
  readonly nodes: readonly AnnouncedNode[];
}

/**
 * Reads from a node which addresses the nodes of its cluster announce (CLUSTER SLOTS), and which of them it is
 * connected to (CLUSTER NODES, if it permits that).
 * @param ask sends a command to that node
 * @throws what `ask` or `remap` throws
 */
export async function readAnnouncedNodes(
  ask: Ask,
  answeredBy: NodeAddress,
  remap: AddressRemap | undefined,
): Promise<AnnouncedNodes> {
  const [slots, lines] = await Promise.all([
    ask('CLUSTER', 'SLOTS'),
    ask('CLUSTER', 'NODES').catch(() => null),
  ]);
  const isUp = connectedNodes(lines);
  const nodes = new Map<string, AnnouncedNode>();
  for (const entry of listOf(slots)) {
    const [, , ...members] = listOf(entry);
    members.forEach((member, i) => {
      const [endpoint, port, id] = listOf(member);
      if (typeof port !== 'number' || (endpoint !== null && typeof endpoint !== 'string')) return;
      const host = endpoint ?? '';
      const idText = typeof id === 'string' ? id : '';
      const address = readNode(member, answeredBy);
      nodes.set(idText || nodeName({ host, port }), {
        id: idText,
        role: i === 0 ? 'primary' : 'replica',
        host,
        port,
        address: address && { host: address.host, port: address.port },
        target: readNode(member, answeredBy, remap),
        isUp: isUp.get(idText),
      });
    });
  }
  return { answeredBy, nodes: [...nodes.values()] };
}

/** Returns which nodes the answering node is connected to, by their ids. Empty if the reply does not say it. */
function connectedNodes(lines: Reply): Map<string, boolean> {
  if (typeof lines !== 'string') return new Map();
  const isUp = ({ flags, linkState }: ReturnType<typeof parseNodeLines>[number]): boolean =>
    flags.has('myself') || (linkState === 'connected' && !flags.has('fail') && !flags.has('pfail'));
  try {
    return new Map(parseNodeLines(lines).map((node) => [node.id, isUp(node)]));
  } catch {
    // a proxy's own text
    return new Map();
  }
}
