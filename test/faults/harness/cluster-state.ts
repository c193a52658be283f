import type { LocalCluster, LocalNode } from 'keyslot/testing';

/** How long a node is given for its answer, in ms: it may be frozen. */
const PATIENCE_MS = 2_000;

/** What each node of a cluster says of it (CLUSTER NODES), and the end of its log: for the message of a failure. */
export async function clusterState(cluster: LocalCluster): Promise<string> {
  const parts = await Promise.all(cluster.nodes.map((node) => nodeState(cluster, node)));
  return parts.join('\n');
}

async function nodeState(cluster: LocalCluster, node: LocalNode): Promise<string> {
  const view = node.state === 'running' ? await viewOf(cluster, node) : '';
  return [`--- ${node.name}, ${node.state}`, view.trimEnd(), node.logTail()].join('\n');
}

async function viewOf(cluster: LocalCluster, node: LocalNode): Promise<string> {
  const answer = cluster.command(node, 'CLUSTER', 'NODES').then(String, (error: Error) => error.message);
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer'), PATIENCE_MS);
  });
  return Promise.race([answer, silence]).finally(() => clearTimeout(timer));
}
