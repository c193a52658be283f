import type { NodeAddress } from '../topology/topology.js';
import type { AnnouncedNode, AnnouncedNodes } from './announced-nodes.js';
import { quoted, remapCode } from './remap-code.js';

/** Where nodes were reached, by their ids. */
export type ReachedNodes = ReadonlyMap<string, NodeAddress>;

/**
 * Returns the line of code that maps announced addresses to others: to the ports of one host if that fits all that
 * is known, else one by one, as far as it is known where the nodes are reached.
 * @param lost the nodes that cannot be used at the addresses they announce
 * @param reached nodes that answered, at whichever address
 * @returns undefined if no `addressRemap` can help, as the nodes announce no address
 */
export function suggestRemap(
  { nodes, answeredBy }: AnnouncedNodes,
  lost: readonly AnnouncedNode[],
  reached: ReachedNodes,
): string | undefined {
  const addresses = lost.flatMap(({ id, address }) => (address === undefined ? [] : [{ id, address }]));
  if (addresses.length === 0) return undefined;
  const host = commonHost(nodes, reached, answeredBy);
  if (host !== undefined) return `addressRemap: ({ port }) => ({ host: ${quoted(host)}, port })`;
  const known = addresses.filter(({ id }) => reached.has(id));
  return remapCode(
    (known.length > 0 ? known : addresses.slice(0, 1)).map(({ id, address }) => ({
      announced: address,
      reached: reached.get(id) ?? { host: 'address-from-here', port: address.port },
    })),
  );
}

/** The one host at which all nodes can be reached by their ports, if nothing that is known contradicts that. */
function commonHost(
  nodes: readonly AnnouncedNode[],
  reached: ReachedNodes,
  answeredBy: NodeAddress,
): string | undefined {
  const ports = new Set(nodes.map(({ port }) => port));
  if (ports.size < nodes.length || (reached.size === 0 && !ports.has(answeredBy.port))) return undefined;
  const found = nodes.flatMap(({ id, port }) => {
    const address = reached.get(id);
    return address === undefined ? [] : [{ announced: port, ...address }];
  });
  if (found.some(({ announced, port }) => announced !== port)) return undefined;
  const hosts = new Set(found.length > 0 ? found.map(({ host }) => host) : [answeredBy.host]);
  return hosts.size === 1 ? [...hosts][0] : undefined;
}
