import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';

/** What npm, jest and the caller told their own children stays with them. */
export const cleanEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|NODE_|JEST_|REDIS_CLUSTER_)/.test(name),
  ),
);

/** Runs a command to its end; what it has written is in the error where it failed. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  settings: Record<string, string> = {},
): Promise<string> {
  try {
    const env = { ...cleanEnvironment, ...settings };
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: 180_000 });
    return stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${message}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

/** A program among the development dependencies of this repository. */
export const developmentTool = (name: string): string => join(root, 'node_modules', '.bin', name);

/** The version of a package that this repository is tested with. */
export const testedVersion = (name: string): string => packageJson(join(root, 'node_modules', name)).version;

export function packageJson(at: string): { version: string; exports: Record<string, unknown> } {
  return JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as ReturnType<typeof packageJson>;
}

interface Packed {
  readonly tarball: string;
  readonly files: readonly string[];
}

/** The packed repository: the first test file of a run to ask packs it, others wait for what came of that. */
export async function packed(): Promise<Packed> {
  const folder = join(process.env['KEYSLOT_RUN_FOLDER']!, 'packed');
  const outcome = join(folder, 'outcome.json');
  const isFirst = mkdirSync(folder, { recursive: true }) !== undefined;
  if (isFirst) {
    const result = await pack(folder).catch((error: Error) => ({ failure: error.message }));
    writeFileSync(`${outcome}.part`, JSON.stringify(result));
    renameSync(`${outcome}.part`, outcome); // whole, or not there
  }
  const text = await eventually(() => readFileSync(outcome, 'utf8'), { timeoutMs: 180_000, intervalMs: 100 });
  const result = JSON.parse(text) as Packed | { failure: string };
  if ('failure' in result) throw new Error(result.failure);
  return result;
}

/** Packs a copy of the repository, made in `folder`, so that its build disturbs nobody who uses `dist`. */
async function pack(folder: string): Promise<Packed> {
  const copy = join(folder, 'repository');
  const left = new Set(['node_modules', 'dist', '.git', '.cache', 'coverage']);
  cpSync(root, copy, { recursive: true, filter: (file) => file === root || !left.has(basename(file)) });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'dist'));
  for (const stray of ['notes.txt', 'dist/built-long-ago.js']) writeFileSync(join(copy, stray), '');
  const output = await run('npm', ['pack', '--json', '--pack-destination', folder], copy);
  const [{ filename, files }] = JSON.parse(output.slice(output.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}
