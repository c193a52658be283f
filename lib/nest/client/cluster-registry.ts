import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ClusterClient } from '../../client/cluster-client.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { ClusterClientOptions } from '../../client/client-options.js';
import { logEvents } from './cluster-log.js';
import { CLUSTER_OPTIONS } from './cluster-options.providers.js';

/** How often a start that takes long is spoken of, in ms. */
const PROGRESS_MS = 2_000;

/**
 * The clients of one application: makes them, connects them before other modules are initialized, and closes them when
 * all else has been shut down.
 *
 * They are not connected where they are made, because nothing tells a provider that the rest of its application could
 * not be put together: the connections would stay open for good.
 */
@Injectable()
export class ClusterRegistry implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('ClusterModule');
  private readonly clients = new Map<string, ClusterClient>();
  private readonly lazy = new Set<string>();

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws InvalidArgumentError for options that cannot be, and for a name that is taken */
  create(name: string, options: ClusterClientOptions): ClusterClient {
    if (this.clients.has(name)) {
      throw new InvalidArgumentError(
        'name',
        `Two ClusterModule.forRoot() make a cluster named '${name}': import one of them only, or give the other a name of its own`,
      );
    }
    const client = new ClusterClient(options);
    this.clients.set(name, client);
    if (options?.lazyConnect) this.lazy.add(name);
    logEvents(client, name, this.logger);
    return client;
  }

  /** Whether the application starts without waiting for this cluster. */
  isLazy(name: string): boolean {
    return this.lazy.has(name);
  }

  /**
   * @throws TopologyError, AuthenticationError; all clients are closed then
   * @throws InvalidArgumentError where options depend on a request: there would be no client before the first one, and
   *   another with each
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

  /** Closes every client that was made here. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.clients.values(), (client) => client.close()));
  }

  private rejectRequestScope(): void {
    const options = this.discovery.getProviders().filter(({ token }) => token === CLUSTER_OPTIONS);
    if (options.every((wrapper) => wrapper.isDependencyTreeStatic())) return;
    throw new InvalidArgumentError(
      'inject',
      'What ClusterModule.forRootAsync() injects is of request scope, or depends on what is; a client lives as long as ' +
        'its application',
    );
  }

  private async connect(name: string, client: ClusterClient): Promise<void> {
    const since = performance.now();
    const progress = setInterval(() => {
      const seconds = Math.round((performance.now() - since) / 1_000);
      this.logger.warn(`Still waiting for cluster '${name}' after ${seconds} s`);
    }, PROGRESS_MS);
    try {
      await client.connect();
    } finally {
      clearInterval(progress);
    }
  }
}
