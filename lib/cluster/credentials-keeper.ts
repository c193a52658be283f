import type { Credentials } from './options.js';
import { clearTimeout, setTimeout } from './timers.js';

/** Between attempts to renew credentials once they are due, in ms. */
const RETRY_MS = 1_000;

/** Authenticates connections that are open anew. Rejects where a node refuses. */
export type Renewal = (credentials: Credentials) => Promise<unknown>;

/** Asks for credentials, knows when they are to be asked for again, and tells those who hold connections then. */
export class CredentialsKeeper {
  private readonly renewals = new Set<Renewal>();
  private timer: NodeJS.Timeout | undefined = undefined;
  private stopped = false;

  /** @param ask the provider */
  constructor(private readonly ask: () => Promise<Credentials | undefined>) {}

  /** Credentials as they are now. */
  readonly current = async (): Promise<Credentials | undefined> => {
    const credentials = await this.ask();
    const { refreshAfterMs } = credentials ?? {};
    if (refreshAfterMs !== undefined) this.schedule(refreshAfterMs);
    return credentials;
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
    const credentials = await this.current();
    if (credentials === undefined) return;
    await Promise.all([...this.renewals].map((renewal) => renewal(credentials)));
  }

  /** Asks for none any more by itself. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const due = (): void => void this.renew().catch(() => this.schedule(RETRY_MS));
    this.timer = setTimeout(due, ms).unref();
  }
}
