// npm run docs: the pages and the reference of all public names as a site with a search, into site/index.html.
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from './paths.mjs';
import { readArguments } from './program-arguments.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';
import { shutdownSignal } from './shutdown.mjs';
import { deadLinks } from './site/dead-links.mjs';
import { stagePages } from './site/stage-pages.mjs';

readArguments({
  usage: 'npm run docs\nDOCS_BASE is the path that the site will have (default /)',
  options: {},
});
const folder = join(root, 'scripts', 'site');
const site = join(root, 'site');
const vitepress = join(folder, 'node_modules', 'vitepress', 'bin', 'vitepress.js');
const signal = shutdownSignal();

try {
  if (!existsSync(vitepress))
    await withProgress('Installing VitePress (npm ci)', () =>
      run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, signal }),
    );
  stagePages(join(cache, 'site'));
  await withProgress('Writing site/', () => run(process.execPath, [vitepress, 'build', folder], { signal }));
  await withProgress('Writing the reference', () => run('npm', ['run', '--silent', 'reference'], { signal }));
  cpSync(join(root, 'docs', 'reference'), join(site, 'reference'), { recursive: true });
  const dead = deadLinks(site, process.env.DOCS_BASE ?? '/');
  if (dead.length > 0) throw new Error(`Links that lead nowhere:\n${dead.join('\n')}`);
  console.log(
    'site/index.html is written. To look at it: npx http-server site, or any other server of files',
  );
} catch (error) {
  console.error(error.output ?? error.message);
  process.exitCode = 1;
}
