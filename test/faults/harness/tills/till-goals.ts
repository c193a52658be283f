import { atLeast, atMost, type Goal } from '../goals.js';
import type { TillVerdict } from './till-books.js';

/** What must hold of a till, whatever happened to those who work on it. */
export const tillGoals: readonly Goal[] = [
  atLeast('receipts', 1),
  atLeast('visits under a lock', 1),
  ...[
    'receipts or visits lost',
    'receipts or visits twice',
    'refused and done',
    'writes past a fence',
    'disagreements of rows and indexes',
  ].map((name) => atMost(name, 0)),
];

/** Keeps the figures of a till. */
export function noteTill(note: (name: string, value: number) => void, verdict: TillVerdict): void {
  note('receipts', verdict.receipts);
  note('visits under a lock', verdict.visits);
  note('locks lost', verdict.locksLost);
  note('failed operations', verdict.failures.length);
  note('receipts or visits lost', verdict.lost);
  note('receipts or visits twice', verdict.twice);
  note('refused and done', verdict.untruthful);
  note('writes past a fence', verdict.unfenced + verdict.tokensBack);
  note('disagreements of rows and indexes', verdict.faults.length);
  for (const text of [...new Set(verdict.failures), ...verdict.faults].slice(0, 5)) console.log(`  ${text}`);
}
