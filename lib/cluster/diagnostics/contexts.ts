/**
 * What became of an operation: `ok`; `error`, and its error says whether it was applied; or `unknown`, where it was sent
 * and no reply came.
 */
export type KeyslotOutcome = 'ok' | 'error' | 'unknown';

/** The fields that all contexts share. */
export interface KeyslotContext {
  /** Numbers the clients of this process, from 1. */
  readonly clientId?: number | undefined;
  /** The option `clientName`. */
  readonly clientName?: string | undefined;
  /** When the operation began, in ms since 1970, with fractions. */
  readonly startedAt: number;
  /** Set before `error`, `asyncStart` and `asyncEnd` are published. */
  outcome?: KeyslotOutcome | undefined;
  /** The `code` of the error (`WRONGTYPE`, `OUTCOME_UNKNOWN`); the name of its class if it has none. */
  errorCode?: string | undefined;
  /** The error, if it failed. */
  error?: unknown;
}

/** A step between the first attempt of a call and its end. */
export interface KeyslotCallEvent {
  /**
   * - `redirect`: the call goes to another node at once;
   * - `retry`: nothing was executed, and it is tried again after a backoff, or with the text of its script;
   * - `resend`: its reply was lost, and it is sent again.
   */
  readonly kind: 'redirect' | 'retry' | 'resend';
  /** The code of the error behind it: `MOVED`, `ASK`, `TRYAGAIN`, `CONNECTION`, `NOSCRIPT`, … */
  readonly reason: string;
  /** The node that refused the call or was lost, as `host:port`, if there was one. */
  readonly node?: string | undefined;
  /** The node that a redirect leads to. */
  readonly to?: string | undefined;
  /** In ms since 1970, with fractions. */
  readonly at: number;
}

/** The part of a call that one node answered. */
export interface KeyslotNodePart {
  /** `host:port`. */
  readonly node: string;
  readonly address: string;
  readonly port: number;
  /** Commands that ended on this node. */
  commands: number;
  /** Those of them that failed. */
  failed: number;
  /** When the first of them was handed over for sending, and when the last one ended, in ms since 1970. */
  startedAt: number;
  endedAt: number;
  /** `unknown` if any of them has an unknown outcome, `error` if any of them failed. */
  outcome: KeyslotOutcome;
  /** The code of the first error. */
  errorCode?: string;
}

/** How a call went, for commands, pipelines, transactions and messages alike. Filled in while the call is under way. */
export interface KeyslotRouting {
  /** The node that answered last, as `host:port`; and its two parts. Unset while no node has. */
  node?: string | undefined;
  address?: string | undefined;
  port?: number | undefined;
  /** One for each node that answered. A single command has one; a fan-out or a pipeline may have many. */
  nodes: readonly KeyslotNodePart[];
  /** Attempts of all its requests, the first ones included. */
  attempts: number;
  /** Redirects that were followed, by kind. */
  redirects: { readonly moved: number; readonly ask: number };
  /** How often a request was tried again after a refusal or sent again after a lost reply. */
  retries: number;
  /** Redirects and retries in their order; the first 128 of them. */
  events: readonly KeyslotCallEvent[];
}

/** The context of `keyslot:command`: one call of a command, wherever its requests go. */
export interface KeyslotCommandContext extends KeyslotContext, KeyslotRouting {
  /** In upper case, with its subcommand: `HSET`, `SCRIPT KILL`. */
  readonly command: string;
  /** How many arguments it has. */
  readonly argumentCount: number;
  /** How it runs: on a shared connection, on one of its own (blocking, durable), or as several requests. */
  readonly kind: 'single' | 'leased' | 'fanOut';
  /** The slot of its keys; unset for a call without keys, or with keys of several slots. */
  readonly slot?: number | undefined;
  /**
   * How long it may wait on purpose, in ms: the timeout of a blocking command, or of `durability`. `Infinity` if it
   * has no limit; unset if it does not wait.
   */
  readonly waitMs?: number | undefined;
  /** Its keys, only with `telemetry: { keys: true }`. */
  readonly keys?: readonly string[] | undefined;
}

/** The context of `keyslot:pipeline`: one `exec()` of a pipeline. The promise resolves also if commands failed. */
export interface KeyslotPipelineContext extends KeyslotContext, KeyslotRouting {
  /** Commands queued. */
  readonly batchSize: number;
  /** The different commands, in upper case, in the order of their first appearance; at most 16. */
  readonly commands: readonly string[];
  /** Commands that failed. `outcome` and `errorCode` are those of the first error. */
  failed: number;
  readonly keys?: readonly string[] | undefined;
}

/** The context of `keyslot:transaction`: `multi().exec()`, or all attempts of `transaction()`. */
export interface KeyslotTransactionContext extends KeyslotContext, KeyslotRouting {
  readonly kind: 'multi' | 'watch';
  /** Commands between MULTI and EXEC; of a watched transaction, those of its last attempt. */
  batchSize: number;
  /** The different commands, in upper case; at most 16. */
  commands: readonly string[];
  readonly slot?: number | undefined;
  /** How often a watched key had changed, so that the function ran again. */
  conflicts: number;
  readonly keys?: readonly string[] | undefined;
}

/** The context of `keyslot:connect`: the start of a client, or one connection to a node. */
export interface KeyslotConnectContext extends KeyslotContext {
  readonly purpose: 'client' | 'shared' | 'leased' | 'subscriber';
  /** `host:port`, and its two parts; unset for the start of a client. */
  readonly node?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly tls: boolean;
}

/** The context of `keyslot:topology`: one read of the topology. */
export interface KeyslotTopologyContext extends KeyslotContext {
  /** Why it was read: `periodic`, `requested`, `follow-up`, or what was seen (`MOVED`, `CLUSTERDOWN`, `lost connection`). */
  readonly reason: string;
  /** Whether the view differs from the one before. */
  changed?: boolean;
  /** What the client knows afterwards. */
  version?: number;
  nodeCount?: number;
  coveredSlots?: number;
}

/** The context of `keyslot:entity`: one operation of a repository or a partition. */
export interface KeyslotEntityContext extends KeyslotContext {
  /** The name of the entity; for an operation of a partition, the one whose repository gave the partition. */
  readonly entity: string;
  /** The method, such as `save` or `findBy`. */
  readonly operation: string;
  /** Entities given, where the operation has a list of them; entities yielded so far by `stream` and `observe`. */
  batchSize?: number | undefined;
}

/** The context of `keyslot:publish`: one `publish`, or one batch of messages. */
export interface KeyslotPublishContext extends KeyslotContext, KeyslotRouting {
  readonly kind: 'channel' | 'sharded';
  /** The channel, if all messages go to one. */
  readonly channel?: string | undefined;
  readonly batchSize: number;
  /** Receivers that the server counted, in all. */
  receivers?: number;
  failed: number;
}

/** The context of `keyslot:message`: one run of a handler. */
export interface KeyslotMessageContext extends KeyslotContext {
  readonly kind: 'channel' | 'pattern' | 'sharded' | 'keyspace';
  /** The class and method, such as `OrderEvents.onPlaced`. */
  readonly handler: string;
  /** The channel. Unset for keyspace events, whose channels hold keys. */
  readonly channel?: string | undefined;
  readonly pattern?: string | undefined;
  /** When the message arrived, in ms since 1970. */
  readonly receivedAt: number;
  /** What the publisher sent beside the value, such as its trace context, if the codec reads it. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
