import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { kindOf, whatCame } from '../../cluster/common/describe-value.js';
import type { ClusterModuleAsyncOptions } from './cluster-module-options.interface.js';

/** Where the options of a client come from in `forRootAsync`; exactly one of them is given. */
export const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

/** What each property of `forRootAsync` must be; there are no others. */
const ASYNC_OPTIONS: Readonly<
  Record<keyof ClusterModuleAsyncOptions, readonly [fits: (value: unknown) => boolean, expected: string]>
> = {
  name: [(value) => typeof value === 'string' && value !== '', 'text, and not empty'],
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

/**
 * Refuses a name of a cluster that is none.
 * @throws InvalidArgumentError
 */
export function checkClusterName(name: unknown): void {
  checkOption('name', name, 'The name of a cluster');
}

/** Refuses what `forRoot` cannot take; options of the client are checked where it is made. @throws InvalidArgumentError */
export function checkRootOptions(options: unknown): void {
  const { name, isGlobal } = objectOf(options, 'forRoot', 'the options of a client');
  if (name !== undefined) checkClusterName(name);
  if (isGlobal !== undefined) checkOption('isGlobal', isGlobal);
}

/** Refuses what `forRootAsync` cannot take. @throws InvalidArgumentError */
export function checkAsyncOptions(options: unknown): void {
  const given = Object.entries(
    objectOf(options, 'forRootAsync', `an object with one of ${SOURCES.join(', ')}`),
  );
  for (const [option, value] of given) {
    if (!isAsyncOption(option)) {
      throw new InvalidArgumentError(
        option,
        `ClusterModule.forRootAsync() has no option ${option}; it has ${Object.keys(ASYNC_OPTIONS).join(', ')}, and ` +
          'options of the client are what the factory gives',
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
      `ClusterModule.forRootAsync() takes exactly one of ${SOURCES.join(', ')}; it was given ` +
        `${sources.join(' and ') || 'none of them'}`,
    );
  }
}

/**
 * Refuses what a factory gives that is no options: nothing at all would be those of the default nodes.
 * @throws InvalidArgumentError
 */
export function checkFactoryResult(source: string, result: unknown): void {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw new InvalidArgumentError(
      source,
      `${source} of ClusterModule.forRootAsync() must give an object, the options of a client; ${kindOf(result)} came`,
    );
  }
  const misplaced = ['name', 'isGlobal'].find((option) => Object.hasOwn(result, option));
  if (misplaced === undefined) return;
  throw new InvalidArgumentError(
    misplaced,
    `Option ${misplaced} stands beside ${source} in ClusterModule.forRootAsync(), not in what it gives: ` +
      'it is needed before that is known',
  );
}

function objectOf(options: unknown, method: string, expected: string): Record<string, unknown> {
  if (typeof options === 'object' && options !== null && !Array.isArray(options))
    return options as Record<string, unknown>;
  throw new InvalidArgumentError(
    'options',
    `ClusterModule.${method}() takes ${expected}; ${kindOf(options)} came`,
  );
}

function checkOption(
  option: keyof ClusterModuleAsyncOptions,
  value: unknown,
  subject = `Option ${option}`,
): void {
  const [fits, expected] = ASYNC_OPTIONS[option];
  if (!fits(value))
    throw new InvalidArgumentError(option, `${subject} must be ${expected}; ${whatCame(value)} came`);
}

function isAsyncOption(option: string): option is keyof ClusterModuleAsyncOptions {
  return Object.hasOwn(ASYNC_OPTIONS, option);
}
