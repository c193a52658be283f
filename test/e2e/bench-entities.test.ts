import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';
import { run } from './packed-package.js';

interface Figures {
  results: {
    name: string;
    callers: number[];
    samples: Record<string, { costs: Record<string, number>; rates: Record<string, { rate: number }> }[]>;
  }[];
  absent: unknown[];
}

test('the entity benchmark still runs and measures every operation', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-entities-'));
  try {
    const file = join(folder, 'figures.json');
    const program = join('bench', 'entities.mjs');
    await run(process.execPath, [program, '--trial', '--peers', 'keyslot', '--json', file], root);
    const { results, absent } = JSON.parse(readFileSync(file, 'utf8')) as Figures;
    expect(absent).toEqual([]);
    expect(results.map(({ name }) => name)).toEqual([
      'insert',
      'save',
      'patch',
      'findOne',
      'findMany',
      'findBy',
      'saveMany',
      'transaction',
    ]);
    for (const { callers, samples } of results) {
      const [{ costs, rates }] = samples.keyslot;
      for (const cost of ['roundTrips', 'sent', 'received']) expect(costs[cost]).toBeGreaterThan(0);
      for (const count of callers) expect(rates[count].rate).toBeGreaterThan(0);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);
