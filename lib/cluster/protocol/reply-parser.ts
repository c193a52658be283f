import { constants, isAscii } from 'node:buffer';
import { decodeAscii, decodeUtf8 } from './buffer-text.js';
import { ProtocolError } from '../common/errors.js';
import { PartialBulk } from './partial-bulk.js';
import { PartialLine } from './partial-line.js';
import { toReplyError } from './reply-error.js';
import { ReplyFrame, type ReplyFrameKind } from './reply-frame.js';
import { findLineEnd, parseBoolean, parseDouble, parseInteger, parseLength } from './reply-line.js';
import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BOOLEAN,
  BULK_ERROR,
  BULK_STRING,
  DOUBLE,
  INTEGER,
  lineLimit,
  MAP,
  NULL,
  PUSH,
  SET,
  SIMPLE_ERROR,
  SIMPLE_STRING,
  VERBATIM_STRING,
} from './reply-type.js';
import type { ReplyHandler } from './reply-handler.js';
import { objectOfPairs, type Reply } from './reply.js';

export interface ReplyParserOptions {
  /** The longest string accepted from the server, in bytes (default 512 MiB, like `proto-max-bulk-len` of Redis). */
  readonly maximumBulkLength?: number;
}

const CR = 0x0d;
const LF = 0x0a;
const UPPER_O = 0x4f;
const UPPER_K = 0x4b;

const DEFAULT_MAXIMUM_BULK_LENGTH = 512 * 1024 * 1024;
/** The longest array of JavaScript. */
const MAXIMUM_ITEMS = 2 ** 32 - 1;
/** The bytes before the text of a verbatim string: its format and a colon, `txt:`. */
const VERBATIM_PREFIX = 4;

/**
 * Decodes the Redis protocol, RESP2 and RESP3, from chunks cut anywhere. Gives each reply the form it has in
 * RESP2, as ioredis does by default: maps and sets are flat arrays, booleans are 1 and 0, doubles and big
 * numbers are text, attributes are dropped. If the handler wants native types, maps, doubles and booleans have
 * their RESP3 form. An integer is a number if a number holds it exactly, else a bigint.
 *
 * Replies are read in place and copied once: the chunk may be overwritten when `write` returns, and no small
 * Buffer keeps a large chunk in memory. Nesting is a chain of frames, not recursion.
 *
 * @see {@link https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md | RESP3}
 */
export class ReplyParser {
  /** The sizes of the longest Buffer and the longest string, in bytes. */
  private readonly maximumBytes: number;
  private readonly maximumText: number;
  /** The index of the next byte to read. */
  private offset = 0;
  /** Whether strings of the current reply should be Buffers. */
  private buffers = false;
  /** Whether the current bytes are all ASCII, which one fast check shows, and which decodes faster. */
  private ascii = false;
  /** Whether the current bytes belong to the caller, so that what is kept must be copied. */
  private lent = false;
  /** The innermost aggregate that is open. */
  private frame: ReplyFrame | undefined = undefined;
  /** The value that the end of the last chunk cut off. At most one of the two has content. */
  private readonly line = new PartialLine();
  private bulk: PartialBulk | undefined = undefined;
  /** True during `write`, and forever after it has thrown. */
  private busy = false;

  constructor(
    private readonly handler: ReplyHandler,
    options: ReplyParserOptions = {},
  ) {
    this.maximumBytes = options.maximumBulkLength ?? DEFAULT_MAXIMUM_BULK_LENGTH;
    this.maximumText = Math.min(this.maximumBytes, constants.MAX_STRING_LENGTH);
  }

  /**
   * Reads the next bytes of the stream, and passes on the replies that end in them.
   * @throws ProtocolError if they are not the Redis protocol; the parser cannot be used afterwards
   */
  write(chunk: Buffer): void {
    if (this.busy) throw new ProtocolError('The parser has failed before, or its handler called it');
    if (chunk.length === 0) return;
    this.busy = true;
    this.offset = 0;
    if (this.line.length > 0) this.resumeLine(chunk);
    if (this.bulk !== undefined) this.resumeBulk(this.bulk, chunk);
    this.readAll(chunk);
    this.busy = false;
  }

  private readAll(bytes: Buffer): void {
    this.ascii = isAscii(bytes);
    this.lent = true;
    while (this.offset < bytes.length) {
      const value = this.read(bytes);
      if (value === undefined) return;
      this.complete(value);
    }
  }

  /** Reads the next value that is not an aggregate; undefined if the bytes end before it does. */
  private read(bytes: Buffer): Reply | undefined {
    while (this.offset < bytes.length) {
      const start = this.offset + 1;
      const end = findLineEnd(bytes, start);
      if (end === -1) {
        this.keepLine(bytes);
        return undefined;
      }
      const type = bytes[this.offset];
      this.offset = end + 2;
      switch (type) {
        case BULK_STRING:
        case VERBATIM_STRING:
        case BULK_ERROR: {
          this.begin();
          const length = parseLength(bytes, start, end);
          return length === -1 && type === BULK_STRING ? null : this.readBulk(type, length, bytes);
        }
        case INTEGER:
          this.begin();
          return parseInteger(bytes, start, end);
        case DOUBLE:
          this.begin();
          if (this.native) return parseDouble(bytes, start, end);
          return this.textValue(type, bytes, start, end);
        case SIMPLE_STRING:
        case SIMPLE_ERROR:
        case BIG_NUMBER:
          this.begin();
          return this.textValue(type, bytes, start, end);
        case ARRAY:
        case SET:
        case MAP: {
          this.begin();
          const length = parseLength(bytes, start, end);
          if (length === -1 && type === ARRAY) return null;
          if (type !== MAP) this.open('reply', length);
          else this.open(this.native ? 'map' : 'reply', 2 * length);
          break;
        }
        case ATTRIBUTE:
          this.open('attribute', 2 * parseLength(bytes, start, end));
          break;
        case PUSH:
          if (this.frame !== undefined) throw new ProtocolError('A push begins inside another reply');
          this.readPush(bytes, parseLength(bytes, start, end));
          break;
        case NULL:
          this.begin();
          if (end !== start) throw new ProtocolError('A null is not empty');
          return null;
        case BOOLEAN:
          this.begin();
          return this.native ? parseBoolean(bytes, start, end) === 1 : parseBoolean(bytes, start, end);
        default:
          throw new ProtocolError(
            'A reply is of no known type (perhaps no Redis server, or one that expects TLS)',
          );
      }
    }
    return undefined;
  }

  private get native(): boolean {
    return this.handler.wantsNative?.() ?? false;
  }

  /** Called at the start of a value. At the top level, that is a reply. */
  private begin(): void {
    if (this.frame === undefined) this.buffers = this.handler.wantsBuffers();
  }

  private readPush(bytes: Buffer, count: number): void {
    const end = this.handler.readPush?.(bytes, this.offset, count, this.ascii) ?? -1;
    if (end !== -1) {
      this.offset = end;
      return;
    }
    this.buffers = true;
    this.open('push', count);
  }

  private readBulk(type: number, length: number, bytes: Buffer): Reply | undefined {
    const maximum = this.buffers && type !== BULK_ERROR ? this.maximumBytes : this.maximumText;
    if (length < 0 || length > maximum) {
      throw new ProtocolError(`A string is announced as negative, or longer than ${maximum} bytes`);
    }
    const start = this.offset;
    const end = start + length;
    if (end + 2 > bytes.length) {
      this.bulk = new PartialBulk(type, length);
      this.offset = this.bulk.append(bytes, start);
      return undefined;
    }
    this.offset = end + 2;
    return this.bulkValue(type, bytes, start, end);
  }

  private bulkValue(type: number, bytes: Buffer, start: number, end: number): Reply {
    if (bytes[end] !== CR || bytes[end + 1] !== LF) throw new ProtocolError('A string has no end');
    if (type === BULK_STRING) return this.stringValue(bytes, start, end);
    if (type === BULK_ERROR) return toReplyError(decodeUtf8(bytes, start, end));
    if (end - start < VERBATIM_PREFIX) throw new ProtocolError('A verbatim string has no format');
    return this.stringValue(bytes, start + VERBATIM_PREFIX, end);
  }

  private textValue(type: number, bytes: Buffer, start: number, end: number): Reply {
    if (end - start > this.maximumText) throw new ProtocolError('A line is too long');
    if (type === SIMPLE_ERROR) return toReplyError(decodeUtf8(bytes, start, end));
    return !this.buffers && isOk(bytes, start, end) ? 'OK' : this.stringValue(bytes, start, end);
  }

  private stringValue(bytes: Buffer, start: number, end: number): string | Buffer {
    if (this.buffers) return this.lent ? copyOf(bytes, start, end) : bytes.subarray(start, end);
    return this.ascii ? decodeAscii(bytes, start, end) : decodeUtf8(bytes, start, end);
  }

  private open(kind: ReplyFrameKind, count: number): void {
    if (count < 0 || count > MAXIMUM_ITEMS) throw new ProtocolError('An aggregate has an impossible length');
    const frame = new ReplyFrame(kind, count, this.frame);
    this.frame = frame;
    if (count === 0) this.close(frame);
  }

  private complete(value: Reply): void {
    const frame = this.frame;
    if (frame === undefined) {
      this.handler.onReply(value);
      return;
    }
    frame.items.push(value);
    if (--frame.remaining === 0) this.close(frame);
  }

  /** Called when a frame has its last item. That may be the last item of the frame around it, and so on. */
  private close(frame: ReplyFrame): void {
    for (let full = frame; ;) {
      const { kind, items, parent } = full;
      this.frame = parent;
      if (kind === 'attribute') return;
      if (kind === 'push') return this.handler.onPush(items);
      // callers that request native types expect objects
      const value = kind === 'map' ? (objectOfPairs(items) as unknown as Reply) : items;
      if (parent === undefined) return this.handler.onReply(value);
      parent.items.push(value);
      if (--parent.remaining > 0) return;
      full = parent;
    }
  }

  private keepLine(bytes: Buffer): void {
    this.line.append(bytes, this.offset, bytes.length);
    this.offset = bytes.length;
    const limit = lineLimit(this.line.type, this.maximumText);
    if (this.line.length > limit) throw new ProtocolError('A line is too long, or of no known type');
  }

  private resumeLine(chunk: Buffer): void {
    const end = this.line.endIn(chunk);
    if (end === -1) {
      this.keepLine(chunk);
      return;
    }
    this.line.append(chunk, 0, end);
    this.readAll(this.line.take());
    this.offset = end;
  }

  private resumeBulk(bulk: PartialBulk, chunk: Buffer): void {
    this.offset = bulk.append(chunk, this.offset);
    if (!bulk.isComplete) return;
    this.bulk = undefined;
    this.ascii = isAscii(bulk.bytes);
    this.lent = false;
    this.complete(this.bulkValue(bulk.type, bulk.bytes, 0, bulk.length));
  }
}

function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}

/** Checks for `OK`: the most common reply is worth three comparisons. */
function isOk(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 2 && bytes[start] === UPPER_O && bytes[start + 1] === UPPER_K;
}
