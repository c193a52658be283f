import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** The files that a section's table names, a row each. */
function filesOf(heading: string): string[] {
  const [, section] = page.split(`## ${heading}\n`);
  return [...section.split('\n## ')[0].matchAll(/^\| *\d\. [^|]+\| *`([^`]+)` *\|/gm)].map(
    ([, file]) => file,
  );
}

describe.each(['The path of a get', 'The path of a save', 'The path of a message'])('%s', (heading) => {
  it('has five steps, each in an existing file', () => {
    const files = filesOf(heading);
    expect(new Set(files).size).toBe(5);
    expect(files.filter((file) => !existsSync(join(root, 'lib', file)))).toEqual([]);
  });
});

it('names all rooms of lib/cluster', () => {
  const rooms = readdirSync(join(root, 'lib/cluster'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `cluster/${name}`);
  expect(rooms.length).toBeGreaterThan(0);
  expect(rooms.filter((room) => !page.includes(`| \`${room}\``))).toEqual([]);
});
