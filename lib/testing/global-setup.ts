import { LocalCluster } from './cluster/local-cluster.js';

/**
 * `globalSetup` of Jest and of Vitest: one local cluster for all test files, told to them in `REDIS_CLUSTER_NODES`.
 * Where that names a cluster already, it is used. The cluster ends with the process of the test runner.
 */
export async function startSharedCluster(): Promise<(() => Promise<void>) | undefined> {
  if ((process.env.REDIS_CLUSTER_NODES ?? '').trim() !== '') return undefined;
  const cluster = await LocalCluster.start();
  process.env.REDIS_CLUSTER_NODES = cluster.seeds.map(({ host, port }) => `${host}:${port}`).join(',');
  // Vitest calls this at the end; Jest does not, and ends by itself
  return async () => {
    delete process.env.REDIS_CLUSTER_NODES;
    await cluster.stop();
  };
}

export default startSharedCluster;
