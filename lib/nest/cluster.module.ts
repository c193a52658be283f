import { Module, type DynamicModule } from '@nestjs/common';
import type { EntityClass } from '../entity/decorators/shape.js';
import { ClusterApplicationModule } from './cluster-application.module.js';
import { ClusterCoreModule } from './cluster-core.module.js';
import { ClusterEntityModule } from './cluster-entity.module.js';
import type {
  ClusterModuleAsyncOptions,
  ClusterModuleOptions,
} from './common/cluster-module-options.interface.js';
import { createAsyncOptionsProviders, createOptionsProvider } from './client/cluster-options.providers.js';
import { createRepositoryProviders } from './cluster-repository.providers.js';
import { DEFAULT_CLUSTER } from './common/cluster.tokens.js';
import { checkClusterName, checkRootOptions } from './common/module-checks.js';

/**
 * Keyslot in a Nest application: `forRoot` or `forRootAsync` once a cluster, in the root module; `forFeature` wherever
 * entities are used.
 *
 * No call of these connects, and neither does compiling the module: that is done when the application is initialized,
 * before the first `onModuleInit` of a module that is not global. A provider factory may use the client all the same;
 * its first command connects.
 */
@Module({})
export class ClusterModule {
  /**
   * A client with the given options; without any, of the cluster at `REDIS_CLUSTER_NODES` or 127.0.0.1:7000.
   * @throws InvalidArgumentError for what is no object of options, a name that is not text, an isGlobal that is no boolean
   */
  static forRoot(given: ClusterModuleOptions = {}): DynamicModule {
    checkRootOptions(given);
    const { name, isGlobal, ...options } = given;
    return clusterModule(
      { module: ClusterCoreModule, providers: [createOptionsProvider(options)] },
      name,
      isGlobal,
    );
  }

  /**
   * A client whose options come from other providers.
   * @throws InvalidArgumentError unless exactly one of `useFactory`, `useClass` and `useExisting` is given, and for an
   *   option that it does not have or that cannot be
   */
  static forRootAsync(options: ClusterModuleAsyncOptions): DynamicModule {
    const optionsProviders = createAsyncOptionsProviders(options);
    const { name, isGlobal, imports, extraProviders = [] } = options;
    const providers = [...optionsProviders, ...extraProviders];
    return clusterModule({ module: ClusterCoreModule, imports, providers }, name, isGlobal);
  }

  /**
   * The repositories of these entities, for `@InjectClusterRepository(Entity, name?)`.
   * @throws CircularImportError where one of them is undefined, InvalidArgumentError where one is no class
   */
  static forFeature(entities: readonly EntityClass[], name: string = DEFAULT_CLUSTER): DynamicModule {
    checkClusterName(name);
    const providers = createRepositoryProviders(entities, name);
    return { module: ClusterModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}

function clusterModule(options: DynamicModule, name?: string, isGlobal = true): DynamicModule {
  const core = ClusterCoreModule.register(options, name, isGlobal);
  return {
    module: ClusterModule,
    imports: [ClusterApplicationModule, core, ClusterEntityModule.register(core, name)],
    exports: [core],
  };
}
