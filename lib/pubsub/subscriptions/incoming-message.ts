import { isUtf8 } from 'node:buffer';
import { decodeAscii, decodeUtf8 } from '../../cluster/protocol/buffer-text.js';

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * The message that a connection is delivering, as a view of the bytes it arrived in. There is one object per
 * connection, and the bytes are overwritten by the next read of the socket: take what you need before you return.
 */
export class IncomingMessage {
  /** When the bytes arrived, in ms since 1970. */
  receivedAt = 0;
  private bytes = NOTHING;
  private start = 0;
  private end = 0;
  /** Whether all bytes are known to be ASCII. */
  private ascii = false;
  private channelBytes = NOTHING;
  private channelStart = 0;
  private channelEnd = 0;
  /** What was decoded for a subscriber, for the others. */
  private decoded: string | undefined = undefined;
  private copied: Buffer | undefined = undefined;

  /** Begins a message whose payload is between `start` and `end` of these bytes. */
  begin(bytes: Buffer, start: number, end: number, ascii: boolean): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.ascii = ascii;
    this.decoded = undefined;
    this.copied = undefined;
  }

  /** Sets the channel, which is between `start` and `end` of these bytes. */
  setChannel(bytes: Buffer, start: number, end: number): void {
    this.channelBytes = bytes;
    this.channelStart = start;
    this.channelEnd = end;
  }

  /** Leaves out the first bytes of the channel. */
  shortenChannel(prefix: number): void {
    this.channelStart += prefix;
  }

  /** The channel, in bytes of its own. */
  channel(): Buffer {
    return copyOf(this.channelBytes, this.channelStart, this.channelEnd);
  }

  channelText(): string {
    return decodeUtf8(this.channelBytes, this.channelStart, this.channelEnd);
  }

  /** The payload, in bytes that all subscribers share. */
  payload(): Buffer {
    return (this.copied ??= this.payloadCopy());
  }

  /** The payload, in bytes of its own. */
  payloadCopy(): Buffer {
    return copyOf(this.bytes, this.start, this.end);
  }

  /**
   * The payload as text.
   * @throws TypeError for invalid UTF-8, which `toString()` would silently replace
   */
  text(): string {
    return (this.decoded ??= this.decode());
  }

  private decode(): string {
    const { bytes, start, end } = this;
    if (this.ascii) return decodeAscii(bytes, start, end);
    const text = decodeUtf8(bytes, start, end);
    if (text.includes('\u{fffd}') && !isUtf8(bytes.subarray(start, end))) throw new InvalidUtf8Error();
    return text;
  }
}

/** A payload that is not text. */
export class InvalidUtf8Error extends TypeError {
  constructor() {
    super('The payload is not valid UTF-8');
  }
}

function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}
