import type { FactoryProvider, ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { ClusterClientOptions } from '../../client/client-options.js';

/** The module's own options, beside those of its client. */
export interface ClusterModuleExtras {
  /** The name of the cluster, for applications with several. Default `'default'`. */
  name?: string | undefined;
  /**
   * Whether every module can inject the client, rather than only modules that import this one. Default true.
   */
  isGlobal?: boolean | undefined;
}

/**
 * The options of `ClusterModule.forRoot`: those of a client, and the module's own.
 *
 * The application starts once its cluster is reachable. It waits up to `startupTimeoutMs` and logs a line
 * every two seconds. With `lazyConnect` it starts immediately, whether or not the cluster is reachable.
 */
export interface ClusterModuleOptions extends ClusterClientOptions, ClusterModuleExtras {}

/** A class that creates the options of a client, for `useClass` and `useExisting`. */
export interface ClusterOptionsFactory {
  /** Returns the options, or a promise of them. */
  createClusterOptions(): ClusterClientOptions | Promise<ClusterClientOptions>;
}

/**
 * The options of `ClusterModule.forRootAsync`. Exactly one of `useFactory`, `useClass` and `useExisting` is
 * required.
 */
export interface ClusterModuleAsyncOptions extends ClusterModuleExtras {
  /** Modules that export the providers named by `inject` and `useExisting`. */
  imports?: ModuleMetadata['imports'] | undefined;
  /** Creates the options from the providers that `inject` names. */
  useFactory?: FactoryProvider<ClusterClientOptions>['useFactory'] | undefined;
  /** A class that is instantiated in this module, and whose `createClusterOptions()` creates the options. */
  useClass?: Type<ClusterOptionsFactory> | undefined;
  /** The token of an existing instance with `createClusterOptions()`. */
  useExisting?: FactoryProvider['provide'] | undefined;
  /** The tokens of the arguments of `useFactory`. */
  inject?: FactoryProvider['inject'] | undefined;
  /** More providers of the module, such as those that `inject` names. */
  extraProviders?: Provider[] | undefined;
}
