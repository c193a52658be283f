import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

const page = readFileSync(join(root, 'docs/known-pains.md'), 'utf8');
const rows = [...page.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[\w/.-]+)\) *\|$/gm)].map(([, title, file]) => [
  file,
  title,
]);

describe('docs/known-pains.md', () => {
  it('names a test in each row', () => {
    const lines = page.split('\n').filter((line) => line.startsWith('|')).length;
    expect(rows).toHaveLength(lines - 2);
  });

  it.each(rows)('%s has a test “%s”', (file, title) => {
    const tests = readFileSync(join(root, file), 'utf8');
    expect(tests.includes(`'${title}`) || tests.includes(`"${title}`)).toBe(true);
  });
});
