import { unixMs } from '../../cluster/common/timers.js';
import type { Durability, ArgsOnResend } from '../../cluster/command/call-policy.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { EntityCounters } from '../../cluster/stats/entity-counters.js';
import type { Script } from '../../cluster/scripts/script.js';
import type { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';

/** Options of the calls that entities make. */
export interface EntityCallOptions {
  /** How long a call may take, retries included, in milliseconds. */
  deadlineMs?: number | undefined;
  /** Whether to resend a call after a lost reply: `'always'` if a token makes that safe. */
  retry?: 'safe' | 'always' | undefined;
  /** Which nodes run calls that only read. */
  readFrom?: 'primary' | undefined;
  /** Ends a call early. */
  signal?: AbortSignal | undefined;
  /** How many replicas must have a write. */
  durability?: Durability | undefined;
  /** Changes the arguments of a script that is sent again, so that it can detect the repetition. */
  argsOnResend?: ArgsOnResend | undefined;
}

/** A batch of scripts over any nodes. */
export interface ScriptPipeline {
  evalsha(sha: string, keyCount: number, ...keysAndArgs: (string | Buffer)[]): unknown;
  /** @internal Allows the scripts to run in any order. */
  anyOrder(): this;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** Runs scripts. */
export interface ScriptRunner {
  runScript(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
    options?: { buffers?: boolean | undefined },
  ): Promise<Reply>;
  /** As `ClusterClient` has it. */
  pipeline(): ScriptPipeline;
}

/** A batch of commands over any nodes. */
export interface EntityPipeline {
  /** As `ClusterClient` has it. */
  hmget(key: string, ...fields: string[]): unknown;
  /** As `ClusterClient` has it. */
  hmgetBuffer(key: string, ...fields: string[]): unknown;
  /** As `ClusterClient` has it. */
  hgetall(key: string): unknown;
  /** As `ClusterClient` has it. */
  hgetallBuffer(key: string): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** The commands that iterate over the elements of one key. */
export type ElementScan = 'hscan' | 'sscan' | 'zscan';

/** Commands to several nodes. */
export interface EntityTarget {
  /** Runs a command by its name. Resolves with the replies by the names of nodes. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** The part of a `ClusterClient` that entities use. */
export interface EntityClient {
  /** @internal Returns the same client with replies in the shapes of RESP2, whatever its options say. */
  withPlainReplies?(): EntityClient;
  /**
   * @internal Returns the same client, whose reads may come from its cache. Throws if it has none. Stand-ins have none.
   */
  throughCache?(maxAgeMs: number): EntityClient;
  /** @internal Returns the hash at a key as its cache has it, which must not be changed; undefined if it has none. */
  keptHash?(key: string, buffers: boolean): Readonly<Record<string, string | Buffer>> | undefined;
  /** @internal What the client counts. */
  readonly counters?: { readonly entities: EntityCounters } | undefined;
  /** @internal Returns the time by which rows expire, in milliseconds since 1970; without it, that of this machine. */
  now?(): number;
  /** As `ClusterClient` has it. */
  hgetallBuffer(key: string): Promise<Record<string, Buffer>>;
  /** As `ClusterClient` has it. */
  exists(key: string): Promise<number>;
  /** As `ClusterClient` has it. */
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  /** As `ClusterClient` has it. */
  hmgetBuffer(key: string, ...fields: string[]): Promise<(Buffer | null)[]>;
  /** As `ClusterClient` has it. */
  zlexcount(key: string, min: Buffer, max: Buffer): Promise<number>;
  /** As `ClusterClient` has it. */
  zrangebylex(
    key: string,
    min: Buffer,
    max: Buffer,
    limit: 'LIMIT',
    offset: number,
    count: number,
  ): Promise<string[]>;
  /** As `ClusterClient` has it. */
  zrevrangebylex(
    key: string,
    max: Buffer,
    min: Buffer,
    limit: 'LIMIT',
    offset: number,
    count: number,
  ): Promise<string[]>;
  /** As `ClusterClient` has it. */
  hscanIterator(key: string, options: { count: number }): AsyncIterable<[field: string, value: string]>;
  /** As `ClusterClient` has it. */
  scanIterator(options: { match: string; type: string; count: number }): AsyncIterable<string>;
  /** Runs a command by its name. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown>;
  /** @internal Yields the elements of one key as bytes, in the pages that the scan command returns. */
  elementPages(scan: ElementScan, key: string, options: { count: number }): AsyncIterable<Buffer[]>;
  /** As `ClusterClient` has it. */
  pipeline(): EntityPipeline;
  /** Runs commands on all primaries. */
  target(nodes: 'primaries'): EntityTarget;
  /** As `ClusterClient` has it. */
  addScript(script: Script): void;
  /** Wakes the readers of changes. Without it, they poll. */
  readonly pubsub?: Pick<ClusterPubSub, 'sharded' | 'ready'> | undefined;
  /** As `ClusterClient` has it. */
  with(options: EntityCallOptions): ScriptRunner;
}

/**
 * Returns a client of the same cluster that reads from primaries, whatever its `readFrom`. Use it for reads that later
 * steps depend on. Each replica lags independently, so the replies of two replicas can contradict each other.
 */
export function primaryOf(client: EntityClient): EntityClient {
  const view = client.with({ readFrom: 'primary' });
  return hasCommands(view) ? view : client;
}

/** Returns whether a view is a full client. A stand-in may only run scripts. */
const hasCommands = (view: ScriptRunner): view is ScriptRunner & EntityClient =>
  'hgetallBuffer' in view && 'hmget' in view && 'with' in view;

/** A client, and its view for reads that must not lag. */
export interface EntityClients {
  readonly client: EntityClient;
  /** The same client, reading from primaries. */
  readonly primary: EntityClient;
}

/** Returns the same context with all reads from primaries. */
export const onPrimaries = <C extends EntityClients>(context: C): C => ({
  ...context,
  client: context.primary,
});

/** Returns the time by which the rows of a client expire, in milliseconds since 1970. */
export const nowOf = (client: EntityClient): number => client.now?.() ?? unixMs();

/** Where operations count whose client counts nothing, such as a stand-in. */
const uncounted = new EntityCounters();

/** The counters of a client. */
export const countersOf = (client: EntityClient): EntityCounters => client.counters?.entities ?? uncounted;
