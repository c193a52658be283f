import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../docs-snippets.js';
import { brokenRules, importsOf } from '../import-rules.js';

const lib: ReadonlyMap<string, string> = new Map(
  readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, readFileSync(join(root, 'lib', file), 'utf8')]),
);

/** A library of one file. */
const planted = (file: string, text: string): ReadonlyMap<string, string> => new Map([[file, text]]);

describe('the rooms of lib/', () => {
  it('imports only from lower floors, and stays within the limits of files and folders', () => {
    expect(brokenRules(lib)).toEqual([]);
  });

  it('imports every file from another one, except the entry points', () => {
    const imported = new Set([...lib].flatMap(([file, text]) => importsOf(file, text)));
    const unused = [...lib.keys()].filter((file) => !imported.has(file));
    expect(unused.toSorted()).toEqual([
      'cache/index.ts',
      'cli/main.ts',
      // for simulations, which replace what it names
      'cluster/runtime/runtime.ts',
      'credentials/index.ts',
      'dashboard/index.ts',
      'health/index.ts',
      'index.ts',
      'microservices/index.ts',
      'telemetry/index.ts',
      'testing/global-setup.ts',
      'testing/index.ts',
      'throttler/index.ts',
    ]);
  });

  it.each([
    ['an import', "import { a } from '../client/cluster-client.js';"],
    ['an import of a type', "import type { A } from '../client/cluster-client.js';"],
    ['an import over several lines', "import {\n  a,\n} from '../client/cluster-client.js';"],
    ['a re-export', "export * from '../client/cluster-client.js';"],
    ['an import for its effect', "import '../client/cluster-client.js';"],
    ['an import while the program runs', "await import('../client/cluster-client.js');"],
    ['a type in place', "type A = import('../client/cluster-client.js').A;"],
  ])('must not import %s from a higher folder', (_name, text) => {
    expect(brokenRules(planted('cluster/planted.ts', text))).toEqual([
      'cluster/planted.ts imports client/cluster-client.ts',
    ]);
  });

  it.each([
    ['a higher room', 'cluster/common/planted.ts', '../routing/router.js'],
    ['the room beside it', 'cluster/topology/planted.ts', '../command-table/command-rows.js'],
    ["its folder's own files", 'pubsub/links/planted.ts', '../cluster-pubsub.js'],
    ['the entry point', 'nest/planted.ts', '../index.js'],
    ['a higher room of a room', 'testing/memory/keyspace/planted.ts', '../server/session.js'],
    ['what stands above a room with rooms', 'testing/memory/planted.ts', '../test-keyspace.js'],
  ])('must not import %s', (_name, file, path) => {
    expect(brokenRules(planted(file, `import type { A } from '${path}';`))).toEqual([
      `${file} imports ${join(dirname(file), path).replace('.js', '.ts')}`,
    ]);
  });

  it('requires every room in the table of floors', () => {
    expect(brokenRules(planted('client/new-room/planted.ts', "import './other.js';"))).toEqual([
      'client/new-room/planted.ts imports client/new-room/other.ts',
    ]);
  });

  it('contains no file of more than 300 lines, and no folder of more than 13 files', () => {
    expect(brokenRules(new Map([['client/long.ts', '\n'.repeat(300) + 'end\n']]))).toEqual([
      'client/long.ts has 301 lines',
    ]);
    expect(brokenRules(new Map([['client/long.ts', '\n'.repeat(299) + 'end\n']]))).toEqual([]);
    const files = Array.from({ length: 14 }, (_, i) => [`client/scan/${i}.ts`, ''] as const);
    expect(brokenRules(new Map(files))).toEqual(['client/scan has 14 files']);
    expect(brokenRules(new Map(files.slice(1)))).toEqual([]);
  });
});

describe('the linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyslot-lint-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const lint = (files: Record<string, string>): string => {
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    rmSync(join(folder, 'lib'), { recursive: true, force: true });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const binary = join(root, 'node_modules/oxlint/bin/oxlint');
    const { stdout, status } = spawnSync(process.execPath, [binary, 'lib'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return status === 0 ? '' : stdout;
  };

  const CIRCLE = {
    a: "import type { B } from './b.js';\nexport type A = B[];\n",
    b: "import type { A } from './a.js';\nexport type B = A | 1;\n",
  };

  it('rejects two files whose types import each other', () => {
    expect(lint({ 'lib/client/a.ts': CIRCLE.a, 'lib/client/b.ts': CIRCLE.b })).toContain('no-cycle');
    expect(lint({ 'lib/client/a.ts': CIRCLE.a, 'lib/client/b.ts': 'export type B = 1;\n' })).toBe('');
  });

  it('allows the cycle of repository, partition and partition lock, and no other cycle among them', () => {
    const within = {
      'lib/entity/repository/cluster-repository.ts':
        "import type { B } from './partition.js';\nexport type A = B[];\n",
      'lib/entity/repository/partition.ts':
        "import type { A } from './cluster-repository.js';\nexport type B = A | 1;\n",
    };
    expect(lint(within)).toBe('');
    const beyond = {
      'lib/entity/repository/partition.ts': "import type { B } from './b.js';\nexport type A = B[];\n",
      'lib/entity/repository/b.ts': "import type { A } from './partition.js';\nexport type B = A | 1;\n",
    };
    expect(lint(beyond)).toContain('no-cycle');
  });
});
