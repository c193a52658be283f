/** @param {{ dist?: string }} settings the build; that of this tree if left out */
export async function connect(nodes, { dist = new URL('../../dist/index.js', import.meta.url).href } = {}) {
  const { ClusterClient } = await import(dist);
  const client = new ClusterClient({ nodes });
  await client.connect();
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    pipeline: async (keys) => {
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.get(key);
      return (await pipeline.exec()).map(valueOf);
    },
    mget: client.nonAtomic && ((keys) => client.nonAtomic.mget(keys)),
    blockingPop: (key, seconds) => client.blpop(key, seconds),
    close: () => client.close(),
  };
}

function valueOf([error, value]) {
  if (error) throw error;
  return value;
}
