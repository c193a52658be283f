import type { Reply } from './reply.js';

/**
 * Receives the replies of a parser. Its methods must neither throw nor call the parser's `write`: after that,
 * the parser rejects all further bytes.
 */
export interface ReplyHandler {
  /**
   * Whether strings in the next reply should be Buffers. Called once per top-level reply that is not a push,
   * before its first string is decoded.
   */
  wantsBuffers(): boolean;
  /**
   * Whether maps, doubles and booleans of the reply should be objects, numbers and booleans; else they are as
   * in RESP2.
   */
  wantsNative?(): boolean;
  /** A reply, in order. Error replies arrive here too, as a ReplyError. */
  onReply(reply: Reply): void;
  /**
   * Reads a push of `count` items in place, if it knows a faster way than `onPush`.
   * @param start the index of the first item
   * @param ascii whether all bytes are ASCII
   * @returns the index behind it, or behind pushes after it that were read too; -1 to receive it by `onPush`
   */
  readPush?(bytes: Buffer, start: number, count: number, ascii: boolean): number;
  /** A message that the server pushes (RESP3 only). Strings in it are Buffers. */
  onPush(items: Reply[]): void;
}
