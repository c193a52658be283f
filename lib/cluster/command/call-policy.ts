import type { CallTrace } from '../diagnostics/call-trace.js';
import type { RetryMode } from '../options/options.js';
import type { ReadFrom } from '../options/read-from.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument } from '../protocol/request-encoder.js';

/** Converts a reply of the server for the caller. If it throws, the call rejects with UnreadableReplyError. */
export type ReplyTransform = (reply: Reply) => unknown;
/** The form of the reply of a call. */
export interface CallShape {
  /** Whether strings in it are Buffers. */
  readonly buffers: boolean;
  /** Whether maps, doubles and booleans of RESP3 become objects, numbers and booleans. */
  readonly native?: boolean | undefined;
  readonly transform?: ReplyTransform;
}
/** The shapes without a transform. */
export const PLAIN_SHAPES: Readonly<Record<'strings' | 'buffers', CallShape>> = {
  strings: { buffers: false, transform: undefined },
  buffers: { buffers: true, transform: undefined },
};
/** Resolves a write when this many replicas have it. Rejects it with DurabilityError after `timeoutMs`. */
export interface Durability {
  readonly replicas: number;
  readonly timeoutMs: number;
}
/**
 * Returns the arguments with which a command is resent that may have been executed, for scripts that need to
 * know.
 */
export type ArgsOnResend = (args: readonly Argument[]) => readonly Argument[];
/** How a call is executed. Resolved once, and shared by all calls with the same options. */
export interface CallPolicy {
  readonly readFrom: ReadFrom;
  readonly deadlineMs: number;
  /**
   * Whether the deadline was given with the call, and applies to a whole batch rather than to each of its
   * windows.
   */
  readonly deadlineOfBatch?: boolean;
  readonly retry: RetryMode;
  /** Ends the call early. */
  readonly signal?: AbortSignal;
  /** How many replicas must have a write before it counts as done. */
  readonly durability?: Durability;
  /** Returns the arguments for sending a command again after a lost reply. Must not change its own arguments. */
  readonly argsOnResend?: ArgsOnResend;
  /** Errors of the call carry its keys. */
  readonly errorKeys?: boolean;
  /** Records where the call goes, if somebody listens. */
  readonly trace?: CallTrace | undefined;
}
