import type { RetryMode } from '../options/options.js';
import type { ReadFrom } from '../options/read-from.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument } from '../protocol/request-encoder.js';

/**
 * Turns what the server answered into what the caller is given; where it throws, the call ends in
 * UnreadableReplyError.
 */
export type ReplyTransform = (reply: Reply) => unknown;
/** How the reply of a call is to be given. */
export interface CallShape {
  /** Strings in it as Buffers. */
  readonly buffers: boolean;
  /** Maps, doubles and booleans of RESP3 as objects, numbers and booleans. */
  readonly native?: boolean | undefined;
  readonly transform?: ReplyTransform;
}
/** Without a transform. */
export const PLAIN_SHAPES: Readonly<Record<'strings' | 'buffers', CallShape>> = {
  strings: { buffers: false, transform: undefined },
  buffers: { buffers: true, transform: undefined },
};
/** A write is done when this many replicas have it, or fails with DurabilityError after `timeoutMs`. */
export interface Durability {
  readonly replicas: number;
  readonly timeoutMs: number;
}
/** The arguments of a command that may have been executed already, for a script that wants to know that. */
export type ArgsOnResend = (args: readonly Argument[], deadlineMs: number) => readonly Argument[];
/** How one call is to be treated; resolved once, shared by all calls that are treated alike. */
export interface CallPolicy {
  readonly readFrom: ReadFrom;
  readonly deadlineMs: number;
  /** The deadline was given with the call, and so is that of a whole batch; else each window of it has its own. */
  readonly deadlineOfBatch?: boolean;
  readonly retry: RetryMode;
  /** Ends the call early. */
  readonly signal?: AbortSignal;
  /** How many replicas must have a write before it counts as done. */
  readonly durability?: Durability;
  /** What a command is sent with again, where a reply to it was lost; must leave arguments of its own as they are. */
  readonly argsOnResend?: ArgsOnResend;
}
