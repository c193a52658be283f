const CR = 0x0d;
const INITIAL_CAPACITY = 64;
const NOTHING = Buffer.alloc(0);

/**
 * The bytes of a protocol line whose end has not arrived yet. Capacity grows by doubling, so the work stays
 * linear.
 */
export class PartialLine {
  length = 0;
  private bytes = NOTHING;

  /** The first byte of the line: the type of the reply. */
  get type(): number {
    return this.bytes[0];
  }

  /** Returns where the line ends in `chunk` (never empty), after its CRLF; -1 if it continues after the chunk. */
  endIn(chunk: Buffer): number {
    if (this.bytes[this.length - 1] === CR) return 1;
    const carriageReturn = chunk.indexOf(CR);
    return carriageReturn === -1 || carriageReturn + 1 === chunk.length ? -1 : carriageReturn + 2;
  }

  /** Takes the bytes of `chunk` from `start` up to `end`. */
  append(chunk: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.bytes.length, INITIAL_CAPACITY));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    chunk.copy(this.bytes, this.length, start, end);
    this.length = length;
  }

  /** Returns the bytes and forgets them. */
  take(): Buffer {
    const line = this.bytes.subarray(0, this.length);
    this.bytes = NOTHING;
    this.length = 0;
    return line;
  }
}
