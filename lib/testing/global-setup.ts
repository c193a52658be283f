import { LocalCluster } from './cluster/local-cluster.js';

/**
 * The `globalSetup` of Jest and Vitest: starts one local cluster for all test files and sets
 * `REDIS_CLUSTER_NODES` to its nodes. If that variable already names a cluster, it is used instead. The cluster
 * ends with the process of the test runner.
 */
export async function startSharedCluster(): Promise<(() => Promise<void>) | undefined> {
  if ((process.env.REDIS_CLUSTER_NODES ?? '').trim() !== '') return undefined;
  const cluster = await LocalCluster.start();
  process.env.REDIS_CLUSTER_NODES = cluster.seeds.map(({ host, port }) => `${host}:${port}`).join(',');
  // Vitest calls this at the end; Jest does not, but the cluster ends with its process
  return async () => {
    delete process.env.REDIS_CLUSTER_NODES;
    await cluster.stop();
  };
}

export default startSharedCluster;
