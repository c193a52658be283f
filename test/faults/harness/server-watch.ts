import type { Redis } from 'ioredis';
import type { Shards } from './shards.js';
import { Timeline } from './timeline.js';
import { plainConnection, type Access } from './truth.js';
import type { Address } from './session.js';

const INTERVAL_MS = 50;
/** A node that does not answer for so long is asked on another connection. */
const PATIENCE_MS = 1_000;

/**
 * Asks each node by itself, again and again, to write a key of each shard: whenever any node does, the shard is
 * served, as far as the servers are concerned. What a client is short of beyond that is its own share of an outage.
 */
export class ServerWatch {
  readonly timelines: readonly Timeline[];
  private readonly probes: readonly NodeProbe[];
  private readonly timer: NodeJS.Timeout;

  constructor(nodes: readonly Address[], shards: Shards, access: Access, begin: number) {
    this.timelines = shards.slots.map(() => new Timeline(begin));
    const keys = shards.slots.map((_, shard) => `${shards.tags(shard, 1)[0]}probe`);
    this.probes = nodes.map(
      (node) => new NodeProbe(node, keys, access, (shard) => this.timelines[shard].success()),
    );
    this.timer = setInterval(() => {
      for (const probe of this.probes) probe.ask();
    }, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    for (const probe of this.probes) probe.stop();
    for (const timeline of this.timelines) timeline.end();
  }
}

class NodeProbe {
  private redis: Redis;
  private askedAt: number | undefined = undefined;

  constructor(
    private readonly node: Address,
    private readonly keys: readonly string[],
    private readonly access: Access,
    private readonly onSuccess: (shard: number) => void,
  ) {
    this.redis = plainConnection(node, access);
  }

  ask(): void {
    if (this.askedAt !== undefined && performance.now() - this.askedAt < PATIENCE_MS) return;
    if (this.askedAt !== undefined || this.redis.status === 'end') this.reconnect();
    if (this.redis.status !== 'ready') return;
    this.askedAt = performance.now();
    const asked = this.redis;
    const pipeline = asked.pipeline(this.keys.map((key) => ['set', key, '1']));
    void pipeline.exec().then(
      (results) => {
        if (asked === this.redis) this.askedAt = undefined;
        for (const [shard, [error]] of (results ?? []).entries()) if (error === null) this.onSuccess(shard);
      },
      () => {
        if (asked === this.redis) this.askedAt = undefined;
      },
    );
  }

  stop(): void {
    this.redis.disconnect();
  }

  private reconnect(): void {
    this.redis.disconnect();
    this.askedAt = undefined;
    this.redis = plainConnection(this.node, this.access);
  }
}
