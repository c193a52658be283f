import { Inject, Injectable, Optional, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityRegistry } from '../../entity/repository/entity-registry.js';
import { ClusterRegistry } from '../../nest/client/cluster-registry.js';
import { getEntityRegistryToken } from '../../nest/common/cluster.tokens.js';
import type { EntityRegistrySource } from '../../nest/common/entity-registry-source.js';
import { ClusterHandlers } from '../../nest/handlers/cluster-handlers.js';
import { EventLog } from '../collectors/event-log.js';
import { Viewers } from './viewers.js';

/** The most viewers of all clusters together. */
const MAX_VIEWERS = 100;

/** The clusters of an application, with those who watch them. */
@Injectable()
export class DashboardClusters implements OnModuleInit, OnModuleDestroy {
  private readonly byName = new Map<string, Viewers>();
  private closing = false;

  constructor(
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Optional() @Inject(ClusterRegistry) private readonly registry?: ClusterRegistry,
    @Optional() @Inject(ClusterHandlers) private readonly handlers?: ClusterHandlers,
  ) {}

  /** @throws InvalidArgumentError if the application does not import ClusterModule */
  onModuleInit(): void {
    if (this.registry === undefined) {
      throw new InvalidArgumentError(
        'imports',
        'ClusterDashboardModule shows the clusters of ClusterModule, which the application does not import. Import ' +
          'ClusterModule.forRoot() or forRootAsync() in the root module',
      );
    }
    const clusters = [...this.registry.entries()];
    const names = clusters.map(([name]) => name);
    for (const [name, client] of clusters) {
      const { handlers } = this;
      const registry = (): EntityRegistry | undefined => this.entitiesOf(name);
      this.byName.set(
        name,
        new Viewers({ name, names, client, log: new EventLog(client), handlers, registry }),
      );
    }
  }

  onModuleDestroy(): void {
    this.closing = true;
    for (const viewers of this.byName.values()) viewers.end();
  }

  /** Returns whether there is room for one more viewer. */
  get hasRoom(): boolean {
    const viewers = [...this.byName.values()].reduce((sum, { size }) => sum + size, 0);
    return !this.closing && viewers < MAX_VIEWERS;
  }

  /** Returns the viewers of a cluster, or of the first one. Undefined for an unknown name. */
  viewersOf(name: string | undefined): Viewers | undefined {
    return name === undefined ? this.byName.values().next().value : this.byName.get(name);
  }

  private entitiesOf(cluster: string): EntityRegistry | undefined {
    return this.moduleRef.get<EntityRegistrySource>(getEntityRegistryToken(cluster), { strict: false })
      .registry;
  }
}
