import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, snippetsOf } from '../docs-snippets.js';

const filesIn = (folder: string, end: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(end))
    .map((file) => `${folder}/${file}`);

const pages = ['README.md', 'CHANGELOG.md', ...filesIn('docs', '.md')];
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const proseOf = (page: string): string => textOf(page).replace(/^```.*?^```$/gms, '');

/** The names by which headings are linked to. */
const anchorsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );

const linksIn = (page: string): string[] =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
const filesNamedIn = (page: string): string[] =>
  [...proseOf(page).matchAll(/`([\w.-]+\/[\w./-]+\.(?:ts|mjs|json))`/g)].map(([, name]) => name);
const commandsIn = (page: string): string[] =>
  [...textOf(page).matchAll(/\bnpm run ([\w:]+)/g)].map(([, name]) => name);
const hasCode = (page: string): boolean =>
  snippetsOf(page).some(({ language }) => /^(ts|js|typescript|javascript)$/.test(language));

it('the pages contain links, file names, commands and code for the checks below', () => {
  const counts = [linksIn, filesNamedIn, commandsIn, anchorsOf].map((find) => pages.flatMap(find).length);
  expect(Math.min(...counts)).toBeGreaterThan(20);
  expect(pages.filter(hasCode).length).toBeGreaterThan(20);
});

describe.each(pages)('%s', (page) => {
  it('links only to existing pages and headings', () => {
    const broken = linksIn(page).filter((link) => {
      if (/^\w+:/.test(link)) return false;
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : join(dirname(page), file);
      return !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it('names only existing files', () => {
    const places = ['', 'lib', 'sample-app/src'];
    const missing = filesNamedIn(page).filter(
      (name) => !places.some((place) => existsSync(join(root, place, name))),
    );
    expect(missing).toEqual([]);
  });

  it('names only existing npm commands', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: object };
    expect(commandsIn(page).filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('has its code executed by a test, if it has any', () => {
    const tests = filesIn('test', '.test.ts').filter(
      (file) => !file.endsWith('/pages.test.ts') && textOf(file).includes(page),
    );
    expect({ hasCode: hasCode(page), tests }).not.toEqual({ hasCode: true, tests: [] });
  });
});

it('docs/README.md lists every page', () => {
  const index = textOf('docs/README.md');
  const others = filesIn('docs', '.md').filter((page) => page !== 'docs/README.md');
  expect(others.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
});
