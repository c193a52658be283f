import { ClusterError, InvalidArgumentError } from '../common/errors.js';
import { clearTimeout, monotonicMs, setTimeout } from '../common/timers.js';
import { within } from '../common/within.js';

/** The time between attempts to renew credentials that are due, in ms. */
const RETRY_MS = 1_000;
/** How long a provider that has failed is not called again, in ms: after the first failure, and at most. */
const SHORTEST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/** Authenticates open connections with new credentials. Rejects if a node refuses them. */
export type Renewal = (credentials: Credentials) => Promise<unknown>;

/**
 * The application's `credentialsProvider` failed, or did not answer in time. What the provider threw is not
 * repeated, as it may contain a credential.
 */
export class CredentialsUnavailableError extends ClusterError {
  constructor(reason: string) {
    super(`credentialsProvider ${reason}`, { code: 'CREDENTIALS_UNAVAILABLE', retryable: true });
  }
}

/**
 * Reads credentials from the provider, knows when they are due for renewal, and then updates the owners of
 * connections. However many connections are being opened, the provider is called once at a time, and not again
 * until a backoff after a failure has passed.
 */
export class CredentialsKeeper {
  private readonly renewals = new Set<Renewal>();
  private endFollowing: (() => void) | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  /** When the next renewal is due, in ms of the client's clock. */
  private dueAt = Infinity;
  private stopped = false;
  private asking: Promise<Credentials | undefined> | undefined = undefined;
  private failure: Error | undefined = undefined;
  private backoffMs = 0;
  private backoffUntil = 0;

  /**
   * @param ask calls the provider. Its changes are followed from the first call on
   * @param patienceMs how long it may take to answer
   */
  constructor(
    private readonly ask: CredentialsSource,
    private readonly patienceMs: number,
  ) {}

  /**
   * Returns the present credentials.
   * @throws CredentialsUnavailableError; InvalidArgumentError if the provider's answer is not credentials
   */
  readonly current = async (): Promise<Credentials | undefined> => {
    // before the first answer, so that no change is missed
    if (!this.stopped) this.endFollowing ??= this.ask.onChange?.(() => this.schedule(0));
    if (this.failure !== undefined && monotonicMs() < this.backoffUntil) throw this.failure;
    return (this.asking ??= this.askNow().finally(() => (this.asking = undefined)));
  };

  /**
   * Registers a function that authenticates connections whenever credentials are renewed.
   * @returns a function that removes it
   */
  onRenewal(renewal: Renewal): () => void {
    this.renewals.add(renewal);
    return () => void this.renewals.delete(renewal);
  }

  /** Reads new credentials, and authenticates all open connections with them. Rejects if that fails for some. */
  async renew(): Promise<void> {
    // a pending answer may be the old one
    await this.asking?.catch(() => {});
    this.backoffUntil = 0;
    const credentials = await this.current();
    if (credentials === undefined) return;
    await Promise.all([...this.renewals].map((renewal) => renewal(credentials)));
  }

  /** Stops renewing credentials. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.endFollowing?.();
  }

  private async askNow(): Promise<Credentials | undefined> {
    try {
      const credentials = await within(this.patienceMs, this.ask(), () => {
        throw new CredentialsUnavailableError(`gave no answer within ${this.patienceMs} ms`);
      });
      this.failure = undefined;
      this.backoffMs = 0;
      if (credentials?.refreshAfterMs !== undefined) this.schedule(credentials.refreshAfterMs);
      return credentials;
    } catch (error) {
      const isOurs = error instanceof CredentialsUnavailableError || error instanceof InvalidArgumentError;
      // the provider's error may contain the credentials; the provider can log it
      this.failure = isOurs ? error : new CredentialsUnavailableError('failed');
      this.backoffMs = Math.min(LONGEST_BACKOFF_MS, this.backoffMs * 2 || SHORTEST_BACKOFF_MS);
      this.backoffUntil = monotonicMs() + this.backoffMs;
      throw this.failure;
    }
  }

  /**
   * Renews after some ms, unless it is due earlier already: what a new connection was given does not put off the renewal
   * of those that are open.
   */
  private schedule(ms: number): void {
    const at = monotonicMs() + ms;
    if (this.stopped || at >= this.dueAt) return;
    clearTimeout(this.timer);
    this.dueAt = at;
    const due = (): void => {
      this.dueAt = Infinity;
      void this.renew().catch(() => this.schedule(RETRY_MS));
    };
    this.timer = setTimeout(due, ms).unref();
  }
}

/** Returns the credentials of a client; undefined if it has none. */
export interface CredentialsSource {
  (): Promise<Credentials | undefined>;
  readonly onChange?: CredentialsProvider['onChange'];
}

/** The option `credentialsProvider`: a function that returns credentials, or a promise of them. */
export interface CredentialsProvider {
  (): Credentials | Promise<Credentials>;
  /**
   * Registers a function that the provider calls when its credentials have changed. The client then calls the provider
   * again, and authenticates its open connections with the answer. Returns a function that ends this.
   */
  readonly onChange?: ((listener: () => void) => () => void) | undefined;
}

/** A user name and password of the server's ACL. */
export interface Credentials {
  username?: string | undefined;
  password: string;
  /**
   * From a provider: the time after which it is called again and open connections are authenticated with its
   * answer, in ms. Default: never.
   */
  refreshAfterMs?: number | undefined;
}
