import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const filesOf = new Map();
/** The names that a page gives to its parts. */
function anchorsIn(file) {
  if (!filesOf.has(file)) {
    const text = readFileSync(file, 'utf8');
    filesOf.set(file, new Set([...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)));
  }
  return filesOf.get(file);
}

/**
 * The links of a built site that lead to no file, or to no part of a page. VitePress checks files only.
 * @param {string} site its folder
 * @param {string} base what its addresses begin with
 */
export function deadLinks(site, base) {
  const pages = readdirSync(site).filter((file) => file.endsWith('.html') && file !== '404.html');
  return pages.flatMap((page) => {
    const [, main = ''] = /<main(.*?)<\/main>/s.exec(readFileSync(join(site, page), 'utf8')) ?? [];
    const links = new Set([...main.matchAll(/\shref="([^"]+)"/g)].map(([, link]) => link));
    return [...links]
      .filter((link) => !leadsSomewhere(site, page, link, base))
      .map((link) => `${page}: ${link}`);
  });
}

function leadsSomewhere(site, page, link, base) {
  if (/^\w+:/.test(link)) return true;
  const [path, anchor] = link.replaceAll('&amp;', '&').split('#');
  const local = path.startsWith(base) ? path.slice(base.length) : join(dirname(page), path);
  const file = join(
    site,
    path === '' ? page : local === '' || local.endsWith('/') ? `${local}index.html` : local,
  );
  const found = [file, `${file}.html`].find((name) => existsSync(name));
  if (found === undefined) return false;
  return anchor === undefined || anchor === '' || anchorsIn(found).has(decodeURIComponent(anchor));
}
