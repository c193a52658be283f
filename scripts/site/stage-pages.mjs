import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from '../paths.mjs';

/** The pages of the site, by their place in the repository. The addresses of the others are those in docs/. */
const MOVED = new Map([
  ['README.md', 'index.md'],
  ['docs/README.md', 'pages.md'],
  ['CHANGELOG.md', 'changelog.md'],
  ['LICENSE', 'license.md'],
]);
const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;
const FENCE = /^```.*?^```$/gms;

const docs = () => readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'));
/** @param {string} file @returns {string} */
export const addressOf = (file) => MOVED.get(file) ?? file.replace(/^docs\//, '');

/** The files of the repository that are pages of the site. */
export const sourcePages = () => [
  ...MOVED.keys(),
  ...docs()
    .filter((file) => file !== 'README.md')
    .map((file) => `docs/${file}`),
];

/** Where docs/README.md lists the pages: the groups of the sidebar. */
export function sidebar() {
  const text = readFileSync(join(root, 'docs/README.md'), 'utf8');
  const groups = [{ text: 'Keyslot', items: [{ text: 'Overview', link: '/' }] }];
  for (const line of text.split('\n')) {
    const heading = /^(?:## |\*\*)([^*]+?)(?:\*\*)?$/.exec(line)?.[1];
    if (heading !== undefined) groups.push({ text: heading, collapsed: false, items: [] });
    const [, name, file] = /^- \[([^\]]+)\]\(([^)]+\.md)\)/.exec(line) ?? [];
    if (file === undefined) continue;
    const link = addressOf(normalize(`docs/${file}`)).replace(/\.md$/, '');
    groups.at(-1).items.push({ text: name, link: `/${link}` });
  }
  return groups.filter(({ items }) => items.length > 0);
}

/**
 * The text of a page as it is in the site: links lead to pages of the site, and what is only in the repository is named
 * without a link.
 * @param {string} page its place in the repository
 * @param {string} text
 */
export function sitePage(page, text) {
  const rest = text.split(FENCE);
  const code = text.match(FENCE) ?? [];
  const prose = rest.map((part) =>
    part.replace(LINK, (whole, image, label, target) => {
      if (/^(\w+:|#)/.test(target)) return whole;
      const [path, anchor] = target.split('#');
      const file = normalize(join(dirname(page), path));
      if (!sourcePages().includes(file) && !isAsset(file)) return label;
      const address = isAsset(file) ? file.replace(/^docs\//, '/') : `./${addressOf(file)}`;
      return `${image}[${label}](${address}${anchor === undefined ? '' : `#${anchor}`})`;
    }),
  );
  return prose.map((part, i) => part + (code[i] ?? '')).join('');
}

/** What a page may link to beside pages: it is in the site as it is. */
const isAsset = (file) => /^docs\/(images\/)?[^/]+\.(json|png|gif|svg)$/.test(file);

/**
 * Writes the pages to a folder, for VitePress to read.
 * @param {string} folder
 */
export function stagePages(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'public'), { recursive: true });
  for (const page of sourcePages()) {
    const text = readFileSync(join(root, page), 'utf8');
    writeFileSync(
      join(folder, addressOf(page)),
      sitePage(page, page === 'LICENSE' ? `# License\n\n${text}` : text),
    );
  }
  for (const file of readdirSync(join(root, 'docs'), { recursive: true }))
    if (isAsset(`docs/${file}`)) cpSync(join(root, 'docs', file), join(folder, 'public', file));
}
