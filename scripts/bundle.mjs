// npm run build: bundles the compiled modules to dist/, once as ES modules and once as CommonJS, and keeps the type
// declarations that an entry point reaches, and the files that it reads. All else in dist/ is deleted.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { cache, root } from './paths.mjs';

const dist = join(root, 'dist');
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entryOf = (path) => /^\.\/dist\/(.*)\.js$/.exec(path)?.[1];
/** `index`, `cache/index`, …: what the package exports, without extensions. */
const entries = Object.values(exports)
  .map((conditions) => entryOf(conditions.import?.default))
  .filter((entry) => entry !== undefined);
/** The programs, which are ES modules only. */
const programs = Object.values(bin).map(entryOf);

/** Folders of files that an entry point reads at run time. */
const ASSETS = ['dashboard/assets'];

/** Packages that become part of ours, so that applications need not install them. */
const BUNDLED = new Set(['luaparse']);

const kept = new Set([...(await bundleModules()), ...copyDeclarations(), ...copyAssets(), ...copyLicenses()]);
for (const name of readdirSync(dist, { recursive: true })) {
  const file = join(dist, name);
  if (statSync(file).isFile() && !kept.has(file)) rmSync(file);
}

/** @returns {Promise<string[]>} the files it has written */
async function bundleModules() {
  const files = [];
  const formats = [
    { format: 'esm', dir: dist, inputs: [...entries, ...programs] },
    { format: 'cjs', dir: join(dist, 'cjs'), inputs: entries },
  ];
  for (const { format, dir, inputs } of formats) {
    const bundle = await rolldown({
      input: Object.fromEntries(inputs.map((entry) => [entry, join(cache, 'modules', `${entry}.js`)])),
      external: (id) => /^[^./]/.test(id) && !BUNDLED.has(id),
      platform: 'node',
      treeshake: false,
      experimental: { attachDebugInfo: 'none' },
    });
    const { output } = await bundle.write({
      dir,
      format,
      exports: 'named',
      keepNames: true,
      entryFileNames: '[name].js',
      chunkFileNames: 'shared/[name].js',
    });
    files.push(...output.map(({ fileName }) => join(dir, fileName)));
    await bundle.close();
  }
  for (const program of programs) chmodSync(join(dist, `${program}.js`), 0o755);
  // as the package itself is not
  const commonjs = join(dist, 'cjs', 'package.json');
  writeFileSync(commonjs, '{ "type": "commonjs" }\n');
  return [...files, commonjs];
}

/** @returns {string[]} the declarations that are reached, and their copies for CommonJS */
function copyDeclarations() {
  const reached = new Set();
  const reach = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, path] of text.matchAll(/\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)\.js["']/g))
      reach(join(dirname(file), `${path}.d.ts`));
  };
  for (const entry of entries) reach(join(dist, `${entry}.d.ts`));
  const copies = [...reached].map((file) => {
    const copy = join(dist, 'cjs', relative(dist, file));
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, readFileSync(file));
    return copy;
  });
  return [...reached, ...copies];
}

/** @returns {string[]} the files that are read at run time, by both formats */
function copyAssets() {
  return ASSETS.flatMap((assets) => {
    const to = join(dist, assets);
    rmSync(to, { recursive: true, force: true });
    cpSync(join(root, 'lib', assets), to, { recursive: true });
    return readdirSync(to, { recursive: true }).map((name) => join(to, name));
  });
}

/** @returns {string[]} the licenses of the packages that became part of ours */
function copyLicenses() {
  mkdirSync(join(dist, 'licenses'), { recursive: true });
  return [...BUNDLED].map((name) => {
    const copy = join(dist, 'licenses', `${name}.txt`);
    writeFileSync(copy, readFileSync(join(root, 'node_modules', name, 'LICENSE')));
    return copy;
  });
}
