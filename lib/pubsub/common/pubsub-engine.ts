import type { BatchLane, SentBatch } from '../../cluster/batch/sent-batch.js';
import type { Observable } from 'rxjs';
import type { Command } from '../../cluster/command/command.js';
import type { CallPolicy, CallShape } from '../../cluster/command/call-policy.js';
import type { Renewal } from '../../cluster/options/credentials.js';
import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { RedirectScope } from '../../cluster/retry/resolve-redirect.js';
import type { ClusterCounters } from '../../cluster/stats/cluster-counters.js';
import type { ResolvedCall } from '../../cluster/command/resolved-call.js';
import type { ClusterTopology } from '../../cluster/topology/topology.js';

/** The part of `ClusterEngine` that pub/sub uses. */
export interface PubSubEngine extends RedirectScope {
  readonly options: ResolvedClusterOptions;
  readonly counters: ClusterCounters;
  readonly topology: ClusterTopology;
  readonly topology$: Observable<ClusterTopology>;
  connect(): Promise<void>;
  resolve(name: string, args: Argument[]): ResolvedCall;
  submit(command: Command): void;
  openBatch(batch: SentBatch): BatchLane;
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown>;
  reportStale(): void;
  onRenewal(renewal: Renewal): () => void;
}
