import { join } from 'node:path';
import { cache, root } from '../../paths.mjs';
import { slugOf } from '../slug.mjs';
import { sidebar } from '../stage-pages.mjs';

/** The site of npm run docs. VitePress fails if a link leads to no page. */
export default {
  title: 'Keyslot',
  description: 'Redis Cluster for NestJS',
  srcDir: join(cache, 'site'),
  outDir: join(root, 'site'),
  cacheDir: join(cache, 'vitepress'),
  base: process.env.DOCS_BASE ?? '/',
  lastUpdated: false,
  // the pages name addresses of servers on this machine; the reference is written beside the pages afterwards
  ignoreDeadLinks: [/^https?:\/\/localhost/, /\/reference\/index/],
  markdown: { anchor: { slugify: slugOf }, languageAlias: { conf: 'ini' } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guide', link: '/getting-started' },
      { text: 'Pages', link: '/pages' },
      { text: 'API reference', link: '/reference/index.html', target: '_self' },
      { text: 'Changelog', link: '/changelog' },
    ],
    sidebar: sidebar(),
  },
};
