import type { FactoryProvider, ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { ClusterClientOptions } from '../../client/client-options.js';

/** What a module needs to know beside the options of its client. */
export interface ClusterModuleExtras {
  /** By which the cluster is injected where an application has several. Default `'default'`. */
  name?: string | undefined;
  /** Whether every module can inject the client, or only those that import this one. Default true. */
  isGlobal?: boolean | undefined;
}

/**
 * What `ClusterModule.forRoot` takes: the options of a client, and the module's own.
 *
 * An application starts when its cluster is there: it is waited for as long as `startupTimeoutMs` says, with a word in
 * the log every two seconds. With `lazyConnect` it starts at once, cluster or not.
 */
export interface ClusterModuleOptions extends ClusterClientOptions, ClusterModuleExtras {}

/** A class that makes the options of a client; for `useClass` and `useExisting`. */
export interface ClusterOptionsFactory {
  /** The options, or a promise of them. */
  createClusterOptions(): ClusterClientOptions | Promise<ClusterClientOptions>;
}

/** What `ClusterModule.forRootAsync` takes: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface ClusterModuleAsyncOptions extends ClusterModuleExtras {
  /** Modules that provide what `inject` and `useExisting` name. */
  imports?: ModuleMetadata['imports'] | undefined;
  /** Makes the options from what `inject` names. */
  useFactory?: FactoryProvider<ClusterClientOptions>['useFactory'] | undefined;
  /** A class to be instantiated here, whose `createClusterOptions()` is asked. */
  useClass?: Type<ClusterOptionsFactory> | undefined;
  /** The same, of an instance that `imports` provides. */
  useExisting?: FactoryProvider['provide'] | undefined;
  /** Tokens of what `useFactory` is given. */
  inject?: FactoryProvider['inject'] | undefined;
  /** More providers for the module, such as those `inject` names. */
  extraProviders?: Provider[] | undefined;
}
