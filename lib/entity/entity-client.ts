import type { Durability } from '../cluster/command.js';
import type { Reply } from '../cluster/reply.js';
import type { Script } from '../cluster/script.js';
import type { ClusterPubSub } from '../pubsub/cluster-pubsub.js';

/** How calls of entities are bounded and retried. */
export interface EntityCallOptions {
  /** How long a call may take, retries included, in milliseconds. */
  deadlineMs?: number;
  /** Whether to send again what was sent and not answered: `'always'` where a token makes that safe. */
  retry?: 'safe' | 'always';
  /** Ends a call early. */
  signal?: AbortSignal;
  /** How many replicas must have a write. */
  durability?: Durability;
}

/** A batch of scripts over any nodes. */
export interface ScriptPipeline {
  evalsha(sha: string, keyCount: number, ...keysAndArgs: (string | Buffer)[]): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** Something that runs scripts. */
export interface ScriptRunner {
  runScript(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
    options?: { buffers?: boolean },
  ): Promise<Reply>;
  pipeline(): ScriptPipeline;
}

/** A batch of commands over any nodes. */
export interface EntityPipeline {
  hgetallBuffer(key: string): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** The commands that walk over the elements of one key. */
export type ElementScan = 'hscan' | 'sscan' | 'zscan';

/** What entities use of a `ClusterClient`, and all they use of it. */
export interface EntityClient {
  hgetallBuffer(key: string): Promise<Record<string, Buffer>>;
  exists(key: string): Promise<number>;
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  zlexcount(key: string, min: Buffer, max: Buffer): Promise<number>;
  zrangebylex(
    key: string,
    min: Buffer,
    max: Buffer,
    limit: 'LIMIT',
    offset: number,
    count: number,
  ): Promise<string[]>;
  hscanIterator(key: string, options: { count: number }): AsyncIterable<[field: string, value: string]>;
  scanIterator(options: { match: string; type: string; count: number }): AsyncIterable<string>;
  /** Runs a command by its name. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown>;
  /** @internal The elements of one key as SCAN gives them, page by page, as bytes. */
  elementPages(scan: ElementScan, key: string, options: { count: number }): AsyncIterable<Buffer[]>;
  pipeline(): EntityPipeline;
  /** Commands to all primaries; the answers by their names. */
  target(nodes: 'primaries'): { call(command: string, ...args: (string | number)[]): Promise<unknown> };
  addScript(script: Script): void;
  /** Calls the readers of changes; without it they look by themselves, now and then. */
  readonly pubsub?: Pick<ClusterPubSub, 'sharded' | 'ready'>;
  with(options: EntityCallOptions): ScriptRunner;
}
