import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeKind, describeValue } from '../../cluster/common/describe-value.js';
import type { ClusterModuleAsyncOptions } from './cluster-module-options.interface.js';

/** The possible sources of a client's options in `forRootAsync`; exactly one must be given. */
export const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

/** What each option of `forRootAsync` must be. */
const ASYNC_OPTIONS: Readonly<
  Record<keyof ClusterModuleAsyncOptions, readonly [fits: (value: unknown) => boolean, expected: string]>
> = {
  name: [(value) => typeof value === 'string' && value !== '', 'a non-empty string'],
  isGlobal: [(value) => typeof value === 'boolean', 'true or false'],
  imports: [Array.isArray, 'a list of modules'],
  useFactory: [(value) => typeof value === 'function', 'a function'],
  useClass: [(value) => typeof value === 'function', 'a class'],
  useExisting: [
    (value) => ['function', 'string', 'symbol'].includes(typeof value),
    'the token of a provider',
  ],
  inject: [Array.isArray, 'a list of tokens'],
  extraProviders: [Array.isArray, 'a list of providers'],
};

/** Checks the name of a cluster. @throws InvalidArgumentError */
export function checkClusterName(name: unknown): void {
  checkOption('name', name, 'The name of a cluster');
}

/**
 * Checks the module's own options in `forRoot`; the client checks the others.
 * @throws InvalidArgumentError
 */
export function checkRootOptions(options: unknown): void {
  const { name, isGlobal } = objectOf(options, 'forRoot', 'the options of a client');
  if (name !== undefined) checkClusterName(name);
  if (isGlobal !== undefined) checkOption('isGlobal', isGlobal);
}

/** Checks the options of `forRootAsync`. @throws InvalidArgumentError */
export function checkAsyncOptions(options: unknown): void {
  const given = Object.entries(
    objectOf(options, 'forRootAsync', `an object with one of ${SOURCES.join(', ')}`),
  );
  for (const [option, value] of given) {
    if (!isAsyncOption(option)) {
      throw new InvalidArgumentError(
        option,
        `ClusterModule.forRootAsync() has no option ${option}. Its options are ${Object.keys(ASYNC_OPTIONS).join(', ')}; ` +
          'the factory returns the options of the client',
      );
    }
    if (value !== undefined)
      checkOption(option, value, option === 'name' ? 'The name of a cluster' : undefined);
  }
  const sources = SOURCES.filter((source) =>
    given.some(([name, value]) => name === source && value !== undefined),
  );
  if (sources.length !== 1) {
    throw new InvalidArgumentError(
      'forRootAsync',
      `ClusterModule.forRootAsync() needs exactly one of ${SOURCES.join(', ')}, got ` +
        `${sources.join(' and ') || 'none of them'}`,
    );
  }
}

/**
 * Checks what a factory returned. Undefined is rejected, as it would connect to the default nodes.
 * @throws InvalidArgumentError
 */
export function checkFactoryResult(source: string, result: unknown): void {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw new InvalidArgumentError(
      source,
      `${source} of ClusterModule.forRootAsync() must return an object, the options of a client, got ${describeKind(result)}`,
    );
  }
  const misplaced = ['name', 'isGlobal'].find((option) => Object.hasOwn(result, option));
  if (misplaced === undefined) return;
  throw new InvalidArgumentError(
    misplaced,
    `Pass "${misplaced}" to ClusterModule.forRootAsync() beside ${source}, not in the options that it returns: ` +
      'Nest needs it before it calls the factory',
  );
}

function objectOf(options: unknown, method: string, expected: string): Record<string, unknown> {
  if (typeof options === 'object' && options !== null && !Array.isArray(options))
    return options as Record<string, unknown>;
  throw new InvalidArgumentError(
    'options',
    `ClusterModule.${method}() needs ${expected}, got ${describeKind(options)}`,
  );
}

function checkOption(option: keyof ClusterModuleAsyncOptions, value: unknown, subject = `"${option}"`): void {
  const [fits, expected] = ASYNC_OPTIONS[option];
  if (!fits(value))
    throw new InvalidArgumentError(option, `${subject} must be ${expected}, got ${describeValue(value)}`);
}

function isAsyncOption(option: string): option is keyof ClusterModuleAsyncOptions {
  return Object.hasOwn(ASYNC_OPTIONS, option);
}
