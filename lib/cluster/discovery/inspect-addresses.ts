import type { TopologyError } from '../common/errors.js';
import { withinLoopTime } from '../common/within.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';
import { announcedUnreachable, misplacedNodes, type MisplacedNode } from './announced-addresses.js';
import { readAnnouncedNodes, type AnnouncedNode, type AnnouncedNodes } from './announced-nodes.js';

/** What is wrong with the addresses that a cluster announces. */
export interface AddressFindings {
  readonly misplaced: readonly MisplacedNode[];
  readonly error: TopologyError;
}

/**
 * Finds out, over the connections that are open, which announced addresses do not lead to their nodes.
 * @param failures why nodes cannot be used, by their names
 * @param matters chooses nodes; the others may announce what they like
 * @returns undefined if nothing is wrong, or no node says what is announced
 */
export async function inspectAddresses(
  channels: Iterable<NodeChannel>,
  options: ResolvedClusterOptions,
  failures: ReadonlyMap<string, Error>,
  matters: (node: AnnouncedNode) => boolean,
): Promise<AddressFindings | undefined> {
  const open = [...channels].filter(({ name, state }) => state === 'ready' && !failures.has(name));
  const reached = new Map<string, NodeAddress>();
  for (const { nodeId, address } of open) if (nodeId !== undefined) reached.set(nodeId, address);
  for (const channel of open) {
    const announced = await announcedBy(channel, options);
    if (announced === undefined || announced.nodes.length === 0) continue;
    const misplaced = misplacedNodes(announced, (target) => failures.get(target)).filter(({ node }) =>
      matters(node),
    );
    if (misplaced.length === 0) return undefined;
    const [cause] = misplaced.flatMap(
      ({ node }) => (node.target && failures.get(nodeName(node.target))) ?? [],
    );
    return { misplaced, error: announcedUnreachable(announced, misplaced, reached, cause) };
  }
  return undefined;
}

/** Returns what a node reports; undefined if it does not answer in time, or `addressRemap` throws. */
function announcedBy(
  channel: NodeChannel,
  { addressRemap, connectTimeoutMs }: ResolvedClusterOptions,
): Promise<AnnouncedNodes | undefined> {
  const announced = readAnnouncedNodes(
    (name, ...args) => channel.control(name, ...args),
    channel.address,
    addressRemap,
  ).catch(() => undefined);
  return withinLoopTime(connectTimeoutMs, announced, () => undefined);
}
