import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster } from '../../testing/cluster/local-cluster.js';

const CHECK_MS = 500;

/**
 * Waits for the signal, or until no server is left.
 * @param onEnd called with the name of each server that ends meanwhile
 * @returns whether any server was left
 */
export async function untilEnd(
  cluster: LocalCluster,
  signal: AbortSignal,
  onEnd: (name: string) => void,
): Promise<boolean> {
  const living = new Set(cluster.nodes);
  while (!signal.aborted && living.size > 0) {
    // the servers and their watcher do not keep this process alive; this timer does
    await delay(CHECK_MS, undefined, { signal }).catch(() => {});
    for (const node of living) {
      if (node.state !== 'dead') continue;
      living.delete(node);
      onEnd(node.name);
    }
  }
  return living.size > 0;
}
