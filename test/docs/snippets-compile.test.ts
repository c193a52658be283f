import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as keyslot from 'keyslot';
import { libraryBuilt } from '../built-library.js';
import { root, snippetsOf, writeSnippets } from '../docs-snippets.js';

// All code of the pages is compiled once more by `tsc`, with the settings that the getting-started page gives a
// newcomer: the tests that run it are compiled by SWC. Pieces of a page are put together into one module, which imports
// what they use of Keyslot and its peers. What else they use is made by the test that runs them.

const folder = join(root, '.cache', 'compiled-pages');

/** Where names come from that pages use without an import. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  keyslot: Object.keys(keyslot),
  '@nestjs/common': [
    'Body',
    'Controller',
    'Get',
    'Inject',
    'Injectable',
    'Module',
    'Param',
    'Post',
    'UseGuards',
  ],
  '@nestjs/core': ['NestFactory'],
  rxjs: ['firstValueFrom', 'Observable'],
  zod: ['z'],
  bullmq: ['Queue', 'Worker', 'ConnectionOptions'],
  'express-session': ['Store', 'SessionData'],
};
/** What pages use by these names. */
const CONSTANTS = { cluster: 'ClusterClient', pubsub: 'ClusterPubSub' };
/**
 * What may be said of a piece: that a name is not declared, as its declaration stands in the test that runs the page;
 * what follows of that (types that are any, a base class that is not known); and that a page names a class before it
 * shows it.
 */
const ALLOWED_IN_PIECES = /^error TS(2304|2552|2503|18004|70\d\d|4112|2449): /;

interface Page {
  readonly page: string;
  readonly folder: string;
  readonly files: readonly string[];
}

function writePage(page: string): Page {
  const target = join(folder, page.replace(/\.md$/, '').replace('/', '-'));
  const code = snippetsOf(page).filter(({ language }) => /^(ts|typescript)$/.test(language));
  const programs = code.filter(({ file }) => file !== undefined);
  mkdirSync(target, { recursive: true });
  writeSnippets(programs, target);
  const files = programs.map(({ file }) => join(target, file!));
  const pieces = code.filter(({ file }) => file === undefined).map((piece) => piece.code);
  for (const [i, piece] of pieces.entries()) {
    const file = join(target, `piece-${i + 1}.ts`);
    writeFileSync(file, moduleOf(piece, pieces));
    files.push(file);
  }
  return { page, folder: target, files };
}

/** A piece of a page as a module, with the classes and types that other pieces of the page declare. */
function moduleOf(piece: string, pieces: readonly string[]): string {
  const declared = pieces.filter(
    (other) => other !== piece && DECLARATION.test(other) && !clash(piece, other),
  );
  const text = [...new Set(declared), piece].join('\n');
  const known = namesDeclaredIn(text);
  const imports = Object.entries(IMPORTS).flatMap(([module, names]) => {
    const used = names.filter((name) => !known.has(name) && new RegExp(`\\b${name}\\b`).test(text));
    return used.length > 0 ? [`import { ${used.join(', ')} } from '${module}';`] : [];
  });
  for (const [name, type] of Object.entries(CONSTANTS))
    if (!known.has(name) && new RegExp(`\\b${name}\\.`).test(text))
      imports.push(`declare const ${name}: import('keyslot').${type};`);
  return `${imports.join('\n')}\n${[...new Set(declared)].join('\n')}\n${piece}\nexport {};\n`;
}

/** A piece that declares nothing but classes and types. */
const DECLARATION = /^(?:@\w+\(|export class |class |interface |type |enum )/;

const namesDeclaredIn = (text: string): Set<string> =>
  new Set(
    [
      ...text.matchAll(
        /^(?:export )?(?:abstract )?(?:async )?(?:class|interface|type|enum|function\*?|const|let) (\w+)/gm,
      ),
      ...text.matchAll(/^const \{ ([^}]*)\} =/gm),
      ...text.matchAll(/^import (?:type )?\{?([^}'"]*)\}? from/gm),
    ].flatMap(([, names]) => names.split(',').map((name) => name.replace(/^.* as |type /g, '').trim())),
  );

const clash = (a: string, b: string): boolean => {
  const names = namesDeclaredIn(a);
  return [...namesDeclaredIn(b)].some((name) => names.has(name));
};

describe('the code of all pages, by the compiler and the settings of docs/getting-started.md', () => {
  let pages: Page[];
  let faults: string[];

  beforeAll(async () => {
    await libraryBuilt();
    rmSync(folder, { recursive: true, force: true });
    const names = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'));
    pages = ['README.md', ...names.map((file) => `docs/${file}`)].map(writePage);
    const planted = join(folder, 'planted', 'piece-1.ts');
    mkdirSync(join(folder, 'planted'));
    writeFileSync(planted, "import { Property } from 'keyslot';\nProperty({ nullable: true });\n");
    const [settings] = snippetsOf('docs/getting-started.md').filter(({ file }) => file === 'tsconfig.json');
    const { compilerOptions } = JSON.parse(settings.code.replace(/^\/\/.*\n/, '')) as {
      compilerOptions: object;
    };
    const config = {
      compilerOptions: {
        ...compilerOptions,
        rootDir: root,
        types: ['node', 'jest'], // the pages on tests have those of the runner
        noEmit: true,
        incremental: true,
        tsBuildInfoFile: `${folder}.tsbuildinfo`,
        skipLibCheck: true,
      },
      files: [planted, ...pages.flatMap(({ files }) => files)],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const output = await promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
    }).then(
      () => '',
      (error: { stdout?: string }) => error.stdout || String(error),
    );
    faults = output.split(/^(?=\S)/m).filter((fault) => !fault.startsWith('../'));
  });

  it('is there', () => {
    expect(pages.flatMap(({ files }) => files).length).toBeGreaterThan(100);
  });

  it('has no fault', () => {
    const told = faults.filter((fault) => {
      const [, file, message] = /^(\S+?)\(\d+,\d+\): (.*)/.exec(fault) ?? [];
      return file === undefined || !/\/piece-\d+\.ts$/.test(file) || !ALLOWED_IN_PIECES.test(message);
    });
    expect(told).toEqual([expect.stringMatching(/^planted.*'nullable' does not exist/)]); // so it would be found
  });
});
