import type { KeyslotOutcome } from '../diagnostics/contexts.js';

/**
 * The kinds of log entries:
 * - `error`: a call, a connection or a read of the topology that failed
 * - `topology`: the client connected, nodes joined or left, slots have other owners
 * - `slow`: a call that took longer than `slowMs`
 * - `command`: every call
 */
export const LOG_KINDS = ['error', 'topology', 'slow', 'command'] as const;
/** What an entry of the log is about. */
export type LogKind = (typeof LOG_KINDS)[number];

/** How severe a log entry is. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** What a log entry says, for programs. Fields that do not apply are missing. */
export interface LogFields {
  /** The command, in upper case; `PIPELINE`, `MULTI` or `TRANSACTION` for several. */
  readonly command?: string | undefined;
  /** The number of commands in a pipeline, a transaction or a batch of messages. */
  readonly batchSize?: number | undefined;
  /** The node that answered last, or that failed, `host:port`. */
  readonly node?: string | undefined;
  readonly slot?: number | undefined;
  readonly attempts?: number | undefined;
  /** Redirects that were followed. */
  readonly redirects?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly outcome?: KeyslotOutcome | undefined;
  /** The code of the error; `OTHER` for one that a script made up. */
  readonly errorCode?: string | undefined;
  /** The version of the topology. */
  readonly version?: number | undefined;
  /** How many entries of this kind were left out. */
  readonly suppressed?: number | undefined;
}

/** One line of the log. It contains no keys, no values and no credentials. */
export interface LogEntry {
  readonly kind: LogKind;
  readonly level: LogLevel;
  /** The entry as one line of text. */
  readonly message: string;
  /** In ms since 1970. */
  readonly at: number;
  /** The option `clientName`. */
  readonly clientName: string | undefined;
  readonly fields: LogFields;
}

/** Receives log entries. What it throws is reported once, as a process warning. */
export type ClusterLogger = (entry: LogEntry) => unknown;
