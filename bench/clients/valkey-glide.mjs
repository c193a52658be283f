import { ClusterBatch, GlideClusterClient, Logger } from '@valkey/valkey-glide';

export async function connect(nodes) {
  Logger.setLoggerConfig('off');
  const client = await GlideClusterClient.createClient({ addresses: nodes });
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    pipeline: (keys) => {
      const batch = new ClusterBatch(false);
      for (const key of keys) batch.get(key);
      return client.exec(batch, true);
    },
    mget: (keys) => client.mget(keys),
    blockingPop: (key, seconds) => client.blpop([key], seconds),
    close: async () => client.close(),
  };
}
