import { Module, type DynamicModule } from '@nestjs/common';
import type { ClusterClient } from '../client/cluster-client.js';
import { EntityRegistry } from '../entity/entity-registry.js';
import { DEFAULT_CLUSTER, getClusterToken, getEntityRegistryToken } from './cluster.tokens.js';

/** Gives the registry of a cluster's entities, the same one on every call. */
export type EntityRegistrySource = () => EntityRegistry;

/**
 * Knows the entities of one client. Always global, so that `forFeature` finds it from any module, also where the client
 * itself is not to be injected everywhere.
 */
@Module({})
export class ClusterEntityModule {
  static register(core: DynamicModule, name: string = DEFAULT_CLUSTER): DynamicModule {
    const registry = {
      provide: getEntityRegistryToken(name),
      // made when it is first asked for: a test that puts something in the place of the client may have no entities
      useFactory: (client: ClusterClient): EntityRegistrySource => {
        let made: EntityRegistry | undefined;
        return () => (made ??= new EntityRegistry(client));
      },
      inject: [getClusterToken(name)],
    };
    return {
      module: ClusterEntityModule,
      global: true,
      imports: [core],
      providers: [registry],
      exports: [registry.provide],
    };
  }
}
