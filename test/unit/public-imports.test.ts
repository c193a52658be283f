import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { root } from '../docs-snippets.js';
import type { Sources } from '../import-rules.js';
import { hiddenPublicImports, publicNames } from '../public-imports.js';

const filesOf = (folder: string): Sources =>
  new Map(
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|mts|mjs)$/.test(file) && !file.includes('node_modules/'))
      .map((file) => [posix.join(folder, file), readFileSync(join(root, folder, file), 'utf8')]),
  );

const lib = filesOf('lib');

/** The simulation is compiled with changed copies of the folders of `lib/` that it runs, without the entry points. */
const isSimulation = (file: string): boolean => /^test\/simulation\/\w+\//.test(file);

/** `lib/`, as a planted file sees it; this file itself imports nothing from there. */
const LIB = '../lib';

describe('tests and the sample application', () => {
  it.each(['test', 'sample-app'])(
    'import public names from the entry points of the package: %s',
    (folder) => {
      const sources = new Map([...filesOf(folder)].filter(([file]) => !isSimulation(file)));
      expect([...sources.values()].join('')).toContain("from 'keyslot");
      expect(hiddenPublicImports(lib, sources)).toEqual([]);
    },
  );
});

describe('the check of public names', () => {
  it.each([
    ['an import', `import { keySlot } from '${LIB}/cluster/topology/key-slot.js';`],
    [
      'an import under another name',
      `import { keySlot as slot } from '${LIB}/cluster/topology/key-slot.js';`,
    ],
    [
      'an import over several lines',
      `import {\n  other,\n  keySlot,\n} from '${LIB}/cluster/topology/key-slot.js';`,
    ],
    ['a re-export', `export { keySlot } from '${LIB}/cluster/topology/key-slot.js';`],
  ])('rejects %s', (_name, text) => {
    expect(hiddenPublicImports(lib, new Map([['test/planted.ts', text]]))).toEqual([
      'test/planted.ts takes keySlot from lib/cluster/topology/key-slot.ts, not from keyslot',
    ]);
  });

  it.each([
    [
      'an import of a type',
      `import type { LocalNode } from '${LIB}/testing/server/local-node.js';`,
      'LocalNode',
    ],
    [
      'a type among values',
      `import { a, type LocalNode } from '${LIB}/testing/server/local-node.js';`,
      'LocalNode',
    ],
    ['an import of everything', `import * as all from '${LIB}/testing/server/local-node.js';`, 'LocalNode'],
    ['a re-export of everything', `export * from '${LIB}/testing/server/local-node.js';`, 'LocalNode'],
    ['an import while the program runs', `await import('${LIB}/testing/server/local-node.js');`, 'LocalNode'],
    ['a type in place', `type A = import('${LIB}/testing/server/local-node.js').A;`, 'LocalNode'],
    ['an entry point by its path', `import { LocalNode } from '${LIB}/testing/index.js';`, 'LocalNode'],
  ])('rejects %s of keyslot/testing', (_name, text, name) => {
    expect(hiddenPublicImports(lib, new Map([['test/planted.ts', text]]))).toContainEqual(
      expect.stringMatching(
        new RegExp(`^test/planted.ts takes ${name} from lib/testing/.*, not from keyslot/testing$`),
      ),
    );
  });

  it('accepts internal names, and public names that come from other files', () => {
    const text = `
      import { freePorts } from '${LIB}/testing/server/free-ports.js';
      import { keySlot } from 'keyslot';
      import { eventually } from './cluster-fixture.js';`;
    expect(hiddenPublicImports(lib, new Map([['test/planted.ts', text]]))).toEqual([]);
  });

  it('covers the public names of every entry point', () => {
    const names = publicNames(lib);
    const entryPoints = new Set([...names.values()].flatMap((files) => [...files.values()]));
    expect([...entryPoints].toSorted()).toEqual([
      'keyslot',
      'keyslot/cache',
      'keyslot/credentials',
      'keyslot/dashboard',
      'keyslot/health',
      'keyslot/microservices',
      'keyslot/telemetry',
      'keyslot/testing',
      'keyslot/throttler',
    ]);
    expect(names.get('lib/cluster/common/errors.ts')?.get('InvalidArgumentError')).toBe('keyslot');
  });
});
