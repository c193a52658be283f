import type { AddressRemap } from '../topology/slots-reply.js';
import { parseRedirect } from '../topology/redirect.js';
import { nodeName, type ClusterNode, type NodeAddress } from '../topology/topology.js';

/** What a redirect is resolved against. */
export interface RedirectScope {
  readonly options: { readonly addressRemap?: AddressRemap | undefined };
  /** The node of a name, if the client knows it or knew it a moment ago. Reports an unknown one. */
  nodeToFollow(name: string): ClusterNode | undefined;
}

/** Where a redirect leads. */
export interface RedirectTarget {
  readonly slot: number;
  readonly node: ClusterNode;
}

/**
 * Resolves a MOVED or ASK reply to a node of the cluster. Only a node that the client knows, or knew a moment ago, is
 * followed: a reply must not be able to send credentials elsewhere. An unknown node is reported, so that the topology
 * is read; the caller waits for that.
 * @returns undefined for any other reply, and if the node is unknown
 * @throws what `addressRemap` throws
 */
export function resolveRedirect(
  { message }: Error,
  from: NodeAddress,
  scope: RedirectScope,
): RedirectTarget | undefined {
  const redirect = parseRedirect(message, from);
  if (redirect === undefined) return undefined;
  const address = scope.options.addressRemap?.(redirect.target) ?? redirect.target;
  const node = scope.nodeToFollow(nodeName(address));
  return node && { slot: redirect.slot, node };
}
