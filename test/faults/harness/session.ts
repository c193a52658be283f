/** A node's address, as every client takes it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A user, as the servers know it. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What a session is opened with. */
export interface SessionOptions {
  readonly nodes: readonly Address[];
  /** Turns announced addresses into those of the proxies. */
  readonly addressRemap?: (address: Address) => Address;
  readonly password?: string;
  /** Asked for whenever a connection is made, instead of the password; by clients that take but one answer, once. */
  readonly credentials?: () => Credentials;
  /** The certificate authority, where the nodes want TLS. */
  readonly ca?: string;
}

/** What the caller of a failed call may conclude from its error. */
export interface Failure {
  /** A word for the kind of error. */
  readonly code: string;
  /** Only a client that says so may be taken at its word; the others leave it unknown. */
  readonly applied: boolean | 'unknown';
}

/**
 * One connected client under test, whichever it is. Everything rejects with the client's own error, and `failure`
 * says what it means.
 */
export interface Session {
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  increment(key: string): Promise<unknown>;
  /** MULTI, INCR, GET, EXEC. */
  transaction(key: string): Promise<unknown>;
  /** EVAL of a script that increments. */
  script(key: string): Promise<unknown>;
  /** INCR of keys all over the cluster, sent together; the error of each, or undefined. */
  pipeline(keys: readonly string[]): Promise<readonly unknown[]>;
  /** RPUSH. */
  append(key: string, value: string): Promise<unknown>;
  failure(error: unknown): Failure;
  close(): Promise<unknown>;
}

/** Opens sessions of one client. */
export interface ClientUnderTest {
  /** Name and version. */
  readonly title: string;
  open(options: SessionOptions): Promise<Session>;
}

export const INCREMENT = `return redis.call('INCR', KEYS[1])`;
