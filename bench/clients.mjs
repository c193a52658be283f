/**
 * What every adapter in `clients/` gives: one connected client. Replies are awaited in full; values are strings.
 * @typedef {object} Session
 * @property {(key: string) => Promise<string>} get
 * @property {(key: string, value: string) => Promise<unknown>} set
 * @property {(keys: string[]) => Promise<string[]>} pipeline GETs of keys all over the cluster, sent together
 * @property {(keys: string[]) => Promise<string[]>} [pipelineReplies] the same, without a list per command
 * @property {(keys: string[]) => Promise<string[]>} [pipelineStream] the same, reading value by value; the last is returned
 * @property {(keys: string[]) => Promise<string[]>} mget the values of keys all over the cluster
 * @property {(key: string, seconds: number) => Promise<unknown>} blockingPop BLPOP
 * @property {() => Promise<unknown>} close
 *
 * An adapter exports `connect(nodes, settings)`, where `nodes` are `{ host, port }`, and resolves to a session. A method
 * may be missing where the client is not asked for it.
 */

/**
 * The clients, all with their default options but for what is said here. `pipeline` and `mget` say how each reads many
 * keys at once where it has no call for it that goes over nodes. What a client keeps outside the JavaScript heap is not
 * measured. `comparedOnly` ones are there with `--compare` only.
 * @type {Record<string, { title: string, adapter: string, settings?: object, only?: string[], comparedOnly?: boolean, outsideHeap?: boolean, pipeline: string, mget: string }>}
 */
export const clients = {
  keyslot: {
    title: 'Keyslot',
    adapter: 'keyslot',
    pipeline: 'pipeline()',
    mget: 'nonAtomic.mget()',
  },
  base: {
    title: 'Keyslot at the other commit',
    adapter: 'keyslot',
    settings: { dist: process.env.KEYSLOT_BENCH_BASE },
    comparedOnly: true,
    pipeline: 'pipeline()',
    mget: 'nonAtomic.mget()',
  },
  ioredis: {
    title: 'ioredis',
    adapter: 'ioredis',
    pipeline: 'GETs one by one, Promise.all',
    mget: 'GETs one by one, Promise.all',
  },
  'ioredis-auto': {
    title: 'ioredis, auto-pipelining',
    adapter: 'ioredis',
    settings: { options: { enableAutoPipelining: true } },
    pipeline: 'GETs one by one, Promise.all',
    mget: 'GETs one by one, Promise.all',
  },
  'ioredis-grouped': {
    title: 'ioredis, grouped by hand',
    adapter: 'ioredis',
    settings: { grouped: true },
    only: ['pipeline', 'mget'],
    pipeline: 'a pipeline() for each node',
    mget: 'a pipeline() for each node',
  },
  iovalkey: {
    title: 'iovalkey',
    adapter: 'ioredis',
    settings: { package: 'iovalkey', grouped: true },
    pipeline: 'a pipeline() for each node, grouped by hand',
    mget: 'a pipeline() for each node, grouped by hand',
  },
  'node-redis': {
    title: 'node-redis',
    adapter: 'node-redis',
    pipeline: 'a multi().execAsPipeline() for each node, grouped by hand',
    mget: 'mGet(), which splits by slot',
  },
  'node-redis-no-timeout': {
    title: 'node-redis, no timeout',
    adapter: 'node-redis',
    settings: { options: { commandOptions: { timeout: undefined } } },
    pipeline: 'a multi().execAsPipeline() for each node, grouped by hand',
    mget: 'mGet(), which splits by slot',
  },
  'valkey-glide': {
    title: 'valkey-glide',
    adapter: 'valkey-glide',
    outsideHeap: true,
    pipeline: 'a ClusterBatch that is not atomic',
    mget: 'mget(), which splits by slot',
  },
  'raw-sockets': {
    title: 'raw sockets',
    adapter: 'raw-sockets',
    pipeline: 'replies are counted, values not read',
    mget: 'replies are counted, values not read',
  },
};
