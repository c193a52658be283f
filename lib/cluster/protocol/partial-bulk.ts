/** A bulk string whose payload arrives in several chunks, collected in one Buffer of the announced size. */
export class PartialBulk {
  readonly bytes: Buffer;
  private filled = 0;

  constructor(
    /** The type byte it was announced with. */
    readonly type: number,
    readonly length: number,
  ) {
    this.bytes = Buffer.allocUnsafe(length + 2); // and CRLF
  }

  get isComplete(): boolean {
    return this.filled === this.bytes.length;
  }

  /** Takes the bytes of this string from `chunk` at `offset`. Returns the offset after them. */
  append(chunk: Buffer, offset: number): number {
    const taken = chunk.copy(this.bytes, this.filled, offset);
    this.filled += taken;
    return offset + taken;
  }
}
