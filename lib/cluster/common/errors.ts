import { REFUSALS } from './refusals.js';

/** Whether the operation behind an error took effect on the server. */
export type Applied = true | false | 'unknown';

export interface ClusterErrorOptions {
  cause?: unknown;
}

/**
 * The parent of every error this package makes. No error carries stored values or credentials.
 */
export class ClusterError extends Error {
  /** Stable, documented, for programs; the message is for people. */
  readonly code: string;
  /** True where the same call may well succeed when made again. */
  readonly retryable: boolean;
  /** Whether the operation took effect on the server. */
  readonly applied: Applied;

  constructor(
    message: string,
    fate: { code: string; retryable?: boolean; applied?: Applied },
    options?: ClusterErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.code = fate.code;
    this.retryable = fate.retryable ?? false;
    this.applied = fate.applied ?? false;
  }
}

/** Why a usable topology could not be had. */
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

/** The server refused our credentials, or wanted some and had none from us. */
export class AuthenticationError extends ClusterError {
  constructor(message: string, options?: ClusterErrorOptions) {
    super(message, { code: 'AUTHENTICATION_FAILED' }, options);
  }
}

/** An argument or option that cannot be right; thrown before anything is sent. */
export class InvalidArgumentError extends ClusterError {
  /** The argument's or option's name. */
  readonly argument: string;
  constructor(argument: string, message: string) {
    super(message, { code: 'INVALID_ARGUMENT' });
    this.argument = argument;
  }
}

/** Keys of one operation that must share a slot do not; thrown before anything is sent. */
export class CrossSlotError extends ClusterError {
  /** The keys as text, grouped by their slot. */
  readonly keysBySlot: ReadonlyMap<number, readonly string[]>;
  /** @param otherWay what serves keys of several slots */
  constructor(
    operation: string,
    keysBySlot: ReadonlyMap<number, readonly string[]>,
    otherWay = 'cluster.nonAtomic',
  ) {
    const groups = [...keysBySlot]
      .slice(0, 4)
      .map(([slot, keys]) => `slot ${slot}: ${keys.slice(0, 3).map(shorten).join(', ')}`);
    const more = keysBySlot.size > groups.length ? `; and ${keysBySlot.size - groups.length} more slots` : '';
    super(
      `${operation} needs all its keys in one slot, and they are in ${keysBySlot.size} (${groups.join('; ')}${more}). ` +
        `Give the keys a common {hash tag}, or use ${otherWay} where atomicity is not needed.`,
      { code: 'CROSS_SLOT' },
    );
    this.keysBySlot = keysBySlot;
  }
}

const shorten = (key: string): string => JSON.stringify(key.length > 40 ? `${key.slice(0, 37)}...` : key);

/** A command that must not be run through a cluster client. */
export class BlockedCommandError extends ClusterError {
  constructor(command: string, reason: string) {
    super(`${command} is blocked: ${reason}`, { code: 'BLOCKED_COMMAND' });
  }
}

/** The call's deadline passed, and it is certain that nothing was executed. `cause` is the last reason to wait. */
export class DeadlineExceededError extends ClusterError {
  constructor(command: string, deadlineMs: number, options?: ClusterErrorOptions) {
    super(
      `${command} was not executed within its deadline of ${deadlineMs} ms${because(options?.cause)}`,
      { code: 'DEADLINE_EXCEEDED', retryable: true },
      options,
    );
  }
}

/** The last obstacle, for readers of logs that show the message and nothing else. */
const because = (cause: unknown): string => (cause instanceof ClusterError ? `: ${cause.message}` : '');

/** The command was handed to a socket, and no reply came: it may or may not have been executed. */
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
 * More is waiting for one node than its bounds allow; nothing was sent. Single calls fail with it. Commands of a
 * pipeline, and the requests of a call for many slots, wait for room instead; it is the `cause` of those that reach
 * their deadline.
 */
export class BackpressureError extends ClusterError {
  constructor(node: string, commands: number, bytes: number) {
    super(`Too much is waiting for node ${node} (${commands} commands, ${bytes} bytes)`, {
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

/** Somebody else changed what the transaction had read, on every attempt. Nothing of it was applied. */
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

/** The write was applied, and fewer replicas than asked for have confirmed it in time. */
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
 * The client is closed, or was closed while the call waited. Nothing was executed, unless `applied` is `'unknown'`: a
 * call that blocked on a server was cut off, and may have taken an element that nobody will see.
 */
export class ClientClosedError extends ClusterError {
  constructor(applied: Applied = false) {
    // ioredis' words, by which its callers (BullMQ) tell a connection that was closed on purpose from a failure
    super('Connection is closed.', { code: 'CLIENT_CLOSED', applied });
  }
}

/** A peer sent bytes that are not the Redis protocol; the connection is given up. */
export class ProtocolError extends ClusterError {
  constructor(message: string) {
    super(message, { code: 'PROTOCOL_ERROR', applied: 'unknown' });
  }
}

/** The command was executed, and its reply cannot be given in the form of the call. `cause` says why. */
export class UnreadableReplyError extends ClusterError {
  constructor(command: string, options?: ClusterErrorOptions) {
    super(
      `${command} was executed, and its reply could not be read`,
      { code: 'UNREADABLE_REPLY', applied: true },
      options,
    );
  }
}

/** A connection to a node could not be made, or was lost. */
export class ConnectionError extends ClusterError {
  constructor(node: string, reason: string, options?: ClusterErrorOptions) {
    super(`Connection to ${node}: ${reason}`, { code: 'CONNECTION', retryable: true }, options);
  }
}

/**
 * What a server itself answered. `code` is the first word of the answer (`WRONGTYPE`, `NOSCRIPT`, `ERR`). It is
 * `retryable` where the server could not serve the call for the moment (`CLUSTERDOWN`, `LOADING`, `TRYAGAIN`,
 * `BUSY`). The name is `ReplyError`, as in ioredis; unlike there, the command's arguments are not attached.
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
