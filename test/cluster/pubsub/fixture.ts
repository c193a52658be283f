import { Redis } from 'ioredis';
import type { LocalCluster } from 'keyslot/testing';
import { type ClusterEngineOptions, ClusterPubSub, type NodeAddress, type SubscriptionGap } from 'keyslot';
import { ClusterEngine } from '../../../lib/cluster/cluster-engine.js';
import { resolveOptions } from '../../../lib/cluster/options/resolve-options.js';
import { type ClusterPubSubOptions } from '../../../lib/pubsub/cluster-pubsub.js';

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
    const engine = new ClusterEngine(resolveOptions(options), {
      onState: () => {},
      onNodes: () => {},
      onFailure: () => {},
    });
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

/** The users of the connections that subscribe, over all nodes. */
export async function subscribersOf(cluster: LocalCluster): Promise<string[]> {
  const lists = await Promise.all(
    cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'LIST', 'TYPE', 'pubsub')),
  );
  return [...lists.join('\n').matchAll(/ user=(\S+)/g)].map(([, user]) => user);
}

/** One numbered message, from the call until its answer, in ms since 1970. */
interface Published {
  readonly number: number;
  readonly from: number;
  readonly until: number;
  readonly acknowledged: boolean;
}

/** Publishes numbers to a channel, each when the one before is answered, until it is told to stop. */
export class NumberPublisher {
  readonly published: Published[] = [];
  private stopped = false;
  private readonly finished: Promise<void>;

  constructor(private readonly publish: (number: number) => Promise<unknown>) {
    this.finished = this.run();
  }

  stop(): Promise<void> {
    this.stopped = true;
    return this.finished;
  }

  /** Acknowledged numbers that did not come, and numbers that came twice, as far as no gap allows for it. */
  account(
    received: readonly number[],
    gaps: readonly SubscriptionGap[],
  ): { doubled: Published[]; lost: Published[] } {
    const times = new Map<number, number>();
    for (const number of received) times.set(number, (times.get(number) ?? 0) + 1);
    const outside = this.published.filter(
      ({ from, until }) => !gaps.some((gap) => gap.since <= until && from <= gap.until),
    );
    return {
      doubled: outside.filter(({ number }) => (times.get(number) ?? 0) > 1),
      lost: outside.filter(({ number, acknowledged }) => acknowledged && !times.has(number)),
    };
  }

  private async run(): Promise<void> {
    for (let number = 0; !this.stopped; number++) {
      const from = Date.now();
      const acknowledged = await this.publish(number).then(
        () => true,
        () => false,
      );
      this.published.push({ number, from, until: Date.now(), acknowledged });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
