import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { backend } from '../backend.js';
import { root } from '../docs-snippets.js';
import type { Exceptions } from './suite-list.js';

/** The functions by which a test file says what it has. */
const WORDS = ['describe', 'it', 'test', 'beforeAll', 'beforeEach', 'afterEach', 'afterAll'] as const;

type Word = ((...args: unknown[]) => unknown) & { each?: (...table: unknown[]) => Word };
type Words = Record<(typeof WORDS)[number], Word>;

const words = globalThis as unknown as Words;

/**
 * Loads a test file, and runs what it has on a cluster in memory, in a block of its own: its hooks concern its own tests
 * only.
 *
 * @param file its path in `test/`.
 * @param without the tests that are left out.
 */
export async function runInMemory(file: string, without: Exceptions): Promise<void> {
  backend.isMemory = true;
  const calls: (() => unknown)[] = [];
  const recorders = wordsOf((name, args, table) => {
    calls.push(() => (table ? words[name].each?.(...table)(...args) : words[name](...args)));
  });
  await replaced(recorders, () => import(pathToFileURL(join(root, 'test', file)).href));
  const left = new Set<unknown>(Object.keys(without));
  describe(file, () => {
    const { it: original } = words;
    words.it = words.test = filtered(original, left);
    for (const call of calls) call();
    words.it = words.test = original;
  });
  if (left.size > 0) throw new Error(`${file} has no test "${[...left].join('" and no test "')}"`);
}

/** Returns `it` without the tests of these titles, which it takes off the list. */
function filtered(original: Word, left: Set<unknown>): Word {
  const filter: Word = (title, ...rest) => left.delete(title) || original(title, ...rest);
  filter.each =
    (...table) =>
    (title, ...rest) =>
      left.delete(title) || original.each?.(...table)(title, ...rest);
  return filter;
}

/** Returns functions that note their calls. */
function wordsOf(
  note: (name: (typeof WORDS)[number], args: unknown[], table?: unknown[]) => void,
): Partial<Words> {
  return Object.fromEntries(
    WORDS.map((name): [string, Word] => {
      const word: Word = (...args) => note(name, args);
      word.each =
        (...table) =>
        (...args) =>
          note(name, args, table);
      return [name, word];
    }),
  );
}

async function replaced(others: Partial<Words>, work: () => Promise<unknown>): Promise<void> {
  const originals = Object.fromEntries(WORDS.map((name) => [name, words[name]]));
  Object.assign(words, others);
  try {
    await work();
  } finally {
    Object.assign(words, originals);
  }
}
