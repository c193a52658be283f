import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

// `npm ci` rejects a lock file that lacks a package of the platform it runs on. npm writes such a file if it updates one
// while node_modules has the packages of a single platform.

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
type Packages = Readonly<Record<string, LockedPackage>>;

const packagesOf = (file: string): Packages =>
  (JSON.parse(readFileSync(join(root, file), 'utf8')) as { packages: Packages }).packages;

/** Where Node.js finds a package from a folder: in its own node_modules, or in those of the folders above it. */
function pathOf(packages: Packages, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === '') return undefined;
  }
}

/** The dependencies without an entry, as `who -> what`. */
const missing = (packages: Packages, kind: 'dependencies' | 'optionalDependencies'): string[] =>
  Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry[kind] ?? {})
      .filter((name) => pathOf(packages, path, name) === undefined)
      .map((name) => `${path} -> ${name}`),
  );

const SYSTEMS = ['linux', 'darwin', 'win32'];

describe.each(['package-lock.json', 'bench/package-lock.json', 'scripts/site/package-lock.json'])(
  '%s',
  (file) => {
    const packages = packagesOf(file);

    it('has an entry for every dependency, also for those of other platforms', () => {
      expect(missing(packages, 'dependencies')).toEqual([]);
      expect(missing(packages, 'optionalDependencies')).toEqual([]);
    });

    it('would be found incomplete without a package of another platform', () => {
      const gone = Object.keys(packages).find((path) => packages[path].os?.includes('darwin'))!;
      const without = Object.fromEntries(Object.entries(packages).filter(([path]) => path !== gone));
      expect(missing(without, 'optionalDependencies')).toContainEqual(
        expect.stringMatching(new RegExp(`${gone.replace(/^.*node_modules\//, '')}$`)),
      );
    });

    it('marks what runs on one platform only as optional', () => {
      const bound = Object.entries(packages).filter(
        ([, { os, cpu }]) => os !== undefined || cpu !== undefined,
      );
      expect(bound.length).toBeGreaterThan(2);
      expect(bound.filter(([, { optional }]) => optional !== true)).toEqual([]);
    });

    it('has checksums and names no registry', () => {
      const installed = Object.entries(packages).filter(([path]) => path !== '');
      expect(installed.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
      expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    });
  },
);

it('package-lock.json has the compiled packages of all systems', () => {
  const packages = packagesOf('package-lock.json');
  for (const name of ['@swc/core', 'oxlint', 'rolldown', 'msgpackr-extract']) {
    const optional = Object.keys(packages[`node_modules/${name}`].optionalDependencies ?? {});
    const systems = optional.flatMap((part) => packages[pathOf(packages, `node_modules/${name}`, part)!].os);
    expect(SYSTEMS.filter((system) => !systems.includes(system))).toEqual([]);
  }
});
