// Compiles the simulation of test/simulation, with those folders of lib/ that it needs, to a folder of .cache. A change
// can be planted into one file, to see whether the simulation notices it.
import { transformSync } from '@swc/core';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cache, root } from './paths.mjs';
import { swcOptions } from './swc-options.mjs';

const FOLDERS = [
  'lib/cluster',
  'lib/pubsub',
  'lib/client',
  'lib/entity',
  'lib/testing/memory',
  'test/simulation',
];

/**
 * @param {string} name of a folder, for this process alone
 * @returns {string} the folder with the compiled files
 */
export function compileSimulation(name) {
  const tree = join(cache, 'simulation', `${name}-${process.pid}`);
  for (const folder of FOLDERS)
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.ts') && !file.endsWith('.test.ts'))
        write(tree, `${folder}/${file}`, readFileSync(join(root, folder, file), 'utf8'));
  return tree;
}

/**
 * Copies a compiled tree, with one passage of a source replaced.
 * @param {string} tree
 * @param {{ name: string, file: string, passage: string, replacement: string }} fault
 * @returns {string} the copy
 * @throws {Error} if the passage is not in the file, or more than once
 */
export function plant(tree, { name, file, passage, replacement }) {
  const text = readFileSync(join(root, file), 'utf8');
  if (text.split(passage).length !== 2)
    throw new Error(`${name}: ${file} must contain the passage once: ${passage}`);
  const copy = `${tree}-${name.replace(/\W+/g, '-')}`;
  cpSync(tree, copy, { recursive: true });
  write(
    copy,
    file,
    text.replace(passage, () => replacement),
  );
  return copy;
}

/** @param {string} tree */
export const removeTree = (tree) => rmSync(tree, { recursive: true, force: true });

function write(tree, file, text) {
  const target = join(tree, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, transformSync(text, { ...swcOptions, filename: join(root, file) }).code);
}
