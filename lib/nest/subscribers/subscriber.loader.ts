import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityRegistry } from '../../entity/repository/entity-registry.js';
import { ClusterRegistry } from '../client/cluster-registry.js';
import { getEntityRegistryToken } from '../common/cluster.tokens.js';
import type { EntityRegistrySource } from '../common/entity-registry-source.js';
import { type Host, hostsIn } from '../common/hosts.js';
import { UnknownClusterError } from '../common/module-errors.js';
import { type EntitySubscription, entitySubscriptionsOf } from './subscriber.decorator.js';

/** Subscribes the providers with `@EntitySubscriber()`, before modules that are not global are initialized. */
@Injectable()
export class SubscriberLoader implements OnModuleInit {
  private readonly logger = new Logger('ClusterModule');
  private readonly subscribedInstances = new Set<unknown>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly clusters: ClusterRegistry,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Calls `load`. @throws like `load`; all clients are closed then */
  async onModuleInit(): Promise<void> {
    try {
      this.load();
    } catch (error) {
      await this.clusters.close();
      throw error;
    }
  }

  /**
   * Subscribes the subscribers that are not subscribed yet.
   * @throws UnknownClusterError; InvalidArgumentError if a subscriber is not a singleton, or its methods are invalid
   */
  load(): void {
    for (const host of hostsIn(this.discovery)) {
      if (this.subscribedInstances.has(host.instance)) continue;
      for (const subscription of entitySubscriptionsOf(host.instance)) this.subscribe(host, subscription);
      this.subscribedInstances.add(host.instance);
    }
  }

  private subscribe(host: Host, { entity, cluster }: EntitySubscription): void {
    const name = host.instance.constructor.name;
    const where = `@EntitySubscriber(${entity.name}) on ${name}`;
    if (host.isTransient || !host.isDependencyTreeStatic()) {
      throw new InvalidArgumentError(
        'scope',
        `${where}: ${name} is not a singleton, or it depends on a request-scoped provider. A subscriber serves all ` +
          'requests: remove its scope, and inject singletons only',
      );
    }
    const registry = this.registryOf(cluster, where);
    registry.subscribe(entity, host.instance);
    if (registry.covers(entity)) return;
    const list = cluster === 'default' ? `[${entity.name}]` : `[${entity.name}], '${cluster}'`;
    this.logger.warn(
      `${where} sees no entities: no module registers ${entity.name}, or a class that extends it, with the cluster ` +
        `'${cluster}'. Import ClusterModule.forFeature(${list})`,
    );
  }

  private registryOf(cluster: string, where: string): EntityRegistry {
    try {
      return this.moduleRef.get<EntityRegistrySource>(getEntityRegistryToken(cluster), { strict: false })();
    } catch (cause) {
      throw new UnknownClusterError(cluster, where, { cause });
    }
  }
}
