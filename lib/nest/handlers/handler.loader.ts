import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { retry, throwError, timer, type Observable } from 'rxjs';
import { ClusterError, DeadlineExceededError } from '../../cluster/common/errors.js';
import type { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';
import { KINDS } from '../../pubsub/subscriptions/subscription-kind.js';
import { ClusterRegistry } from '../client/cluster-registry.js';
import { DEFAULT_CLUSTER, getPubSubToken } from '../common/cluster.tokens.js';
import type { ChangeFollower } from '../../entity/followers/change-follower.js';
import { startFollowers } from './changes/start-followers.js';
import { HandlerExplorer } from './handler.explorer.js';
import { type Handler } from './handler.js';
import { HandlerInvoker, type HandlerCall } from './handler.invoker.js';
import { HANDLER_KINDS } from './handler-kinds.js';
import type { HandlerSubscription } from './decorators/subscription-metadata.js';
import { UnknownClusterError } from '../common/module-errors.js';
import { nameList } from '../common/name-list.js';
import { SubscriberLoader } from '../subscribers/subscriber.loader.js';
import { RunningHandler, type HandlerStatistics } from './running-handler.js';
import { within } from '../../cluster/common/within.js';

/** How long the server may take to confirm a subscription, in ms. */
const CONFIRM_MS = 10_000;

/** The delay between attempts to subscribe while a cluster cannot be reached, in ms. */
const RETRY_MS = 1_000;

/** How long handlers may take to finish when the application shuts down, in ms. */
const DRAIN_MS = 5_000;

/** Subscribes the handlers of an application when it has started, and lets them finish before it ends. */
@Injectable()
export class HandlerLoader implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('ClusterModule');
  private running: RunningHandler[] = [];
  /** The followers of changes. */
  readonly followers: ChangeFollower[] = [];
  /** Instances whose handlers are subscribed. */
  private readonly subscribedInstances = new Set<unknown>();
  private loading = Promise.resolve();
  private shuttingDown = false;

  constructor(
    private readonly explorer: HandlerExplorer,
    private readonly invoker: HandlerInvoker,
    private readonly registry: ClusterRegistry,
    private readonly subscribers: SubscriberLoader,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** The statistics of each handler. */
  get statistics(): HandlerStatistics[] {
    return this.running.map(({ statistics }) => statistics);
  }

  /**
   * Calls `load`. Some kinds of applications call this hook twice.
   * @throws like `load`; all clients are closed then
   */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      await this.registry.close();
      throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    this.shuttingDown = true;
    const drained = Promise.all(this.running.map((handler) => handler.drain()));
    await Promise.all([
      within<unknown>(DRAIN_MS, drained, () => undefined),
      ...this.followers.map((follower) => follower.close({ timeoutMs: DRAIN_MS })),
    ]);
    for (const handler of this.running) handler.abandon();
  }

  /**
   * Subscribes the handlers, and the subscribers of entities, that are not subscribed yet. Resolves once the servers
   * have confirmed every subscription, except those of clusters that connect lazily.
   * @throws UnknownClusterError, DeadlineExceededError, KeyspaceEventsOffError, the ReplyError of a subscription or
   *   a group of followers that a server rejects, and any error of a function that returns names; none of the new
   *   handlers is subscribed then
   */
  load(): Promise<void> {
    const loaded = this.loading.then(() => this.loadNew());
    this.loading = loaded.catch(() => {});
    return loaded;
  }

  private async loadNew(): Promise<void> {
    this.subscribers.load();
    const handlers = await this.explorer.explore(this.subscribedInstances);
    if (this.shuttingDown) return;
    const before = this.running.length;
    const followersBefore = this.followers.length;
    try {
      await Promise.all(handlers.flatMap((handler) => this.subscribeAll(handler)));
    } catch (error) {
      for (const handler of this.running.splice(before)) handler.abandon();
      const begun = this.followers.splice(followersBefore);
      await Promise.all(begun.map((follower) => follower.close({ timeoutMs: 0 }))); // a later call follows again
      throw error;
    }
    for (const { host } of handlers) this.subscribedInstances.add(host.instance);
  }

  private subscribeAll(handler: Handler): Promise<void>[] {
    const call = this.invoker.createCall(handler);
    const { moduleRef, logger, followers } = this;
    return [
      ...handler.subscriptions.map((subscription) => this.subscribe(handler, call, subscription)),
      startFollowers(handler, call, moduleRef, logger, (follower) => followers.push(follower)),
    ];
  }

  private async subscribe({ name }: Handler, call: HandlerCall, options: HandlerSubscription): Promise<void> {
    const { kind, names, cluster = DEFAULT_CLUSTER } = options;
    const { decorator, noun, messages: messagesOf } = HANDLER_KINDS[kind];
    const pubsub = this.pubsubOf(cluster, `${decorator} on ${name}`);
    if (pubsub === undefined) {
      // a test has overridden the client with something that has no pub/sub
      return this.logger.warn(`${name} is not subscribed: the client of cluster '${cluster}' has no pub/sub`);
    }
    const isLazy = this.registry.isLazy(cluster);
    const messages = messagesOf(pubsub, options);
    const source = isLazy ? this.retryWhileUnreachable(name, messages) : messages;
    this.running.push(new RunningHandler(name, call, options, source, this.logger));
    if (!isLazy) {
      await within(CONFIRM_MS, pubsub.ready(names), () => {
        const command = KINDS[kind].subscribe.toUpperCase();
        throw new DeadlineExceededError(`${command} to ${nameList(names)}`, CONFIRM_MS);
      });
    }
    this.logger.log(`Mapped ${noun} {${nameList(names)}} to ${name}`);
  }

  /**
   * Retries the subscription while the cluster cannot be reached; each attempt may take as long as
   * connecting.
   */
  private retryWhileUnreachable<T>(name: string, messages: Observable<T>): Observable<T> {
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
}
