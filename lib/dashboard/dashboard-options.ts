import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeKind, describeValue } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';

/** A guard: a class, or an instance. */
export type DashboardGuard = CanActivate | Type<CanActivate>;

/** Options of `ClusterDashboardModule.forRoot`. Either `guards` or `unguarded: true` is required. */
export interface ClusterDashboardOptions {
  /** The path of the page, after the global prefix if there is one. Default `/cluster`. */
  readonly path?: string | undefined;
  /** The guards of the page and of all its requests, in the order in which they run. */
  readonly guards?: readonly DashboardGuard[] | undefined;
  /** Says that the page needs no guards of its own: a global guard or a private network protects it. Default false. */
  readonly unguarded?: boolean | undefined;
  /** Modules that export what the guards inject. */
  readonly imports?: ModuleMetadata['imports'] | undefined;
}

/** The options, checked. */
export interface ResolvedDashboardOptions {
  readonly path: string;
  readonly guards: readonly DashboardGuard[];
  readonly imports: NonNullable<ModuleMetadata['imports']>;
}

const OPTIONS = ['path', 'guards', 'unguarded', 'imports'];

/** @throws InvalidArgumentError for an unknown or invalid option, and for a page that nothing protects */
export function resolveDashboardOptions(given: ClusterDashboardOptions): ResolvedDashboardOptions {
  checkOptionNames('ClusterDashboardModule.forRoot()', given, OPTIONS);
  const { path = '/cluster', guards = [], unguarded = false, imports = [] } = given;
  if (typeof path !== 'string' || /[\s?#]/.test(path))
    throw wrong('path', 'must be a URL path without a query, such as "/cluster"', describeKind(path));
  if (!Array.isArray(guards)) throw wrong('guards', 'must be a list of guards', describeKind(guards));
  for (const [index, guard] of guards.entries()) checkGuard(guard, index);
  if (typeof unguarded !== 'boolean')
    throw wrong('unguarded', 'must be true or false', describeValue(unguarded));
  if (!Array.isArray(imports)) throw wrong('imports', 'must be a list of modules', describeKind(imports));
  checkProtection(guards.length, unguarded);
  return { path, guards, imports };
}

function checkProtection(guards: number, unguarded: boolean): void {
  if (guards > 0 && unguarded)
    throw wrong(
      'unguarded',
      'cannot be true together with guards. Leave one of them out',
      `${guards} guards`,
    );
  if (guards > 0 || unguarded) return;
  throw new InvalidArgumentError(
    'guards',
    'The dashboard shows how your cluster is built and used, so it needs a guard: pass guards: [YourGuard]. If a global ' +
      'guard or a private network protects it, pass unguarded: true',
  );
}

function checkGuard(guard: unknown, index: number): void {
  if (typeof guard === 'function') return;
  if (typeof (guard as Partial<CanActivate> | null | undefined)?.canActivate === 'function') return;
  const reason = guard === undefined ? '. Most likely, two files import each other' : '';
  throw wrong(`guards`, `must contain guards`, `${describeKind(guard)} at ${index}${reason}`);
}

const wrong = (option: string, rule: string, got: string): InvalidArgumentError =>
  new InvalidArgumentError(option, `"${option}" ${rule}, got ${got}`);
