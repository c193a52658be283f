import type { FactoryProvider, Provider } from '@nestjs/common';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { ClusterClientOptions } from '../../client/client-options.js';
import type {
  ClusterModuleAsyncOptions,
  ClusterOptionsFactory,
} from '../common/cluster-module-options.interface.js';
import { checkAsyncOptions, checkFactoryResult, type SOURCES } from '../common/module-checks.js';

/** The token of a client's options inside the module that owns the client. */
export const CLUSTER_OPTIONS = Symbol('keyslot.ClusterClientOptions');

/** Creates the provider of options that are given directly. */
export function createOptionsProvider(options: ClusterClientOptions): Provider {
  return { provide: CLUSTER_OPTIONS, useValue: options };
}

/**
 * Creates the providers of options that come from other providers.
 * @throws InvalidArgumentError unless exactly one source is given and all options are valid
 */
export function createAsyncOptionsProviders(options: ClusterModuleAsyncOptions): Provider[] {
  checkAsyncOptions(options);
  const { useFactory, inject = [], useClass, useExisting } = options;
  if (useFactory) return [asyncOptionsProvider('useFactory', useFactory, inject)];
  if (useClass)
    return [{ provide: useClass, useClass }, asyncOptionsProvider('useClass', createOptions, [useClass])];
  return [asyncOptionsProvider('useExisting', createOptions, [useExisting!])];
}

type OptionsSource = NonNullable<ClusterModuleAsyncOptions['useFactory']>;

function asyncOptionsProvider(
  source: (typeof SOURCES)[number],
  options: OptionsSource,
  inject: FactoryProvider['inject'],
): Provider {
  return {
    provide: CLUSTER_OPTIONS,
    useFactory: async (...injected: unknown[]) => {
      const result = await options(...injected);
      checkFactoryResult(source, result);
      return result;
    },
    inject,
  };
}

function createOptions(
  factory: Partial<ClusterOptionsFactory>,
): ReturnType<ClusterOptionsFactory['createClusterOptions']> {
  if (typeof factory?.createClusterOptions === 'function') return factory.createClusterOptions();
  throw new InvalidArgumentError(
    'createClusterOptions',
    `The class or provider that ClusterModule.forRootAsync() uses must have a method createClusterOptions(), got ${describeKind(factory)} without it`,
  );
}
