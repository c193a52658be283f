import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import type { ClusterClient } from '../client/cluster-client.js';
import { EntityRegistry } from '../entity/repository/entity-registry.js';
import { DEFAULT_CLUSTER, getClusterToken, getEntityRegistryToken } from './common/cluster.tokens.js';
import type { EntityRegistrySource } from './common/entity-registry-source.js';

/** Checks the entity classes of an application against their stored schemas, once all classes are known. */
class EntitySchemaCheck implements OnApplicationBootstrap {
  constructor(private readonly registryOf: EntityRegistrySource) {}

  /** @throws SchemaRecordError */
  async onApplicationBootstrap(): Promise<void> {
    await this.registryOf.registry?.checkSchemas();
  }
}

/**
 * Owns the entity registry of one client. It is always global, so `forFeature` finds it from any module, even
 * if the client itself is not global.
 */
@Module({})
export class ClusterEntityModule {
  static register(core: DynamicModule, name: string = DEFAULT_CLUSTER): DynamicModule {
    const registry = {
      provide: getEntityRegistryToken(name),
      // created on first use: a test that overrides the client may have no entities
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
