import type { Callback } from 'ioredis';

/** One report per node, by the node's name. */
type ByNode<T> = Promise<Map<string, T>>;

/** LATENCY and MEMORY, typed for a cluster: each node sends its own report. */
export interface ReportsByNode {
  /** Runs on every node. `latency('RESET')` returns the sum over all nodes, `latency('HELP')` the reply of one. */
  latency(subcommand: 'DOCTOR', callback?: Callback<Map<string, string>>): ByNode<string>;
  latency(
    subcommand: 'GRAPH',
    event: string | Buffer,
    callback?: Callback<Map<string, string>>,
  ): ByNode<string>;
  latency(
    subcommand: 'HISTORY',
    event: string | Buffer,
    callback?: Callback<Map<string, unknown[]>>,
  ): ByNode<unknown[]>;
  latency(subcommand: 'LATEST', callback?: Callback<Map<string, unknown[]>>): ByNode<unknown[]>;
  latency(subcommand: 'HISTOGRAM', callback?: Callback<Map<string, unknown>>): ByNode<unknown>;
  latency(
    ...args: [
      subcommand: 'HISTOGRAM',
      ...commands: (string | Buffer)[],
      callback: Callback<Map<string, unknown>>,
    ]
  ): ByNode<unknown>;
  latency(...args: [subcommand: 'HISTOGRAM', ...commands: (string | Buffer)[]]): ByNode<unknown>;
  latency(subcommand: 'RESET', callback?: Callback<number>): Promise<number>;
  latency(
    ...args: [subcommand: 'RESET', ...events: (string | Buffer)[], callback: Callback<number>]
  ): Promise<number>;
  latency(...args: [subcommand: 'RESET', ...events: (string | Buffer)[]]): Promise<number>;
  latency(subcommand: 'HELP', callback?: Callback<unknown[]>): Promise<unknown[]>;

  /**
   * Runs on every primary. `memory('USAGE', key)` runs on that of the key. `memory('PURGE')` returns OK once
   * all have.
   */
  memory(subcommand: 'DOCTOR' | 'MALLOC-STATS', callback?: Callback<Map<string, string>>): ByNode<string>;
  memory(subcommand: 'STATS', callback?: Callback<Map<string, unknown[]>>): ByNode<unknown[]>;
  memory(subcommand: 'PURGE', callback?: Callback<'OK'>): Promise<'OK'>;
  memory(subcommand: 'HELP', callback?: Callback<unknown[]>): Promise<unknown[]>;
  memory(
    subcommand: 'USAGE',
    key: string | Buffer,
    callback?: Callback<number | null>,
  ): Promise<number | null>;
  memory(
    subcommand: 'USAGE',
    key: string | Buffer,
    samples: 'SAMPLES',
    count: number | string,
    callback?: Callback<number | null>,
  ): Promise<number | null>;
}
