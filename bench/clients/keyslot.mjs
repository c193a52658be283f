/** @param {{ dist?: string }} settings the build; that of this tree if left out */
export async function connect(nodes, { dist = new URL('../../dist/index.js', import.meta.url).href } = {}) {
  const { ClusterClient } = await import(dist);
  const client = new ClusterClient({ nodes });
  await client.connect();
  // an earlier commit may have exec() alone
  const { execReplies, replies } = client.pipeline();
  const queued = (keys) => {
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.get(key);
    return pipeline;
  };
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    pipeline: async (keys) => (await queued(keys).exec()).map(valueOf),
    pipelineReplies: execReplies && (async (keys) => (await queued(keys).execReplies()).map(replyOf)),
    pipelineStream: replies && ((keys) => eachOf(queued(keys).replies({ ahead: 250 }))),
    mget: client.nonAtomic && ((keys) => client.nonAtomic.mget(keys)),
    blockingPop: (key, seconds) => client.blpop(key, seconds),
    close: () => client.close(),
  };
}

function valueOf([error, value]) {
  if (error) throw error;
  return value;
}

function replyOf(reply) {
  if (reply instanceof Error) throw reply;
  return reply;
}

/** Takes the replies one by one, and keeps the last. */
async function eachOf(replies) {
  let last;
  for await (const reply of replies) last = replyOf(reply);
  return [last];
}
