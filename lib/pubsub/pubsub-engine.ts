import type { Redis, RedisOptions } from 'ioredis';
import type { Observable } from 'rxjs';
import type { BatchEngine } from '../cluster/batch.js';
import type { CallShape } from '../cluster/cluster-engine.js';
import type { CallPolicy, Command } from '../cluster/command.js';
import type { Argument } from '../cluster/request-encoder.js';
import type { ResolvedCall } from '../cluster/resolved-call.js';
import type { ClusterNode, ClusterTopology } from '../cluster/topology.js';

/** What pub/sub needs of the cluster; a `ClusterEngine` is one. */
export interface PubSubEngine {
  /** How publishing is retried and until when, and how old the topology may be at most, in ms. */
  readonly options: CallPolicy & BatchEngine['options'] & { readonly refreshIntervalMs: number };
  readonly topology: ClusterTopology;
  readonly topology$: Observable<ClusterTopology>;
  connect(): Promise<void>;
  resolve(name: string, args: Argument[]): ResolvedCall;
  submit(command: Command): void;
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown>;
  createNodeClient(node: ClusterNode, overrides?: RedisOptions): Promise<Redis>;
  reportStale(): void;
}
