import type { BatchLane } from '../cluster/batch.js';
import type { Observable } from 'rxjs';
import type { CallPolicy, CallShape, Command } from '../cluster/command.js';
import type { Renewal } from '../cluster/credentials-keeper.js';
import type { ResolvedClusterOptions } from '../cluster/options.js';
import type { Argument } from '../cluster/request-encoder.js';
import type { ResolvedCall } from '../cluster/resolved-call.js';
import type { ClusterTopology } from '../cluster/topology.js';

/** What pub/sub needs of the cluster; a `ClusterEngine` is one. */
export interface PubSubEngine {
  readonly options: ResolvedClusterOptions;
  readonly topology: ClusterTopology;
  readonly topology$: Observable<ClusterTopology>;
  connect(): Promise<void>;
  resolve(name: string, args: Argument[]): ResolvedCall;
  submit(command: Command): void;
  openBatch(): BatchLane;
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown>;
  reportStale(): void;
  onRenewal(renewal: Renewal): () => void;
}
