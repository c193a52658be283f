import { ensureRedisServer } from './redis-server.mjs';
import { withProgress } from './progress.mjs';

/**
 * A cluster of three primaries with a replica each, unless REDIS_CLUSTER_NODES names one. Needs the built library.
 * @param {AbortSignal} signal
 * @param {Record<string, string>} [config] more directives for the servers
 * @returns {Promise<{ nodes: string, own: boolean, stop: () => Promise<void> }>}
 */
export async function openCluster(signal, config = {}) {
  const given = process.env.REDIS_CLUSTER_NODES?.trim();
  if (given) return { nodes: given, own: false, stop: async () => {} };
  process.env.KEYSLOT_REDIS_SERVER = await ensureRedisServer(signal);
  const { LocalCluster } = await import('../dist/testing/index.js');
  const cluster = await withProgress('Starting a cluster of 3 primaries with a replica each', () =>
    LocalCluster.start({ config, signal }),
  );
  const nodes = cluster.seeds.map(({ host, port }) => `${host}:${port}`).join(',');
  return { nodes, own: true, stop: () => cluster.stop() };
}
