import type { Input } from '../checker/history.js';
import type { SeatArguments, SeatCallName } from '../entities/seat-calls.js';

/** A fault of the servers or the network, and when it begins. Times are virtual milliseconds. */
export type Fault = { readonly at: number } & (
  | { readonly fault: 'freeze' | 'kill' | 'isolate'; readonly node: number; readonly ms: number }
  | {
      readonly fault: 'cutOff';
      readonly node: number;
      readonly directions: readonly ('up' | 'down')[];
      readonly ms: number;
    }
  | { readonly fault: 'refuse'; readonly node: number; readonly reply: string; readonly ms: number }
  | { readonly fault: 'reset' | 'flushScripts'; readonly node: number }
  | { readonly fault: 'vanish'; readonly node: number; readonly share?: number }
  | { readonly fault: 'move'; readonly tag: string; readonly shard: number; readonly pauseMs?: number }
  | { readonly fault: 'failOver'; readonly shard: number; readonly ms?: number }
  | { readonly fault: 'rotate'; readonly ms: number }
  | { readonly fault: 'forbid'; readonly rule: string; readonly ms: number }
  | { readonly fault: 'lockOut' | 'limit' | 'lag'; readonly node: number; readonly ms: number }
);

/** How calls are made: each alone and all at once, in one pipeline, or in one transaction. */
export type CallForm = 'each' | 'pipeline' | 'multi';

/** Calls that a client makes together. */
export interface Calls {
  readonly at: number;
  readonly client: number;
  readonly form: CallForm;
  readonly calls: readonly (readonly [key: string, ...input: Input])[];
}

/** A call of a repository, or a transaction, in one partition. */
export interface SeatCall extends SeatArguments {
  readonly at: number;
  readonly client: number;
  readonly hall: string;
  readonly name: SeatCallName;
}

/** A message of a client. Names of sharded channels begin with `s`. */
export interface Publication {
  readonly at: number;
  readonly client: number;
  readonly channel: string;
}

/** All that happens in one simulation. The same schedule takes the same course. */
export interface Schedule {
  readonly seed: number;
  /** The option `retry` of the clients. */
  readonly retry: 'safe' | 'reads';
  /** The longest time until a node has heard of a change, and until a replica has a write. */
  readonly gossipMs: number;
  readonly lagMs: number;
  readonly faults: readonly Fault[];
  readonly calls: readonly Calls[];
  readonly seats?: readonly SeatCall[];
  readonly messages?: readonly Publication[];
  /** When one more client connects. */
  readonly lateAt?: number;
  /** How far the clocks of two nodes are apart at most. Default 0. */
  readonly clockSkewMs?: number;
  /** The option of the clients. Default 200. */
  readonly replyTimeoutMs?: number;
}
