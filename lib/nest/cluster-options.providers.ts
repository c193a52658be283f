import type { FactoryProvider, Provider } from '@nestjs/common';
import { InvalidArgumentError } from '../cluster/errors.js';
import type { ClusterClientOptions } from '../client/client-options.js';
import type { ClusterModuleAsyncOptions, ClusterOptionsFactory } from './cluster-module-options.interface.js';

/** The token of a client's options, inside the module that owns the client. */
export const CLUSTER_OPTIONS = Symbol('keyslot.ClusterClientOptions');

const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

/** Provides options that are known. */
export function createOptionsProvider(options: ClusterClientOptions): Provider {
  return { provide: CLUSTER_OPTIONS, useValue: options };
}

/**
 * Provides options that come from other providers.
 * @throws InvalidArgumentError unless exactly one source is given
 */
export function createAsyncOptionsProviders(options: ClusterModuleAsyncOptions): Provider[] {
  const given = SOURCES.filter((source) => options[source] !== undefined);
  if (given.length !== 1) {
    throw new InvalidArgumentError(
      'forRootAsync',
      `ClusterModule.forRootAsync() takes exactly one of ${SOURCES.join(', ')}; it was given ` +
        `${given.join(' and ') || 'none of them'}`,
    );
  }
  const { useFactory, inject = [], useClass, useExisting } = options;
  if (useFactory) return [{ provide: CLUSTER_OPTIONS, useFactory, inject }];
  if (useClass) return [{ provide: useClass, useClass }, optionsOf(useClass)];
  return [optionsOf(useExisting!)];
}

function optionsOf(factory: FactoryProvider['provide']): Provider {
  return {
    provide: CLUSTER_OPTIONS,
    useFactory: (options: ClusterOptionsFactory) => options.createClusterOptions(),
    inject: [factory],
  };
}
