import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('docs/upgrading.md', () => {
  it('names all version ranges of package.json', () => {
    const { engines, peerDependencies } = JSON.parse(textOf('package.json')) as {
      engines: { node: string };
      peerDependencies: Record<string, string>;
    };
    const page = textOf('docs/upgrading.md');
    const table = page.slice(page.indexOf('## Supported versions'), page.indexOf('## Deprecations'));
    const rows = [...table.matchAll(/^\| (`?)([^|`]+?)\1 +\| `(.+?)` +\|/gm)];
    const named = rows.map(([, , name, range]) => [name, range.replaceAll('\\|', '|')]);
    expect(Object.fromEntries(named)).toEqual({ 'Node.js': engines.node, ...peerDependencies });
  });
});
