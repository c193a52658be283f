import { REFUSALS } from './refusals.js';

/** Whether the operation behind an error took effect on the server. */
export type Applied = true | false | 'unknown';

export interface ClusterErrorOptions {
  cause?: unknown;
}

/** The base class of every error this package throws. No error contains stored values or credentials. */
export class ClusterError extends Error {
  /** A stable, documented code for programs; the message is for people. */
  readonly code: string;
  /** Whether the same call may well succeed when made again. */
  readonly retryable: boolean;
  /** Whether the operation took effect on the server. */
  readonly applied: Applied;
  /** The command that failed, in upper case; unset for errors that are not of a command. */
  declare readonly command?: string;
  /** The node that refused the command, or was to answer it, as `host:port`. */
  declare readonly node?: string;
  /** The slot of its keys. */
  declare readonly slot?: number;
  /** How often it was tried, redirects included. */
  declare readonly attempts?: number;
  /** Its keys, only with the option `errors: { keys: true }`. Not enumerable, so that logs do not show them. */
  declare readonly keys?: readonly string[];

  constructor(
    message: string,
    kind: { code: string; retryable?: boolean; applied?: Applied },
    options?: ClusterErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.code = kind.code;
    this.retryable = kind.retryable ?? false;
    this.applied = kind.applied ?? false;
  }
}

/** Why there is no usable topology. */
export type TopologyErrorCode =
  | 'NO_NODE_REACHABLE'
  | 'ANNOUNCED_UNREACHABLE'
  | 'SLOTS_NOT_COVERED'
  | 'SLOTS_KEEP_MOVING'
  | 'VIEWS_DISAGREE'
  | 'NOT_A_CLUSTER'
  | 'NO_REPLICA'
  | 'UNKNOWN_NODE'
  | 'WRONG_NODE';

/** The cluster cannot be reached, is not a cluster, or does not cover what the call needs. */
export class TopologyError extends ClusterError {
  declare readonly code: TopologyErrorCode;
  constructor(code: TopologyErrorCode, message: string, options?: ClusterErrorOptions) {
    super(message, { code, retryable: code !== 'NOT_A_CLUSTER' }, options);
  }
}

/** The server rejected the credentials, or requires some and got none. */
export class AuthenticationError extends ClusterError {
  constructor(message: string, options?: ClusterErrorOptions) {
    super(message, { code: 'AUTHENTICATION_FAILED' }, options);
  }
}

/** An argument or option is invalid; thrown before anything is sent. */
export class InvalidArgumentError extends ClusterError {
  /** The name of the argument or option. */
  readonly argument: string;
  constructor(argument: string, message: string) {
    super(message, { code: 'INVALID_ARGUMENT' });
    this.argument = argument;
  }
}

/** The keys of an operation must share a slot, and do not; thrown before anything is sent. */
export class CrossSlotError extends ClusterError {
  /** The keys as text, grouped by their slot. Not enumerable, so that logs do not show them. */
  declare readonly keysBySlot: ReadonlyMap<number, readonly string[]>;
  /** @param otherWay what to use for keys of several slots, if there is something */
  constructor(operation: string, keysBySlot: ReadonlyMap<number, readonly string[]>, otherWay?: string) {
    const groups = [...keysBySlot]
      .slice(0, 4)
      .map(([slot, keys]) => `slot ${slot}: ${keys.length === 1 ? 'one key' : `${keys.length} keys`}`);
    const more = keysBySlot.size > groups.length ? `; and ${keysBySlot.size - groups.length} more slots` : '';
    super(
      `${operation} needs all its keys in one slot, and they are in ${keysBySlot.size} (${groups.join('; ')}${more}). ` +
        `Give the keys a common {hash tag}${otherWay === undefined ? '' : `, or use ${otherWay} if you do not need atomicity`}.`,
      { code: 'CROSS_SLOT' },
    );
    Object.defineProperty(this, 'keysBySlot', { value: keysBySlot });
  }
}

/** The servers do not have what the call needs, or have it switched off. Nothing was executed. */
export class UnsupportedServerFeatureError extends ClusterError {
  constructor(feature: string, needs: string, options?: ClusterErrorOptions) {
    super(`${feature} needs ${needs}`, { code: 'UNSUPPORTED_SERVER_FEATURE' }, options);
  }
}

/** The command must not be run through a cluster client. */
export class BlockedCommandError extends ClusterError {
  constructor(command: string, reason: string) {
    super(`${command} is blocked: ${reason}`, { code: 'BLOCKED_COMMAND' });
  }
}

/** The deadline of the call passed, and nothing was executed. `cause` is the last reason to wait. */
export class DeadlineExceededError extends ClusterError {
  constructor(command: string, deadlineMs: number, options?: ClusterErrorOptions) {
    super(
      `${command} was not executed within its deadline of ${deadlineMs} ms${because(options?.cause)}`,
      { code: 'DEADLINE_EXCEEDED', retryable: true },
      options,
    );
  }
}

/** The last error, for logs that show only the message. */
const because = (cause: unknown): string => (cause instanceof ClusterError ? `: ${cause.message}` : '');

/** The command was sent, and no reply came: it may or may not have been executed. */
export class OutcomeUnknownError extends ClusterError {
  constructor(command: string, reason: string, options?: ClusterErrorOptions) {
    super(
      `${command} was sent and its outcome is unknown: ${reason}`,
      { code: 'OUTCOME_UNKNOWN', applied: 'unknown' },
      options,
    );
  }
}

/**
 * More calls wait for one node than its limits allow; nothing was sent. Single calls reject with it. Commands
 * of a pipeline, and the requests of a call for many slots, wait for room instead; if they reach their
 * deadline, it is the `cause`.
 */
export class BackpressureError extends ClusterError {
  constructor(node: string, commands: number, bytes: number) {
    super(`Too many calls wait for node ${node} (${commands} commands, ${bytes} bytes)`, {
      code: 'BACKPRESSURE',
      retryable: true,
    });
  }
}

/** No leased connection became free in time. */
export class LeaseTimeoutError extends ClusterError {
  constructor(node: string, timeoutMs: number) {
    super(`No connection to node ${node} could be leased within ${timeoutMs} ms`, {
      code: 'LEASE_TIMEOUT',
      retryable: true,
    });
  }
}

/** Other clients changed what the transaction had read, on every attempt. Nothing of it was applied. */
export class TransactionConflictError extends ClusterError {
  constructor(attempts: number) {
    super(
      `The transaction conflicted on ${attempts === 1 ? 'its one attempt' : `all ${attempts} attempts`}`,
      {
        code: 'TRANSACTION_CONFLICT',
        retryable: true,
      },
    );
  }
}

/** The write was applied, but fewer replicas than requested confirmed it in time. */
export class DurabilityError extends ClusterError {
  constructor(wanted: number, confirmed: number, timeoutMs: number, options?: ClusterErrorOptions) {
    super(
      `Applied, but only ${confirmed} of ${wanted} replicas confirmed within ${timeoutMs} ms`,
      {
        code: 'DURABILITY_NOT_REACHED',
        applied: true,
      },
      options,
    );
  }
}

/**
 * The client is closed, or was closed while the call waited. Nothing was executed, unless `applied` is
 * `'unknown'`: a call that blocked on a server was cut off, and may have taken an element that is lost.
 */
export class ClientClosedError extends ClusterError {
  constructor(applied: Applied = false) {
    // the text of ioredis, by which its callers (BullMQ) recognize a connection that was closed on purpose
    super('Connection is closed.', { code: 'CLIENT_CLOSED', applied });
  }
}

/** A peer sent bytes that are not the Redis protocol; the connection is closed. */
export class ProtocolError extends ClusterError {
  constructor(message: string) {
    super(message, { code: 'PROTOCOL_ERROR', applied: 'unknown' });
  }
}

/** The command was executed, but its reply cannot be returned in the form of the call. `cause` says why. */
export class UnreadableReplyError extends ClusterError {
  constructor(command: string, options?: ClusterErrorOptions) {
    super(
      `${command} was executed, but its reply could not be read`,
      { code: 'UNREADABLE_REPLY', applied: true },
      options,
    );
  }
}

/** A connection to a node could not be opened, or was lost. */
export class ConnectionError extends ClusterError {
  constructor(node: string, reason: string, options?: ClusterErrorOptions) {
    super(`Connection to ${node}: ${reason}`, { code: 'CONNECTION', retryable: true }, options);
  }
}

/**
 * An error that a server replied. `code` is the first word of the reply (`WRONGTYPE`, `NOSCRIPT`, `ERR`). It is
 * `retryable` if the server could not serve the call at that moment (`CLUSTERDOWN`, `LOADING`, `TRYAGAIN`,
 * `BUSY`). The name is `ReplyError`, as in ioredis; unlike there, the arguments of the command are not
 * attached.
 */
export class ReplyError extends ClusterError {
  constructor(message: string, options?: ClusterErrorOptions) {
    const code = firstWord(message);
    super(message, { code, retryable: REFUSALS.has(code) }, options);
  }
}

function firstWord(message: string): string {
  const end = message.indexOf(' ');
  return end === -1 ? message : message.slice(0, end);
}
