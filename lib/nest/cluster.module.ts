import { Inject, Module, Optional, type DynamicModule, type Provider } from '@nestjs/common';
import type { EntityClass } from '../entity/decorators/shape.js';
import { ClusterApplicationModule } from './cluster-application.module.js';
import { ClusterCoreModule } from './cluster-core.module.js';
import { ClusterEntityModule } from './cluster-entity.module.js';
import { CONFIGURED, configured, refuseBare } from './common/bare-module.js';
import type {
  ClusterModuleAsyncOptions,
  ClusterModuleOptions,
} from './common/cluster-module-options.interface.js';
import { createAsyncOptionsProviders, createOptionsProvider } from './client/cluster-options.providers.js';
import { createRepositoryProviders } from './cluster-repository.providers.js';
import { DEFAULT_CLUSTER } from './common/cluster.tokens.js';
import { checkClusterName, checkRootOptions } from './common/module-checks.js';

/**
 * The Nest module of Keyslot. Import `forRoot` or `forRootAsync` once per cluster, in the root module, and
 * `forFeature` in each module that uses entities.
 *
 * Clients connect when the application is initialized, before the first `onModuleInit` of a module that is
 * not global, and not when the module is compiled. A provider factory can still use the client: its first
 * command connects.
 */
@Module({})
export class ClusterModule {
  /** @internal */
  constructor(@Optional() @Inject(CONFIGURED) isConfigured?: boolean) {
    refuseBare(
      isConfigured,
      'ClusterModule',
      'import ClusterModule.forRoot() in the root module, and ClusterModule.forFeature([…]) in modules with entities. ' +
        'Other modules need no import, as the client is global; with isGlobal: false they import a module that exports it',
    );
  }

  /**
   * Provides a client with the given options. Without options, it connects to the cluster at
   * `REDIS_CLUSTER_NODES` or 127.0.0.1:7000.
   * @throws InvalidArgumentError if the options are not an object, or `name` or `isGlobal` has the wrong type
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
   * Provides a client whose options come from other providers.
   * @throws InvalidArgumentError unless exactly one of `useFactory`, `useClass` and `useExisting` is given,
   *   and for an unknown or invalid option
   */
  static forRootAsync(options: ClusterModuleAsyncOptions): DynamicModule {
    const optionsProviders = createAsyncOptionsProviders(options);
    const { name, isGlobal, imports, extraProviders = [] } = options;
    const providers = [...optionsProviders, ...extraProviders];
    return clusterModule({ module: ClusterCoreModule, imports, providers }, name, isGlobal);
  }

  /**
   * Provides the repositories of these entities, for `@InjectClusterRepository(Entity, name?)`. A repository class of
   * your own, decorated with `@ClusterRepositoryOf(Entity)`, is provided by its class too.
   * @param name the name of the cluster; default `'default'`
   * @throws CircularImportError if one of them is undefined, InvalidArgumentError if one is not a class, or
   *   two repository classes have the same entity
   */
  static forFeature(entities: readonly EntityClass[], name: string = DEFAULT_CLUSTER): DynamicModule {
    checkClusterName(name);
    const providers = createRepositoryProviders(entities, name);
    return {
      module: ClusterModule,
      providers: [configured, ...providers],
      exports: providers.map(tokenOf),
    };
  }
}

const tokenOf = (provider: Provider) => ('provide' in provider ? provider.provide : provider);

function clusterModule(options: DynamicModule, name?: string, isGlobal = true): DynamicModule {
  const core = ClusterCoreModule.register(options, name, isGlobal);
  return {
    module: ClusterModule,
    imports: [ClusterApplicationModule, core, ClusterEntityModule.register(core, name)],
    providers: [configured],
    exports: [core],
  };
}
