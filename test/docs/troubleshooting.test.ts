import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { REFUSALS } from '../../lib/cluster/common/refusals.js';
import { root } from '../docs-snippets.js';

/** Codes in `lib/` that no error of Keyslot has. */
const NOT_OF_ERRORS = new Set([
  'INTERNAL_SERVER_ERROR', // an extension of GraphQL errors
]);

const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(root, 'lib', file), 'utf8'));

/** The codes that errors are created with, and the members of types such as `TopologyErrorCode`. */
const codesIn = (text: string): string[] => [
  ...[...text.matchAll(/\bcode: '([A-Z_]+)'/g)].map(([, code]) => code),
  ...[...text.matchAll(/\bsuper\((.*?)\);/gs)].flatMap(([, given]) =>
    [...given.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code]) => code),
  ),
  ...[...text.matchAll(/^export type \w+ErrorCode =([^;]*);/gm)].flatMap(([, members]) =>
    [...members.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code),
  ),
];
const codes = new Set(sources.flatMap(codesIn).filter((code) => !NOT_OF_ERRORS.has(code)));

const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const [, ofKeyslot, ofServers] = /^(.*)^## Replies of servers(.*)^## Symptoms/ms.exec(page)!;
/** The rows of the tables, as code, cause and remedy. */
const rowsOf = (text: string): string[][] =>
  [...text.matchAll(/^\| `([A-Z_]+)` *\|(.*)\|(.*)\|$/gm)].map((row) =>
    row.slice(1).map((cell) => cell.trim()),
  );

describe('docs/troubleshooting.md', () => {
  it('has every code of the package, and no other', () => {
    expect(codes.size).toBeGreaterThan(60);
    const known = rowsOf(ofKeyslot).map(([code]) => code);
    expect(known.toSorted()).toEqual([...codes].toSorted());
  });

  it('has every reply that the client waits out', () => {
    const known = rowsOf(ofServers).map(([code]) => code);
    expect(known.filter((code) => codes.has(code))).toEqual([]);
    expect(known).toEqual(expect.arrayContaining([...REFUSALS.keys()]));
  });

  it('has a cause and a remedy for each', () => {
    const rows = rowsOf(page);
    expect(rows.length).toBeGreaterThan(80);
    expect(rows.filter((row) => row.some((cell) => cell === ''))).toEqual([]);
  });
});
