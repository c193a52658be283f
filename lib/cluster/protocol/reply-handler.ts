import type { Reply } from './reply.js';

/**
 * Where a parser's replies go. Its methods must neither throw nor call the parser's `write`:
 * a parser whose handler did refuses all further bytes.
 */
export interface ReplyHandler {
  /**
   * Asked once for each top-level reply that is not a push, before its first string is decoded:
   * whether strings in it are wanted as Buffers.
   */
  wantsBuffers(): boolean;
  /** Whether maps, doubles and booleans of the reply are wanted as objects, numbers and booleans; else as in RESP2. */
  wantsNative?(): boolean;
  /** A reply, in order. What the server refused comes here too, as a ReplyError. */
  onReply(reply: Reply): void;
  /** What the server says unasked (RESP3 only); strings in it are Buffers. */
  onPush(items: Reply[]): void;
}
