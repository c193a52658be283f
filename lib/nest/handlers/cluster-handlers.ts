import { Injectable } from '@nestjs/common';
import { HandlerLoader } from './handler.loader.js';
import type { ChangeFollower } from '../../entity/followers/change-follower.js';
import type { HandlerStatistics } from './running-handler.js';

/**
 * The handlers of an application. Inject it to read their statistics or to subscribe lazily loaded handlers.
 */
@Injectable()
export class ClusterHandlers {
  /** @internal */
  constructor(private readonly loader: HandlerLoader) {}

  /** The statistics of each handler, one entry per decorator. */
  get statistics(): readonly HandlerStatistics[] {
    return this.loader.statistics;
  }

  /** The followers of `@OnChange` in this process, with their statistics. */
  get followers(): readonly ChangeFollower[] {
    return this.loader.followers;
  }

  /**
   * Subscribes the handlers, and the subscribers of entities, of modules that were loaded lazily after the
   * application started. Those that are already subscribed are not affected. Call it after each
   * `LazyModuleLoader.load()`, because Nest has no event for it.
   *
   * Resolves once the servers have confirmed the new subscriptions.
   * @throws UnknownClusterError if a handler names a cluster that the application does not have
   * @throws DeadlineExceededError if a server does not confirm a subscription within 10 s
   * @throws KeyspaceEventsOffError, and the ReplyError of a subscription, or of a group of followers, that a server
   *   rejects. None of the new handlers is subscribed then, and a later call tries again.
   */
  load(): Promise<void> {
    return this.loader.load();
  }
}
