import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

interface SiteScripts {
  deadLinks(site: string, base: string): string[];
  slugOf(heading: string): string;
  sidebar(): { text: string; items: { text: string; link: string }[] }[];
  sitePage(page: string, text: string): string;
  stagePages(folder: string): void;
}

const scripts = ['dead-links', 'slug', 'stage-pages'].map(
  (name) => import(join(root, `scripts/site/${name}.mjs`)) as Promise<Partial<SiteScripts>>,
);
const { deadLinks, slugOf, sidebar, sitePage, stagePages } = Object.assign(
  {},
  ...(await Promise.all(scripts)),
) as SiteScripts;

// `npm run docs` gives these pages to VitePress, which is not installed with the other packages.

const folder = mkdtempSync(join(tmpdir(), 'keyslot-site-'));
const staged = join(folder, 'staged');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const docs = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md') && file !== 'README.md');
const textOf = (page: string): string => readFileSync(join(staged, page), 'utf8');
const proseOf = (page: string): string => textOf(page).replace(/^```.*?^```$/gms, '');
const anchorsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slugOf(heading));
const linksIn = (page: string): string[] =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^(\w+:|\/)/.test(link));

describe('the site of npm run docs', () => {
  beforeAll(() => stagePages(staged));

  it('has every page, the readme, the changelog and the license', () => {
    const pages = readdirSync(staged).filter((file) => file.endsWith('.md'));
    expect(pages.toSorted()).toEqual(
      [...docs, 'index.md', 'pages.md', 'changelog.md', 'license.md'].toSorted(),
    );
    expect(textOf('index.md')).toMatch(/^# Keyslot/);
    expect(readdirSync(join(staged, 'public'))).toEqual(
      expect.arrayContaining(['grafana-dashboard.json', 'images']),
    );
  });

  it('lists every page in its sidebar, in groups', () => {
    const groups = sidebar();
    expect(groups.length).toBeGreaterThan(5);
    const links = groups.flatMap(({ items }) => items.map(({ link }) => link));
    expect(links.toSorted()).toEqual(
      ['/', '/changelog', ...docs.map((file) => `/${file.replace('.md', '')}`)].toSorted(),
    );
  });

  it('has links between its pages only, to headings that are there', () => {
    const pages = readdirSync(staged).filter((file) => file.endsWith('.md'));
    const links = pages.flatMap((page) => linksIn(page).map((link) => ({ page, link })));
    expect(links.length).toBeGreaterThan(300);
    const broken = links.filter(({ page, link }) => {
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : file.replace('./', '');
      return !pages.includes(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it('names what is only in the repository without a link, and leaves code as it is', () => {
    const image = '![the page](images/dashboard.png)\n';
    expect(sitePage('docs/any.md', image)).toBe('![the page](/images/dashboard.png)\n');
    const text =
      'See [a test](../test/a.test.ts), [pages](README.md) and [`x` [y]](../README.md#how-fast).\n' +
      '```md\n[a test](../test/a.test.ts)\n```\n';
    expect(sitePage('docs/any.md', text)).toBe(
      'See a test, [pages](./pages.md) and [`x` [y]](./index.md#how-fast).\n' +
        '```md\n[a test](../test/a.test.ts)\n```\n',
    );
  });

  it('would not be written with a dead link', () => {
    const site = join(folder, 'built');
    mkdirSync(site);
    const main = (links: string): string =>
      `<nav href="gone.html"></nav><main><h2 id="there"></h2>${links}</main>`;
    writeFileSync(join(site, 'a.html'), main('<a href="/base/b.html#there"></a><a href="#there"></a>'));
    writeFileSync(join(site, 'b.html'), main('<a href="/base/a#gone"></a><a href="./c.html"></a>'));
    expect(deadLinks(site, '/base/')).toEqual(['b.html: /base/a#gone', 'b.html: ./c.html']);
  });
});
