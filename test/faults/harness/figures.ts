import type { CommitFigures } from './commits.js';
import type { HistoryFigures } from './histories/verdicts.js';
import type { HallWorkerFigures } from './halls/hall-workers.js';
import type { MessageFigures } from './messages.js';
import type { Verdict } from './oracle.js';

/** What one shard was short of. */
export interface ShardFigures {
  readonly shard: number;
  /** Longest time in which no server served it, in ms. */
  readonly serverDownMs: number;
  /** Longest time in which no call of the client succeeded, in ms. */
  readonly clientDownMs: number;
  /** How much of that was the client's: from when the servers served it again, or all of it if they never stopped. */
  readonly lagMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
  readonly recovered: boolean;
}

/** What a trial gave. */
export interface Figures {
  readonly calls: number;
  /** Failed calls by the code of their error. */
  readonly errors: Readonly<Record<string, number>>;
  /** Failed calls that any client may repeat. */
  readonly repeatableErrors: number;
  readonly verdict: Verdict;
  /** Whether the replies of all calls, and the commits of entities, can be explained by some order. */
  readonly history: HistoryFigures;
  readonly shards: readonly ShardFigures[];
  /** Entities and subscriptions: of Keyslot only. */
  readonly commits?: CommitFigures;
  readonly messages?: MessageFigures;
  readonly hallWorkers?: HallWorkerFigures;
  /** CLUSTER SLOTS and CLUSTER SHARDS that the nodes were asked. */
  readonly refreshes: number;
  /** Connections that the nodes accepted. */
  readonly connections: number;
  /** Whatever else the scenario measured. */
  readonly more: Readonly<Record<string, number>>;
}

/** All errors together. */
export function errorCount({ errors }: Figures): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}
