import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import type { ClusterClient } from '../client/cluster-client.js';
import { EntityRegistry } from '../entity/repository/entity-registry.js';
import { DEFAULT_CLUSTER, getClusterToken, getEntityRegistryToken } from './common/cluster.tokens.js';

/** Gives the registry of a cluster's entities, the same one on every call. */
export interface EntityRegistrySource {
  (): EntityRegistry;
  /** The registry, once it was asked for. */
  registry?: EntityRegistry;
}

/** Holds the entity classes of an application against what is stored, once all of them are known. */
class EntitySchemaCheck implements OnApplicationBootstrap {
  constructor(private readonly registryOf: EntityRegistrySource) {}

  /** @throws SchemaRecordError */
  async onApplicationBootstrap(): Promise<void> {
    await this.registryOf.registry?.checkSchemas();
  }
}

/**
 * Knows the entities of one client. Always global, so that `forFeature` finds it from any module, also where the client
 * itself is not to be injected everywhere.
 */
@Module({})
export class ClusterEntityModule {
  static register(core: DynamicModule, name: string = DEFAULT_CLUSTER): DynamicModule {
    const registry = {
      provide: getEntityRegistryToken(name),
      // created when it is first asked for: a test that puts something in the place of the client may have no entities
      useFactory: (client: ClusterClient): EntityRegistrySource => {
        const source: EntityRegistrySource = () => (source.registry ??= new EntityRegistry(client));
        return source;
      },
      inject: [getClusterToken(name)],
    };
    const check = {
      provide: EntitySchemaCheck,
      useFactory: (source: EntityRegistrySource) => new EntitySchemaCheck(source),
      inject: [registry.provide],
    };
    return {
      module: ClusterEntityModule,
      global: true,
      imports: [core],
      providers: [registry, check],
      exports: [registry.provide],
    };
  }
}
