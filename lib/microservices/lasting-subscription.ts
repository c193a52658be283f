import type { Observable, Subscription } from 'rxjs';

/** The pauses before a failed subscription is made anew, in ms: the first, and the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** What is subscribed to, and who learns of it. */
export interface Subscribed<T> {
  /** Made for each attempt. */
  readonly source: Observable<T>;
  /** Resolves once the servers have confirmed it. */
  confirmed(): Promise<void>;
  next(item: T): void;
  /** It failed, and is made anew after a pause. */
  onFailed(error: Error): void;
  /** It is confirmed after it had failed. */
  onRestored(): void;
  /** Pub/sub was closed. */
  onClosed(): void;
}

/** A subscription that is made anew whenever it fails, such as by a right that is taken away for a while. */
export class LastingSubscription<T> {
  private subscription: Subscription | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  private failures = 0;
  private opened = false;

  constructor(private readonly subscribed: Subscribed<T>) {}

  /** Resolves once the servers have confirmed it. @throws what it fails with the first time; it is not made anew then */
  async open(): Promise<void> {
    this.subscribe();
    await this.subscribed.confirmed();
    this.opened = true;
  }

  end(): void {
    clearTimeout(this.timer);
    this.subscription?.unsubscribe();
  }

  private subscribe(): void {
    const { source, next, onFailed, onClosed } = this.subscribed;
    this.subscription = source.subscribe({
      next,
      error: (error: Error) => {
        if (!this.opened) return;
        onFailed(error);
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.failures++, LONGEST_PAUSE_MS);
        this.timer = setTimeout(() => this.restore(), pause);
      },
      complete: onClosed,
    });
  }

  private restore(): void {
    this.subscribe();
    this.subscribed.confirmed().then(
      () => {
        this.failures = 0;
        this.subscribed.onRestored();
      },
      // the subscription has failed with it as well
      () => {},
    );
  }
}
