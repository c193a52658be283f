import type { History } from '../../../simulation/checker/history.js';
import { verdictsOf, type Verdict } from '../../../simulation/checker/linearizability.js';
import type { Model } from '../../../simulation/checker/model.js';
import { PARTITION } from '../../../simulation/checker/models/partition.js';
import { contradictionsIn } from '../../../simulation/checker/serializability.js';

/** What the checker says of the calls on many keys. */
export interface HistoryFigures {
  /** How many calls were checked, and on how many keys or partitions. */
  readonly calls: number;
  readonly keys: number;
  /** Those whose calls no order explains, with what contradicts. */
  readonly unexplained: readonly string[];
  /** How many the checker has given up. */
  readonly undecided: number;
}

const MAX_VISITED = 50_000;
/** How many calls a report shows before the contradiction, and after it. */
const SHOWN = 4;

/** Checks a history, key by key. */
export function judgeHistory(history: History, modelOf: (key: string) => Model): HistoryFigures {
  const unexplained: string[] = [];
  let [keys, undecided] = [0, 0];
  for (const verdict of verdictsOf(history, modelOf, MAX_VISITED)) {
    keys++;
    if (verdict.outcome === 'undecided') undecided++;
    if (verdict.outcome === 'unexplained') unexplained.push(textOf(verdict, modelOf(verdict.key)));
  }
  return { calls: history.operations.length, keys, unexplained, undecided };
}

/** Returns the figures of two histories together. */
export const together = (a: HistoryFigures, b: HistoryFigures): HistoryFigures => ({
  calls: a.calls + b.calls,
  keys: a.keys + b.keys,
  unexplained: [...a.unexplained, ...b.unexplained],
  undecided: a.undecided + b.undecided,
});

function textOf(verdict: Extract<Verdict, { outcome: 'unexplained' }>, model: Model): string {
  const { key, operations, longest } = verdict;
  const done = new Set(longest);
  const byTime = operations.toSorted((a, b) => a.calledAt - b.calledAt);
  const last = byTime.filter(({ id }) => done.has(id)).slice(-SHOWN);
  const next = byTime.filter(({ id }) => !done.has(id)).slice(0, SHOWN);
  const lines = [...last, ...next].map(({ id, input, calledAt, returnedAt, output }) => {
    const outcome =
      output === undefined ? 'unknown' : `${JSON.stringify(output)} at ${returnedAt.toFixed(1)}`;
    return `${done.has(id) ? ' ' : '!'} ${id} at ${calledAt.toFixed(1)}: ${JSON.stringify(input)} ${outcome}`;
  });
  if (model === PARTITION) lines.push(...contradictionsIn(verdict));
  return [`${key}, ${operations.length} calls:`, ...lines].join('\n    ');
}
