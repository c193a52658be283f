import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUCKET_SUFFIXES,
  DEAD_LETTER_FIELDS,
  GLOBAL_LIST,
  GROUP_FIELDS,
  INDEX_LISTS,
  KEY_SUFFIXES,
  LOCK_FIELDS,
  OUTBOX_FIELDS,
  PROGRESS_FIELDS,
  RECORD_FIELDS,
  ROW_FIELDS,
  STREAM_FIELD,
  TAG_PREFIXES,
} from '../../lib/entity/keys/stored-names.js';
import { root } from '../docs-snippets.js';

const page = readFileSync(join(root, 'docs/stored-keys.md'), 'utf8');

/** The cells of the table under a heading, row by row. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map((cells) => cells.slice(1, -1));
}

const namesUnder = (heading: string, column = 0): string[] =>
  tableUnder(heading).map((cells) => cells[column]);

describe('docs/stored-keys.md lists what the code stores', () => {
  it('keys', () => {
    const { index, unique, windowTimes, windowAnswers, fences, lock, outbox, progress, deadLetters } =
      KEY_SUFFIXES;
    const ofEntity = [index, unique].map((suffix) => `{Order:42}:OrderItem${suffix}`);
    const ofPartition = [windowTimes, windowAnswers, fences, `${lock}lock`].map(
      (suffix) => `{Order:42}${suffix}`,
    );
    expect(namesUnder('Keys')).toEqual([
      '{Order:42}:Order:42',
      '{Order:42}:OrderItem:7',
      '{Order:42}:Order:42:tags',
      ...ofEntity,
      ...ofPartition,
      `{1234}:Order${outbox}`,
      `{1234}:Order${progress}billing`,
      `{1234}:Order${deadLetters}billing`,
      `{${TAG_PREFIXES.global}User:email:3c}${BUCKET_SUFFIXES.unique}`,
      `{${TAG_PREFIXES.global}User:team:4}${BUCKET_SUFFIXES.index}`,
      `{${TAG_PREFIXES.record}OrderItem}`,
      `{${TAG_PREFIXES.followers}Order:billing}`,
    ]);
    expect(Object.keys(KEY_SUFFIXES)).toHaveLength(9);
    expect(Object.keys(TAG_PREFIXES)).toHaveLength(3);
  });

  it('fields of a row', () => {
    const fields = namesUnder('Fields of a row').map((name) => name.replace(/:\w+$/, ':'));
    expect(fields).toEqual(Object.values(ROW_FIELDS));
  });

  it('lists in an index', () => {
    expect(namesUnder('Entries of an index')).toEqual(Object.values(INDEX_LISTS));
    expect(page).toContain(`a global index named \`${GLOBAL_LIST}\`.`);
  });

  it('other fields', () => {
    const all = [
      LOCK_FIELDS,
      OUTBOX_FIELDS,
      PROGRESS_FIELDS,
      GROUP_FIELDS,
      DEAD_LETTER_FIELDS,
      RECORD_FIELDS,
    ].flatMap((fields) => Object.values<string>(fields));
    expect(namesUnder('Other fields', 1)).toEqual([...all, STREAM_FIELD]);
  });
});

/** Names that begin with `~` in code: `'~v'`, `}~ix`. Comments explain; they store nothing. */
const spelledIn = (code: string): string[] =>
  [...code.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|^\s*--.*$/gm, '').matchAll(/['"`}[(]~[a-z]+/g)].map(
    ([name]) => name,
  );

it('only keys/stored-names.ts spells stored names', () => {
  const files = readdirSync(join(root, 'lib/entity'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== join('keys', 'stored-names.ts'),
  );
  expect(files.length).toBeGreaterThan(100);
  const spelled = files.flatMap((file) =>
    spelledIn(readFileSync(join(root, 'lib/entity', file), 'utf8')).map((name) => `${file}: ${name}`),
  );
  expect(spelled).toEqual([]);
  expect(spelledIn("const key = `${tag}~ix`; redis.call('HGET', row, '~v')")).toEqual(['}~ix', "'~v"]);
});
