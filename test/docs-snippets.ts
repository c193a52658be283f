import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { libraryBuilt } from './built-library.js';

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A code block of a page. */
export interface Snippet {
  /** What stands behind its fence: `ts`, `sh`. */
  readonly language: string;
  readonly code: string;
  /** The file it is, where its first line says so: `// src/app.module.ts`. */
  readonly file?: string;
}

/** The code blocks of a page, in their order. */
export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => {
    const file = /^\/\/ (\S+\.\w+)\n/.exec(code)?.[1];
    return { language, code, file };
  });
}

/** Writes the snippets that are files into a folder. */
export function writeSnippets(snippets: readonly Snippet[], folder: string): void {
  for (const { file, code } of snippets) {
    if (file === undefined) continue;
    const target = join(folder, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
}

/** A folder inside the repository, where `keyslot` and its peers can be imported; it is gone after the tests. */
export function snippetFolder(): string {
  const cache = join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'snippets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * What the compiler says of files in such a folder, by the rules of the repository and with the declarations of the
 * built package; nothing if all is well. What it says of other files is left out.
 */
export function typeFaults(folder: string, files: readonly string[]): Promise<string> {
  return compile(folder, { files });
}

/**
 * Compiles files in such a folder with `tsc`, as an application would; the tests themselves are compiled by SWC, which
 * emits other metadata for decorators.
 * @returns what the compiler says, and the folder of the JavaScript
 */
export async function compiled(
  folder: string,
  files: readonly string[],
): Promise<{ faults: string; folder: string }> {
  const outDir = join(folder, 'compiled');
  const compilerOptions = { noEmit: false, rootDir: root, outDir };
  const faults = await compile(folder, { files, compilerOptions });
  return { faults, folder: join(outDir, relative(root, folder)) };
}

async function compile(
  folder: string,
  settings: { files: readonly string[]; compilerOptions?: object },
): Promise<string> {
  await libraryBuilt();
  const config = join(folder, 'tsconfig.json');
  const { files, compilerOptions } = settings;
  // the sources of the library would be checked again each time, which takes twenty times as long as all else
  const options = { ...compilerOptions, paths: {} };
  writeFileSync(
    config,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), files, compilerOptions: options, include: [] }),
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', config, '--pretty', 'false']).then(
    () => '',
    (error: { stdout?: string }) => error.stdout || String(error),
  );
  const elsewhere = /^(lib|test|node_modules)\//;
  return output
    .split(/^(?=\S)/m)
    .filter((fault) => !elsewhere.test(fault))
    .join('');
}
