/** Reads requests from text of bytes, cut anywhere. */
export class RequestReader {
  private text = '';
  private offset = 0;
  /** The words of a request that has begun, and how many it has. */
  private words: string[] = [];
  private count = 0;

  /** Returns the requests that end in this piece: each its name and arguments. */
  read(piece: string): string[][] {
    this.text = this.text.slice(this.offset) + piece;
    this.offset = 0;
    const requests: string[][] = [];
    while (this.readRequest()) {
      if (this.words.length > 0) requests.push(this.words);
      this.words = [];
      this.count = 0;
    }
    return requests;
  }

  /** Reads on in a request. Returns whether it has reached its end. */
  private readRequest(): boolean {
    if (this.count === 0) {
      const count = this.readNumber(this.offset);
      if (count === undefined) return false;
      this.count = count;
    }
    while (this.words.length < this.count) if (!this.readWord()) return false;
    return true;
  }

  private readWord(): boolean {
    const begin = this.offset;
    const length = this.readNumber(begin);
    if (length === undefined) return false;
    const end = this.offset + length;
    if (this.text.length < end + 2) {
      this.offset = begin;
      return false;
    }
    this.words.push(this.text.slice(this.offset, end));
    this.offset = end + 2;
    return true;
  }

  /** Reads a line such as `*3` or `$5`; undefined if it is cut off. */
  private readNumber(begin: number): number | undefined {
    const end = this.text.indexOf('\r\n', begin);
    if (end === -1) return undefined;
    this.offset = end + 2;
    return Number(this.text.slice(begin + 1, end));
  }
}
