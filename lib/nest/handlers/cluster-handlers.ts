import { Injectable } from '@nestjs/common';
import { HandlerLoader } from './handler.loader.js';
import type { HandlerStatistics } from './running-handler.js';

/** The handlers of an application, for whoever wants to watch them: to be injected. */
@Injectable()
export class ClusterHandlers {
  /** @internal */
  constructor(private readonly loader: HandlerLoader) {}

  /** How each handler does, a line for each decorator. */
  get statistics(): readonly HandlerStatistics[] {
    return this.loader.statistics;
  }

  /**
   * Subscribes the handlers of modules that were loaded lazily since the application started. Handlers that are
   * subscribed already are left alone. Call it after each `LazyModuleLoader.load()`, because Nest tells nobody about
   * the modules it loads.
   *
   * Resolves once the servers have confirmed the new subscriptions.
   * @throws UnknownClusterError where a handler names a cluster that the application does not have
   * @throws DeadlineExceededError where a server does not confirm a subscription within 10 s
   * @throws KeyspaceEventsOffError, and what the server answers to a subscription that it refuses. None of the new
   *   handlers is subscribed then, and a later call tries again.
   */
  load(): Promise<void> {
    return this.loader.load();
  }
}
