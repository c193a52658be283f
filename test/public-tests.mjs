import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** What a file imports while it runs; types are gone by then. */
const IMPORTS =
  /\b(?:import|export)\s+(?!type\b)(?:[^'";]*?\bfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*(['"]([^'"]+)['"])?/g;

/**
 * Returns the test files, relative to the root, that use the package by its public names alone, also in the files that
 * they share: these can run against the built package. A file that imports what it computes cannot.
 *
 * @param {string} root
 * @returns {string[]}
 */
export function publicTests(root) {
  const lib = join(root, 'lib') + sep;
  /** @type {Map<string, boolean>} */
  const known = new Map();
  const isPublic = (file) => {
    if (file.startsWith(lib)) return false;
    if (!file.endsWith('.ts') || !existsSync(file)) return true;
    const found = known.get(file);
    if (found !== undefined) return found;
    known.set(file, true); // files may import each other
    const result = importsOf(file).every((path) => path !== undefined && isPublic(path));
    known.set(file, result);
    return result;
  };
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => isPublic(join(root, 'test', file)))
    .map((file) => join('test', file));
}

/** The relative imports of a file, as paths; undefined for what is computed. */
function importsOf(file) {
  return [...readFileSync(file, 'utf8').matchAll(IMPORTS)]
    .map(([, path, dynamic, dynamicPath]) => path ?? (dynamic && dynamicPath))
    .filter((path) => path === undefined || path.startsWith('.'))
    .map((path) => path && join(dirname(file), path).replace(/\.js$/, '.ts'));
}
