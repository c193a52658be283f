import type { Durability, ArgsOnResend } from '../../cluster/command/call-policy.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import type { Script } from '../../cluster/scripts/script.js';
import type { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';

/** How calls of entities are bounded and retried. */
export interface EntityCallOptions {
  /** How long a call may take, retries included, in milliseconds. */
  deadlineMs?: number | undefined;
  /** Whether to send again what was sent and not answered: `'always'` where a token makes that safe. */
  retry?: 'safe' | 'always' | undefined;
  /** Which nodes what only reads may be sent to. */
  readFrom?: 'primary' | undefined;
  /** Ends a call early. */
  signal?: AbortSignal | undefined;
  /** How many replicas must have a write. */
  durability?: Durability | undefined;
  /** What a script is sent with again, so that it knows. */
  argsOnResend?: ArgsOnResend | undefined;
}

/** A batch of scripts over any nodes. */
export interface ScriptPipeline {
  evalsha(sha: string, keyCount: number, ...keysAndArgs: (string | Buffer)[]): unknown;
  /** @internal No script depends on another. */
  anyOrder(): this;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** Something that runs scripts. */
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
  hgetall(key: string): unknown;
  /** As `ClusterClient` has it. */
  hgetallBuffer(key: string): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** The commands that walk over the elements of one key. */
export type ElementScan = 'hscan' | 'sscan' | 'zscan';

/** Commands to several nodes. */
export interface EntityTarget {
  /** Runs a command by its name; the answers by the names of nodes. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** What entities use of a `ClusterClient`, and all they use of it. */
export interface EntityClient {
  /** @internal The same, with replies in the shapes of RESP2, whatever the options of the client say. */
  withPlainReplies?(): EntityClient;
  /** As `ClusterClient` has it. */
  hgetall(key: string): Promise<Record<string, string>>;
  /** As `ClusterClient` has it. */
  hgetallBuffer(key: string): Promise<Record<string, Buffer>>;
  /** As `ClusterClient` has it. */
  exists(key: string): Promise<number>;
  /** As `ClusterClient` has it. */
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
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
  hscanIterator(key: string, options: { count: number }): AsyncIterable<[field: string, value: string]>;
  /** As `ClusterClient` has it. */
  scanIterator(options: { match: string; type: string; count: number }): AsyncIterable<string>;
  /** Runs a command by its name. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown>;
  /** @internal The elements of one key as SCAN gives them, page by page, as bytes. */
  elementPages(scan: ElementScan, key: string, options: { count: number }): AsyncIterable<Buffer[]>;
  /** As `ClusterClient` has it. */
  pipeline(): EntityPipeline;
  /** Commands to all primaries; the answers by their names. */
  target(nodes: 'primaries'): EntityTarget;
  /** As `ClusterClient` has it. */
  addScript(script: Script): void;
  /** Calls the readers of changes; without it they look by themselves, now and then. */
  readonly pubsub?: Pick<ClusterPubSub, 'sharded' | 'ready'> | undefined;
  /** As `ClusterClient` has it. */
  with(options: EntityCallOptions): ScriptRunner;
}

/**
 * A client of the same cluster whose reads are those of primaries, whatever its own `readFrom`: for reads that others
 * rest on. Replicas lag, each by itself, so what two of them say does not stand together.
 */
export function primaryOf(client: EntityClient): EntityClient {
  const view = client.with({ readFrom: 'primary' });
  return hasCommands(view) ? view : client;
}

/** Whether a view is a client as well: a stand-in may run scripts only. */
const hasCommands = (view: ScriptRunner): view is ScriptRunner & EntityClient =>
  'hgetall' in view && 'hmget' in view && 'with' in view;

/** A client, and the same one for reads that must not lag. */
export interface EntityClients {
  readonly client: EntityClient;
  /** The same client, whose reads are those of primaries. */
  readonly primary: EntityClient;
}

/** The same, with all reads from primaries. */
export const onPrimaries = <C extends EntityClients>(context: C): C => ({
  ...context,
  client: context.primary,
});
