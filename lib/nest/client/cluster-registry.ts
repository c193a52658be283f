import { clearInterval, monotonicMs, setInterval } from '../../cluster/common/timers.js';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ClusterClient } from '../../client/cluster-client.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { ClusterClientOptions } from '../../client/client-options.js';
import { logEvents } from './cluster-log.js';
import { withNestLogger } from './nest-logger.js';
import { CLUSTER_OPTIONS } from './cluster-options.providers.js';

/** The interval of log lines while the application waits for a cluster, in ms. */
const PROGRESS_MS = 2_000;

/**
 * Owns the clients of one application: creates them, connects them before other modules are initialized, and
 * closes them after all other modules have shut down.
 *
 * It does not connect them on creation, because a provider is not notified if the rest of its application
 * fails to compile: the connections would stay open forever.
 */
@Injectable()
export class ClusterRegistry implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('ClusterModule');
  private readonly clients = new Map<string, ClusterClient>();
  private readonly lazy = new Set<string>();

  constructor(private readonly discovery: DiscoveryService) {}

  /** Creates a client. @throws InvalidArgumentError for invalid options, and for a name that is taken */
  create(name: string, options: ClusterClientOptions): ClusterClient {
    if (this.clients.has(name)) {
      throw new InvalidArgumentError(
        'name',
        `Two ClusterModule.forRoot() calls define a cluster named '${name}'. Import only one of them, or give the other ` +
          'another name',
      );
    }
    const client = new ClusterClient(withNestLogger(options, name, this.logger));
    this.clients.set(name, client);
    if (options?.lazyConnect) this.lazy.add(name);
    logEvents(client, name, this.logger, options?.logging);
    return client;
  }

  /** Returns the clients by their names. */
  entries(): IterableIterator<[name: string, client: ClusterClient]> {
    return this.clients.entries();
  }

  /** Returns whether the application starts without waiting for this cluster. */
  isLazy(name: string): boolean {
    return this.lazy.has(name);
  }

  /**
   * Connects all clients that are not lazy.
   * @throws TopologyError, AuthenticationError; all clients are closed then
   * @throws InvalidArgumentError if the options depend on a request: every request would create another
   *   client
   */
  async onModuleInit(): Promise<void> {
    this.rejectRequestScope();
    const eager = [...this.clients].filter(([name]) => !this.isLazy(name));
    try {
      await Promise.all(eager.map(([name, client]) => this.connect(name, client)));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /** Closes every client. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.clients.values(), (client) => client.close()));
  }

  private rejectRequestScope(): void {
    const options = this.discovery.getProviders().filter(({ token }) => token === CLUSTER_OPTIONS);
    if (options.every((wrapper) => wrapper.isDependencyTreeStatic())) return;
    throw new InvalidArgumentError(
      'inject',
      'ClusterModule.forRootAsync() injects a request-scoped provider, or one that depends on one. A client lives as long ' +
        'as its application: inject singletons only',
    );
  }

  private async connect(name: string, client: ClusterClient): Promise<void> {
    const since = monotonicMs();
    const progress = setInterval(() => {
      const seconds = Math.round((monotonicMs() - since) / 1_000);
      this.logger.warn(`Still waiting for cluster '${name}' after ${seconds} s`);
    }, PROGRESS_MS);
    try {
      await client.connect();
    } finally {
      clearInterval(progress);
    }
  }
}
