import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { retry, throwError, timer, type Observable, type Subscription } from 'rxjs';
import { ClusterError, DeadlineExceededError } from '../cluster/errors.js';
import type { ClusterMessage } from '../pubsub/cluster-message.js';
import type { ClusterPubSub } from '../pubsub/cluster-pubsub.js';
import { KINDS } from '../pubsub/subscription-kind.js';
import { ClusterHandlers } from './cluster-handlers.js';
import { ClusterRegistry } from './cluster-registry.js';
import { DEFAULT_CLUSTER, getPubSubToken } from './cluster.tokens.js';
import { HandlerExplorer, type Handler } from './handler.explorer.js';
import { HandlerInvoker, type HandlerCall } from './handler.invoker.js';
import { HANDLER_KINDS } from './handler-kinds.js';
import { HandlerQueue } from './handler-queue.js';
import type { HandlerSubscription } from './handler-subscription.js';
import { UnknownClusterError } from './module-errors.js';
import { within } from './within.js';

/** How long the server may take to confirm a subscription, in ms. */
const CONFIRM_MS = 10_000;

/** Between attempts to subscribe at a cluster that cannot be found, in ms. */
const RETRY_MS = 1_000;

/** How long handlers may take to finish when the application shuts down, in ms. */
const DRAIN_MS = 5_000;

/** Messages that wait for a handler, unless it says otherwise. */
const DEFAULT_BUFFER = { size: 10_000, whenFull: 'dropNewest' } as const;

/** One decorator of a method at work. */
interface RunningHandler {
  readonly name: string;
  readonly subscription: Subscription;
  readonly queue: HandlerQueue<ClusterMessage>;
}

/** Subscribes the handlers of an application when it starts, and lets them finish before it ends. */
@Injectable()
export class HandlerLoader implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('ClusterModule');
  private readonly running: RunningHandler[] = [];

  constructor(
    private readonly explorer: HandlerExplorer,
    private readonly invoker: HandlerInvoker,
    private readonly registry: ClusterRegistry,
    private readonly handlers: ClusterHandlers,
    private readonly moduleRef: ModuleRef,
  ) {}

  /**
   * Resolves once the server has confirmed every subscription. Only a cluster that is connected lazily is not waited for.
   * @throws UnknownClusterError, DeadlineExceededError, KeyspaceEventsOffError, what the server answers to a subscription
   *   it refuses, what keeps the names of one from being told; all clients are closed then
   */
  async onApplicationBootstrap(): Promise<void> {
    try {
      const handlers = await this.explorer.explore();
      await Promise.all(handlers.flatMap((handler) => this.load(handler)));
    } catch (error) {
      await this.registry.close();
      throw error;
    }
  }

  /** The earliest hook there is: handlers may use what other modules tear down in later ones. */
  async onModuleDestroy(): Promise<void> {
    for (const { subscription } of this.running) subscription.unsubscribe();
    const drained = Promise.all(this.running.map(({ queue }) => queue.drain()));
    await within<unknown>(DRAIN_MS, drained, () => undefined);
    for (const { name, queue } of this.running) {
      if (queue.pending > 0) this.logger.warn(`${name} was left with ${queue.pending} messages unfinished`);
      if (queue.dropped > 0) this.logger.warn(`${name} has had ${queue.dropped} messages dropped`);
    }
  }

  private load(handler: Handler): Promise<void>[] {
    const call = this.invoker.callOf(handler);
    return handler.subscriptions.map((subscription) => this.subscribe(handler, call, subscription));
  }

  private async subscribe({ name }: Handler, call: HandlerCall, handled: HandlerSubscription): Promise<void> {
    const { kind, names, cluster = DEFAULT_CLUSTER, concurrency = 1, order = 'none', buffer } = handled;
    const { decorator, noun, messages: messagesOf } = HANDLER_KINDS[kind];
    const pubsub = this.pubsubOf(cluster, `${decorator} on ${name}`);
    if (pubsub === undefined) {
      // a test has put something without pub/sub in the place of the client
      return this.logger.warn(`${name} is not subscribed: the client of cluster '${cluster}' has no pub/sub`);
    }
    const isLazy = this.registry.isLazy(cluster);
    const messages = messagesOf(pubsub, handled);
    const count = { handled: 0, failed: 0 };
    const queue = new HandlerQueue<ClusterMessage>(
      async (message) => {
        if (!(await this.handle(name, call, message))) count.failed++;
        count.handled++;
      },
      { concurrency, order, ...DEFAULT_BUFFER, ...buffer },
    );
    this.handlers.add(() => ({
      handler: name,
      names,
      ...count,
      dropped: queue.dropped,
      waiting: queue.waiting,
    }));
    const subscription = (isLazy ? this.persistently(name, messages) : messages).subscribe({
      next: (message) => this.accept(name, queue, message),
      error: ({ message, stack }: Error) => this.logger.error(`${name} is not subscribed: ${message}`, stack),
    });
    this.running.push({ name, subscription, queue });
    if (!isLazy) {
      await within(CONFIRM_MS, pubsub.ready(names), () => {
        const command = KINDS[kind].subscribe.toUpperCase();
        throw new DeadlineExceededError(`${command} to ${names.join(', ')}`, CONFIRM_MS);
      });
    }
    this.logger.log(`Mapped ${noun} {${names.join(', ')}} to ${name}`);
  }

  /** Subscribes again and again while the cluster cannot be found; each attempt takes as long as connecting may. */
  private persistently<T>(name: string, messages: Observable<T>): Observable<T> {
    const delay = (error: Error): Observable<unknown> => {
      if (!(error instanceof ClusterError && error.retryable)) return throwError(() => error);
      this.logger.warn(`${name} waits for its cluster: ${error.message}`);
      return timer(RETRY_MS);
    };
    return messages.pipe(retry({ delay }));
  }

  private pubsubOf(cluster: string, wantedBy: string): ClusterPubSub | undefined {
    try {
      return this.moduleRef.get<ClusterPubSub>(getPubSubToken(cluster), { strict: false });
    } catch (cause) {
      throw new UnknownClusterError(cluster, wantedBy, { cause });
    }
  }

  private accept(name: string, queue: HandlerQueue<ClusterMessage>, message: ClusterMessage): void {
    const before = queue.dropped;
    queue.push(message);
    if (before === 0 && queue.dropped > 0) {
      this.logger.warn(`${name} is too slow: too many messages wait for it, and some are dropped`);
    }
  }

  /** False where the handler failed. Never the payload in the log: it may be anything. */
  private async handle(name: string, call: HandlerCall, message: ClusterMessage): Promise<boolean> {
    try {
      await call(message);
      return true;
    } catch (error) {
      const [text, stack] =
        error instanceof Error
          ? [error.message, error.stack]
          : [`it threw what is not an Error, but ${typeof error}`];
      this.logger.error(`${name} failed on a message of ${message.channel}: ${text}`, stack);
      return false;
    }
  }
}
