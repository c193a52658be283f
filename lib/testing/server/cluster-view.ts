import type { NodeConnection } from './node-connection.js';

/** Slots from one to another, both included. */
export type SlotRange = readonly [first: number, last: number];

/** One node as another (or itself) sees it. */
export interface ViewedNode {
  readonly id: string;
  readonly role: 'primary' | 'replica';
  /** Of a replica. */
  readonly primaryId: string | undefined;
  readonly configEpoch: number;
  readonly slots: readonly SlotRange[];
  /** It cannot be reached, is suspected to have failed, or has not introduced itself yet. */
  readonly trouble: string | undefined;
}

/** The cluster as one node sees it. */
export interface ClusterView {
  readonly nodes: ReadonlyMap<string, ViewedNode>;
  readonly myself: ViewedNode;
  /** `cluster_state:ok`. */
  readonly ok: boolean;
  /** Of a replica: whether it follows its primary. */
  readonly linkUp: boolean;
  /** Of a primary: how many replicas it sends to. */
  readonly onlineReplicas: number;
}

/** Asks a node how it sees the cluster. */
export async function readClusterView(connection: NodeConnection): Promise<ClusterView> {
  const [nodesText, clusterInfo, replication] = (
    await Promise.all([
      connection.call('CLUSTER', 'NODES'),
      connection.call('CLUSTER', 'INFO'),
      connection.call('INFO', 'replication'),
    ])
  ).map(String);
  const lines = nodesText.trimEnd().split('\n');
  const nodes = lines.map(parseNodeLine);
  return {
    nodes: new Map(nodes.map((node) => [node.id, node])),
    myself: nodes[lines.findIndex((line) => line.split(' ')[2].includes('myself'))],
    ok: clusterInfo.includes('cluster_state:ok'),
    linkUp: replication.includes('master_link_status:up'),
    onlineReplicas: replication.match(/^slave\d+:.*state=online/gm)?.length ?? 0,
  };
}

/** A word of the flags or the link state, and what it says. */
const TROUBLES: readonly (readonly [word: string, meaning: string])[] = [
  ['handshake', 'is still being introduced'],
  ['fail', 'is marked as failed'],
  ['fail?', 'is suspected to have failed'],
  ['noaddr', 'has no address'],
  ['disconnected', 'is not connected'],
];

/** One line of CLUSTER NODES: id, address, flags, primary, ping, pong, epoch, link state, slots. */
function parseNodeLine(line: string): ViewedNode {
  const [id, , flagText, primary, , , epoch, link, ...slots] = line.trim().split(' ');
  const words = new Set([...flagText.split(','), link]);
  return {
    id,
    role: words.has('slave') ? 'replica' : 'primary',
    primaryId: primary === '-' ? undefined : primary,
    configEpoch: Number(epoch),
    // [slot->-id] and [slot-<-id] tell of migrations under way
    slots: slots.filter((slot) => !slot.startsWith('[')).map(parseRange),
    trouble: TROUBLES.find(([word]) => words.has(word))?.[1],
  };
}

function parseRange(text: string): SlotRange {
  const [first, last = first] = text.split('-').map(Number);
  return [first, last];
}
