import { Logger } from '@nestjs/common';
import type { Observable, Subscription } from 'rxjs';
import type { ClusterMessage } from '../../pubsub/subscriptions/cluster-message.js';
import type { HandlerCall } from './handler.invoker.js';
import { HandlerQueue } from './handler-queue.js';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';

/** What a handler has done so far. */
export interface HandlerStatistics {
  /** `OrderEvents.onPlaced`. */
  readonly handler: string;
  /** What it is subscribed to. */
  readonly names: readonly string[];
  /** Messages it has finished with, those it failed on among them. */
  readonly handled: number;
  /** Messages it failed on. */
  readonly failed: number;
  /** Messages it has missed because too many waited. */
  readonly dropped: number;
  /** Messages that wait for it now. */
  readonly waiting: number;
}

/** Messages that wait for a handler, unless it says otherwise. */
const DEFAULT_BUFFER = { size: 10_000, whenFull: 'dropNewest' } as const;

/** One decorator of a method at work: a subscription, and a queue between it and the method. */
export class RunningHandler {
  private readonly queue: HandlerQueue<ClusterMessage>;
  private readonly subscription: Subscription;
  private handled = 0;
  private failed = 0;

  /** @param name `OrderEvents.onPlaced` */
  constructor(
    private readonly name: string,
    private readonly call: HandlerCall,
    private readonly options: HandlerSubscription,
    messages: Observable<ClusterMessage>,
    private readonly logger: Logger,
  ) {
    const { concurrency = 1, order = 'none', buffer } = options;
    this.queue = new HandlerQueue((message) => this.handle(message), {
      concurrency,
      order,
      ...DEFAULT_BUFFER,
      ...buffer,
    });
    this.subscription = messages.subscribe({
      next: (message) => this.accept(message),
      error: ({ message, stack }: Error) => logger.error(`${name} is not subscribed: ${message}`, stack),
    });
  }

  get statistics(): HandlerStatistics {
    const { name: handler, handled, failed, queue } = this;
    const { dropped, waiting } = queue;
    return { handler, names: this.options.names, handled, failed, dropped, waiting };
  }

  /** Takes nothing more; resolves when what was taken is done with. */
  async drain(): Promise<void> {
    this.subscription.unsubscribe();
    await this.queue.drain();
  }

  /** Takes nothing more, and gives up what waits; says so where something is lost. */
  abandon(): void {
    const { name, queue, logger } = this;
    const { pending, dropped } = queue;
    this.subscription.unsubscribe();
    queue.abandon();
    if (pending > 0) logger.warn(`${name} was left with ${pending} messages unfinished`);
    if (dropped > 0) logger.warn(`${name} has had ${dropped} messages dropped`);
  }

  private accept(message: ClusterMessage): void {
    const { name, queue, logger } = this;
    const before = queue.dropped;
    queue.push(message);
    if (before === 0 && queue.dropped > 0) {
      logger.warn(`${name} is too slow: too many messages wait for it, and some are dropped`);
    }
  }

  private async handle(message: ClusterMessage): Promise<void> {
    try {
      await this.call(message);
    } catch (error) {
      this.failed++;
      this.logFailure(message, error);
    } finally {
      this.handled++;
    }
  }

  /** Never the payload in the log: it may be anything. */
  private logFailure({ channel }: ClusterMessage, error: unknown): void {
    const failure = `${this.name} failed on a message of ${channel}`;
    try {
      const [text, stack] =
        error instanceof Error
          ? [error.message, error.stack]
          : [`it threw what is not an Error, but ${typeof error}`];
      this.logger.error(`${failure}: ${text}`, stack);
    } catch {
      // an error that cannot be read, or a logger that fails, must not end the process
      process.emitWarning(`${failure}, and the error could not be logged`, 'ClusterModule');
    }
  }
}
