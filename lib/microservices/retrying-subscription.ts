import type { Observable, Subscription } from 'rxjs';

/** The pauses before a failed subscription is made anew, in ms: the first, and the longest. */
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/** What to subscribe to, and the callbacks. */
export interface RetryingSubscriptionOptions<T> {
  /** Made for each attempt. */
  readonly source: Observable<T>;
  /** Resolves once the servers have confirmed it. */
  confirmed(): Promise<void>;
  next(item: T): void;
  /** It failed, and is retried after a backoff. */
  onFailed(error: Error): void;
  /** It is confirmed after it had failed. */
  onRestored(): void;
  /** Pub/sub was closed. */
  onClosed(): void;
}

/** A subscription that is made anew whenever it fails, such as by a right that is taken away for a while. */
export class RetryingSubscription<T> {
  private subscription: Subscription | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  private failures = 0;
  private opened = false;

  constructor(private readonly options: RetryingSubscriptionOptions<T>) {}

  /** Resolves once the servers have confirmed it. @throws what it fails with the first time; it is not made anew then */
  async open(): Promise<void> {
    this.subscribe();
    await this.options.confirmed();
    this.opened = true;
  }

  close(): void {
    clearTimeout(this.timer);
    this.subscription?.unsubscribe();
  }

  private subscribe(): void {
    const { source, next, onFailed, onClosed } = this.options;
    this.subscription = source.subscribe({
      next,
      error: (error: Error) => {
        if (!this.opened) return;
        onFailed(error);
        const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.failures++, LONGEST_BACKOFF_MS);
        this.timer = setTimeout(() => this.resubscribe(), backoffMs);
      },
      complete: onClosed,
    });
  }

  private resubscribe(): void {
    this.subscribe();
    this.options.confirmed().then(
      () => {
        this.failures = 0;
        this.options.onRestored();
      },
      // the subscription has failed with it as well
      () => {},
    );
  }
}
