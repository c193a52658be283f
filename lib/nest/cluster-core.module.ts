import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { ClusterClient } from '../client/cluster-client.js';
import type { ClusterClientOptions } from '../client/client-options.js';
import { CLUSTER_OPTIONS } from './client/cluster-options.providers.js';
import { ClusterRegistry } from './client/cluster-registry.js';
import { DEFAULT_CLUSTER, getClusterToken, getPubSubToken } from './common/cluster.tokens.js';

/** Owns one client. Each `forRoot` creates one such dynamic module. */
@Module({})
export class ClusterCoreModule {
  /** @param providers the provider of the client's options, and its dependencies */
  static register(
    { imports, providers = [] }: Pick<DynamicModule, 'imports' | 'providers'>,
    name: string = DEFAULT_CLUSTER,
    isGlobal: boolean = true,
  ): DynamicModule {
    const provided: Provider[] = [
      {
        provide: getClusterToken(name),
        useFactory: (registry: ClusterRegistry, options: ClusterClientOptions) =>
          registry.create(name, options),
        inject: [ClusterRegistry, CLUSTER_OPTIONS],
      },
      {
        provide: getPubSubToken(name),
        useFactory: (client: ClusterClient) => client.pubsub,
        inject: [getClusterToken(name)],
      },
    ];
    return {
      module: ClusterCoreModule,
      global: isGlobal,
      imports,
      providers: [...providers, ...provided],
      exports: [getClusterToken(name), getPubSubToken(name)],
    };
  }
}
