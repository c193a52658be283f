import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../docs-snippets.js';

const { publicTests } = (await import(join(root, 'test/public-tests.mjs'))) as {
  publicTests(root: string): string[];
};

describe('the tests that run against the built package', () => {
  let folder: string;
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyslot-public-'));
    write('test/a.test.ts', "import { keySlot } from 'keyslot';");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['takes types from lib/', "import type { A } from '../lib/a.js';"],
    ['imports a shared file that uses public names', "import { b } from './shared.js';"],
    ['imports a package', "import { Redis } from 'ioredis'; const web = await import('express');"],
  ])('include a file that %s', (_, text) => {
    write('test/shared.ts', "import { b } from 'keyslot/testing'; import './folder/b.test.js';");
    write('test/folder/b.test.ts', text.replace('./shared', '../shared'));
    expect(publicTests(folder).toSorted()).toEqual(['test/a.test.ts', 'test/folder/b.test.ts']);
  });

  it.each([
    ['imports a file of lib/', "import { a } from '../lib/a.js';"],
    ['imports over several lines', "import {\n  a,\n  type B,\n} from '../lib/a.js';"],
    ['loads a file of lib/ while it runs', "const a = await import('../lib/a.js');"],
    ['publishes a file of lib/', "export * from '../lib/a.js';"],
    ['imports a shared file that does', "import { a } from './shared.js';"],
    ['loads what it computes', 'const a = await import(path);'],
  ])('do not include a file that %s', (_, text) => {
    write('test/shared.ts', "import { a } from '../lib/a.js';");
    write('test/b.test.ts', text);
    expect(publicTests(folder)).toEqual(['test/a.test.ts']);
  });

  it('are most of the tests', () => {
    const files = publicTests(root);
    expect(files.length).toBeGreaterThan(150);
    expect(files).toContain('test/cluster/entity/collections/collections.test.ts');
    expect(files).not.toContain('test/unit/retry-queue.test.ts');
  });
});
