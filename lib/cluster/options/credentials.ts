import { ClusterError, InvalidArgumentError } from '../common/errors.js';
import { clearTimeout, monotonicMs, setTimeout } from '../common/timers.js';
import { within } from '../common/within.js';

/** Between attempts to renew credentials once they are due, in ms. */
const RETRY_MS = 1_000;
/** How long a provider that has failed is left alone, in ms: the first time, and at most. */
const SHORTEST_REST_MS = 100;
const LONGEST_REST_MS = 5_000;

/** Authenticates connections that are open anew. Rejects where a node refuses. */
export type Renewal = (credentials: Credentials) => Promise<unknown>;

/**
 * The application's own `credentialsProvider` failed, or did not answer in time. What the provider threw is not
 * repeated: it may hold a credential.
 */
export class CredentialsUnavailableError extends ClusterError {
  constructor(reason: string) {
    super(`credentialsProvider ${reason}`, { code: 'CREDENTIALS_UNAVAILABLE', retryable: true });
  }
}

/**
 * Asks for credentials, knows when they are to be asked for again, and tells those who hold connections then. However
 * many connections are being made, the provider is asked once at a time, and after a failure not for a moment.
 */
export class CredentialsKeeper {
  private readonly renewals = new Set<Renewal>();
  private timer: NodeJS.Timeout | undefined = undefined;
  private stopped = false;
  private asking: Promise<Credentials | undefined> | undefined = undefined;
  private failure: Error | undefined = undefined;
  private restMs = 0;
  private restsUntil = 0;

  /**
   * @param ask the provider
   * @param patienceMs how long an answer may take
   */
  constructor(
    private readonly ask: () => Promise<Credentials | undefined>,
    private readonly patienceMs: number,
  ) {}

  /**
   * Credentials as they are now.
   * @throws CredentialsUnavailableError; InvalidArgumentError for an answer that is no credentials
   */
  readonly current = async (): Promise<Credentials | undefined> => {
    if (this.failure !== undefined && monotonicMs() < this.restsUntil) throw this.failure;
    return (this.asking ??= this.askNow().finally(() => (this.asking = undefined)));
  };

  /**
   * Has connections authenticated anew whenever credentials are renewed.
   * @returns ends that
   */
  onRenewal(renewal: Renewal): () => void {
    this.renewals.add(renewal);
    return () => void this.renewals.delete(renewal);
  }

  /** Asks for credentials, and has all that is open authenticated anew; rejects where some of it cannot be. */
  async renew(): Promise<void> {
    // an answer that is under way may be the old one
    await this.asking?.catch(() => {});
    this.restsUntil = 0;
    const credentials = await this.current();
    if (credentials === undefined) return;
    await Promise.all([...this.renewals].map((renewal) => renewal(credentials)));
  }

  /** Asks for none any more by itself. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async askNow(): Promise<Credentials | undefined> {
    try {
      const credentials = await within(this.patienceMs, this.ask(), () => {
        throw new CredentialsUnavailableError(`gave no answer within ${this.patienceMs} ms`);
      });
      this.failure = undefined;
      this.restMs = 0;
      if (credentials?.refreshAfterMs !== undefined) this.schedule(credentials.refreshAfterMs);
      return credentials;
    } catch (error) {
      const isOurs = error instanceof CredentialsUnavailableError || error instanceof InvalidArgumentError;
      // what the provider said may quote the credentials, and is the provider's own to log
      this.failure = isOurs ? error : new CredentialsUnavailableError('failed');
      this.restMs = Math.min(LONGEST_REST_MS, this.restMs * 2 || SHORTEST_REST_MS);
      this.restsUntil = monotonicMs() + this.restMs;
      throw this.failure;
    }
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const due = (): void => void this.renew().catch(() => this.schedule(RETRY_MS));
    this.timer = setTimeout(due, ms).unref();
  }
}

/** A user name and password, as the server's ACL knows them. */
export interface Credentials {
  username?: string | undefined;
  password: string;
  /** From a provider: when it is to be asked again, and open connections authenticated anew, in ms. Default: never. */
  refreshAfterMs?: number | undefined;
}
