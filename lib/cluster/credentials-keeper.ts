import type { Credentials } from './options.js';

/** Between attempts to get new credentials once they are due, in ms. */
const RETRY_MS = 1_000;

/** Asks for credentials, and knows when they are to be asked for again. */
export class CredentialsKeeper {
  private timer: NodeJS.Timeout | undefined = undefined;
  private stopped = false;

  /**
   * @param ask the provider
   * @param renew called when what it gave last is due; rejects where that fails, and is then called again
   */
  constructor(
    private readonly ask: () => Promise<Credentials | undefined>,
    private readonly renew: () => Promise<void>,
  ) {}

  /** Credentials as they are now. */
  readonly current = async (): Promise<Credentials | undefined> => {
    const credentials = await this.ask();
    const { refreshAfterMs } = credentials ?? {};
    if (refreshAfterMs !== undefined) this.schedule(refreshAfterMs);
    return credentials;
  };

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
