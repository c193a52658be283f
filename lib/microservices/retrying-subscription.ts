import { clearTimeout, setTimeout } from '../cluster/common/timers.js';
import type { Observable, Subscription } from 'rxjs';

/** The backoff before a failed subscription is retried, in ms: the first, and the longest. */
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/** What to subscribe to, and the callbacks. */
export interface RetryingSubscriptionOptions<T> {
  /** Subscribed to on each attempt. */
  readonly source: Observable<T>;
  /** Resolves once the servers have confirmed it. */
  confirmed(): Promise<void>;
  next(item: T): void;
  /** It failed, and is retried after a backoff. */
  onFailed(error: Error): void;
  /** It is confirmed again after a failure. */
  onRestored(): void;
  /** Pub/sub was closed. */
  onClosed(): void;
}

/**
 * A subscription that is retried whenever it fails, for example because an ACL rule was revoked for a while.
 */
export class RetryingSubscription<T> {
  private subscription: Subscription | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  private failures = 0;
  private opened = false;

  constructor(private readonly options: RetryingSubscriptionOptions<T>) {}

  /**
   * Resolves once the servers have confirmed it.
   * @throws the error of the first attempt, which is not retried
   */
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
      // the subscription has failed too, and has reported the error
      () => {},
    );
  }
}
