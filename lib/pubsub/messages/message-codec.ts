/** Converts values to payloads and back. */
export interface MessageCodec<T = unknown> {
  /**
   * Returns the payload of a value, or a promise of it; a string is sent as UTF-8. `publish` rejects with
   * what it throws.
   */
  encode(value: T): string | Buffer | PromiseLike<string | Buffer>;
  /**
   * Returns the value of a payload, or a promise of it. Messages keep their order, so a promise that never
   * settles holds back all later messages of its observable, without a limit. If it throws, the message goes
   * to `errors$`.
   */
  decode(payload: Buffer): T | PromiseLike<T>;
  /**
   * Returns what travels beside the value, such as the trace context of the publisher. It becomes `headers` of the
   * message. Called with the same payload as `decode`. A codec without headers leaves it out.
   */
  headers?(payload: Buffer): Readonly<Record<string, string>> | undefined;
}
