// The application with a cluster of its own, which visitors may break. What `npm start` runs.
import { LocalCluster } from 'keyslot/testing';
import { createApplication } from './application.js';
import { LocalStage } from './demo/local-stage.js';
import { serve } from './serve.js';

try {
  console.log('Starting a cluster of 3 primaries with a replica each …');
  const cluster = await LocalCluster.start();
  process.env.REDIS_CLUSTER_NODES = cluster.nodes.map(({ name }) => name).join(',');
  console.log(`Redis Cluster runs at ${process.env.REDIS_CLUSTER_NODES}`);
  const application = await createApplication(undefined, new LocalStage(cluster));
  // its own signals, and not the hooks of Nest: the cluster is to end last
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      void application.close().finally(async () => {
        await cluster.stop();
        process.exit(0);
      });
    });
  await serve(application);
} catch (error) {
  console.error(`The application could not start: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
