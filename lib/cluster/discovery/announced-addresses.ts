import { TopologyError } from '../common/errors.js';
import { nodeName } from '../topology/topology.js';
import type { AnnouncedNode, AnnouncedNodes } from './announced-nodes.js';
import { suggestRemap, type ReachedNodes } from './suggest-remap.js';

/** A node that cannot be used at the address it announces. */
export interface MisplacedNode {
  readonly node: AnnouncedNode;
  /** Why the address does not lead to the node. */
  readonly reason: string;
}

/** How many nodes an error names. */
const SHOWN = 6;

/** What the texts of failures mean, for people. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/^getaddrinfo (ENOTFOUND|EAI_AGAIN)\b[^,]*$/, 'the name cannot be resolved, $1'],
  [/^connect (ECONNREFUSED)\b[^,]*$/, 'nothing listens there, $1'],
  [/^connect (EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)\b[^,]*$/, 'no route leads there, $1'],
  [/^.*, but (.+) replies there$/, '$1 replies there'],
];

/**
 * Returns the nodes that cannot be used at the addresses they announce. Leaves out nodes that the other nodes do not
 * reach either: they are down rather than announced wrongly.
 * @param failureOf why the node at an address (`host:port`) cannot be used; undefined if it can, or was not tried
 */
export function misplacedNodes(
  { nodes }: AnnouncedNodes,
  failureOf: (target: string) => Error | undefined,
): MisplacedNode[] {
  return nodes.flatMap((node) => {
    const reason = faultOf(node, failureOf);
    return reason === undefined || node.isUp === false ? [] : [{ node, reason }];
  });
}

/**
 * Returns the error that names the announced addresses that lead nowhere or to another node, who announces them,
 * why they fail, and what to do.
 * @param reached nodes that answered, for the example of `addressRemap`
 */
export function announcedUnreachable(
  announced: AnnouncedNodes,
  misplaced: readonly MisplacedNode[],
  reached: ReachedNodes,
  cause?: Error,
): TopologyError {
  const shown = misplaced.slice(0, SHOWN).map(describe);
  const more = misplaced.length > SHOWN ? `; and ${misplaced.length - SHOWN} more` : '';
  return new TopologyError(
    'ANNOUNCED_UNREACHABLE',
    'The cluster announces addresses that do not lead to its nodes from here, ' +
      `according to ${nodeName(announced.answeredBy)}: ${shown.join('; ')}${more}. ` +
      adviceFor(announced, misplaced, reached),
    { cause },
  );
}

function faultOf(node: AnnouncedNode, failureOf: (target: string) => Error | undefined): string | undefined {
  if (node.host === '?')
    return 'the host is unknown: cluster-preferred-endpoint-type is hostname, and the node has no cluster-announce-hostname';
  if (node.target === undefined) return 'it has no port of this kind; see the option tls';
  const name = nodeName(node.target);
  const failure = failureOf(name);
  return failure === undefined ? undefined : meaningOf(failure, name);
}

function meaningOf({ message }: Error, name: string): string {
  const text = message.replace(`Connection to ${name}: `, '');
  const [pattern, meaning] = MEANINGS.find(([known]) => known.test(text)) ?? [];
  return pattern === undefined || meaning === undefined ? text : text.replace(pattern, meaning);
}

/** `node 3f2a1b9c announces redis-1:6379 (the name cannot be resolved, ENOTFOUND)` */
function describe({ node, reason }: MisplacedNode): string {
  const { id, host, port, address, target } = node;
  const who = id === '' ? 'a node' : `node ${id.slice(0, 8)}`;
  const what = host === '' ? `port ${port} without a host` : nodeName({ host, port });
  const isMapped = address !== undefined && target !== undefined && nodeName(address) !== nodeName(target);
  const used = isMapped ? `, which addressRemap maps to ${nodeName(target)}` : '';
  const meant = host === '' && !isMapped && target !== undefined ? `, which means ${nodeName(target)}` : '';
  return `${who} announces ${what}${used}${meant} (${reason})`;
}

function adviceFor(
  announced: AnnouncedNodes,
  misplaced: readonly MisplacedNode[],
  reached: ReachedNodes,
): string {
  const lost = misplaced.map(({ node }) => node);
  const mapped = lost.some(
    ({ address, target }) => address && target && nodeName(address) !== nodeName(target),
  );
  const remap = suggestRemap(announced, lost, reached);
  const advice: string[] = [];
  if (mapped) advice.push('Correct the function addressRemap.');
  else if (remap !== undefined)
    advice.push(
      `Map them to addresses that can be reached, with the option addressRemap. Example: ${remap}.`,
      'Or make the nodes announce such addresses (cluster-announce-ip, cluster-announce-hostname, cluster-announce-port).',
    );
  if (lost.some(({ host }) => host === '?'))
    advice.push(
      'Set cluster-announce-hostname on the nodes without a host, or cluster-preferred-endpoint-type ip on all nodes.',
    );
  return advice.join(' ');
}
