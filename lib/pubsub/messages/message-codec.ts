/** How values become payloads, and back. */

export interface MessageCodec<T = unknown> {
  /** What is sent for a value, or a promise of it; strings as UTF-8. What it throws is what `publish` rejects with. */
  encode(value: T): string | Buffer | PromiseLike<string | Buffer>;
  /**
   * The value of a payload, or a promise of it; messages keep their order. A promise that never settles holds back all
   * later messages of its observable, without a bound. Whatever it throws means that the payload is
   * not one of this codec.
   */
  decode(payload: Buffer): T | PromiseLike<T>;
}
