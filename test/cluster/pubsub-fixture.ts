import { Redis } from 'ioredis';
import { ClusterEngine } from '../../lib/cluster/cluster-engine.js';
import { resolveOptions, type ClusterEngineOptions } from '../../lib/cluster/options.js';
import type { NodeAddress } from '../../lib/cluster/topology.js';
import { ClusterPubSub, type ClusterPubSubOptions } from '../../lib/pubsub/cluster-pubsub.js';

/** An engine with pub/sub on it, both ended after each test. */
export interface PubSubHandle {
  readonly engine: ClusterEngine;
  readonly pubsub: ClusterPubSub;
}

/** Makes them; to be called once, at the top of a file. */
export function pubsubFactory(): (
  options: ClusterEngineOptions,
  overrides?: Partial<ClusterPubSubOptions>,
) => PubSubHandle {
  const handles: PubSubHandle[] = [];
  afterEach(async () => {
    for (const { engine, pubsub } of handles.splice(0)) {
      await pubsub.close();
      await engine.close(0);
    }
  });
  return (options, overrides) => {
    const engine = new ClusterEngine(resolveOptions(options), { onState: () => {}, onNodes: () => {} });
    const pubsub = new ClusterPubSub(engine, { heartbeatMs: 1_000, ...overrides });
    handles.push({ engine, pubsub });
    return { engine, pubsub };
  };
}

/** Keeps what an observable gives. */
export function collect<T>() {
  const seen = { values: [] as T[], errors: [] as unknown[], completed: 0 };
  const observer = {
    next: (value: T): unknown => seen.values.push(value),
    error: (error: unknown): unknown => seen.errors.push(error),
    complete: (): unknown => seen.completed++,
  };
  return Object.assign(seen, { observer });
}

/** How often the nodes have executed a command, in all. */
export async function commandCalls(nodes: readonly NodeAddress[], command: string): Promise<number> {
  let calls = 0;
  for (const { host, port } of nodes) {
    const redis = new Redis({ host, port });
    const stats = await redis.info('commandstats');
    calls += Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    redis.disconnect();
  }
  return calls;
}
