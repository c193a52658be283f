import { Logger } from '@nestjs/common';
import type { Observable, Subscription } from 'rxjs';
import { countersBehind } from '../../pubsub/buffers/message-source.js';
import { traceMessage } from '../../pubsub/messages/trace-message.js';
import type { ClusterMessage } from '../../pubsub/subscriptions/cluster-message.js';
import type { HandlerCall } from './handler.invoker.js';
import { HandlerQueue } from './handler-queue.js';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';

/** The statistics of one handler. */
export interface HandlerStatistics {
  /** The class and method, such as `OrderEvents.onPlaced`. */
  readonly handler: string;
  /** The channels or patterns it is subscribed to. */
  readonly names: readonly string[];
  /** Messages it has handled, including those it failed on. */
  readonly handled: number;
  /** Messages it failed on. */
  readonly failed: number;
  /** Messages dropped because its buffer was full. */
  readonly dropped: number;
  /** Messages waiting in its buffer now. */
  readonly waiting: number;
}

/** The default buffer of a handler. */
const DEFAULT_BUFFER = { size: 10_000, whenFull: 'dropNewest' } as const;

/** One active decorator of a method: a subscription, and a queue between it and the method. */
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
    const queueOptions = { concurrency, order, ...DEFAULT_BUFFER, ...buffer };
    this.queue = new HandlerQueue((message) => this.handle(message), queueOptions, countersBehind(messages));
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

  /** Unsubscribes; resolves when all received messages are handled. */
  async drain(): Promise<void> {
    this.subscription.unsubscribe();
    await this.queue.drain();
  }

  /** Unsubscribes and drops the waiting messages; logs a warning if any message is lost. */
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
      const { name: handler, options } = this;
      await traceMessage({ handler, kind: options.kind, message }, () => this.call(message));
    } catch (error) {
      this.failed++;
      this.logFailure(message, error);
    } finally {
      this.handled++;
    }
  }

  /** Never logs the payload, which may contain secrets. */
  private logFailure({ channel }: ClusterMessage, error: unknown): void {
    const failure = `${this.name} failed on a message of ${channel}`;
    try {
      const [text, stack] =
        error instanceof Error
          ? [error.message, error.stack]
          : [`it threw a value that is not an Error, got ${typeof error}`];
      this.logger.error(`${failure}: ${text}`, stack);
    } catch {
      // an unreadable error or a failing logger must not end the process
      process.emitWarning(`${failure}, and the error could not be logged`, 'ClusterModule');
    }
  }
}
