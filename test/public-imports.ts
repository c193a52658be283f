import { dirname, posix } from 'node:path';
import type { Sources } from './import-rules.js';

/** What one import or re-export takes from a file: names, or all there is. */
interface Taken {
  readonly file: string;
  readonly names: readonly string[] | 'everything';
}

/**
 * Returns the imports that take a public name from a file of `lib/` instead of from its entry point, one line each.
 * Paths in `lib` and `sources` are relative to the repository.
 */
export function hiddenPublicImports(lib: Sources, sources: Sources): string[] {
  const entryPointOf = publicNames(lib);
  return [...sources].flatMap(([file, text]) =>
    takenBy(file, text).flatMap((taken) => {
      const names =
        taken.names === 'everything' ? [...(entryPointOf.get(taken.file)?.keys() ?? [])] : taken.names;
      return names.flatMap((name) => {
        const entryPoint = entryPointOf.get(taken.file)?.get(name);
        return entryPoint === undefined
          ? []
          : [`${file} takes ${name} from ${taken.file}, not from ${entryPoint}`];
      });
    }),
  );
}

/** The names that entry points publish, by the files they come from; an entry point publishes its own names, too. */
export function publicNames(lib: Sources): Map<string, Map<string, string>> {
  const published = new Map<string, Map<string, string>>();
  for (const [file, text] of lib) {
    if (!/^lib\/(?:[a-z-]+\/)?index\.ts$/.test(file)) continue;
    const entryPoint = posix.join('keyslot', dirname(file).slice('lib/'.length));
    for (const { file: source, names } of takenBy(file, text)) {
      if (names === 'everything') throw new Error(`${file} publishes everything in ${source}: name it`);
      for (const [place, name] of names.flatMap((each) => [
        [source, each],
        [file, each],
      ])) {
        published.set(place, (published.get(place) ?? new Map<string, string>()).set(name, entryPoint));
      }
    }
  }
  return published;
}

const BY_NAME = /\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s*['"](\.[^'"]+)['"]/g;
const WHOLE =
  /(?:\b(?:import|export)\s+(?:type\s+)?\*[^'"{};]*\bfrom\s*|\b(?:import|require)\s*\(\s*)['"](\.[^'"]+)['"]/g;

function takenBy(file: string, text: string): Taken[] {
  const fileAt = (path: string): string => posix.join(dirname(file), path).replace(/\.js$/, '.ts');
  return [
    ...[...text.matchAll(BY_NAME)].map(([, list, path]) => ({ file: fileAt(path), names: namesIn(list) })),
    ...[...text.matchAll(WHOLE)].map(([, path]) => ({ file: fileAt(path), names: 'everything' as const })),
  ];
}

/** `type A, b as c` are the names `A` and `b`. */
function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((part) => part.trim().replace(/^type\s+/, ''))
    .map((part) => part.split(/\s+as\s+/)[0])
    .filter((name) => name !== '');
}
