import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { eventually } from './cluster-fixture.js';

/** A running replica of a primary, as soon as one says that it follows it. */
export function replicaOf(cluster: LocalCluster, primary: LocalNode): Promise<LocalNode> {
  return eventually(async () => {
    for (const node of cluster.nodes.filter(({ state }) => state === 'running')) {
      const [role, , port] = (await cluster.command(node, 'ROLE')) as unknown[];
      if (role === 'slave' && port === primary.port) return node;
    }
    throw new Error(`No replica follows ${primary.name}`);
  });
}
