import type { History, Operation } from './history.js';
import { verdictsOf, type Verdict } from './linearizability.js';
import { execute, PARTITION } from './models/partition.js';
import { commitOf, type PartitionState } from './partition-commit.js';

/** How many states of a partition a search visits before it is given up. */
const MAX_VISITED = 50_000;

/**
 * Finds out whether the commits of a history can be explained: as if each had been executed at one moment between its
 * call and its return, with all its reads, queries and writes, those with an unknown outcome at one moment after the
 * call, or never. Partitions are independent of each other, and checked one by one.
 *
 * @returns the first verdict that is not `explained`
 */
export function checkTransactions(history: History, maxVisited = MAX_VISITED): Verdict {
  for (const verdict of verdictsOf(history, () => PARTITION, maxVisited))
    if (verdict.outcome !== 'explained') return verdict;
  return { outcome: 'explained' };
}

/**
 * Returns what contradicts the longest explanation of an unexplained partition, one line each: the calls that may come
 * next, each with the reason why it cannot. Losses are not considered.
 */
export function contradictionsIn({
  operations,
  longest,
}: Extract<Verdict, { outcome: 'unexplained' }>): string[] {
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const state = longest.reduce(
    (before, id) => execute(before, commitOf(byId.get(id) as Operation)).after,
    {} as PartitionState,
  );
  const done = new Set(longest);
  const open = operations.filter(({ id, output }) => !done.has(id) && output !== undefined);
  const end = Math.min(...open.map(({ returnedAt }) => returnedAt));
  return open
    .filter(({ calledAt }) => calledAt <= end)
    .map((operation) => {
      const { differences } = execute(state, commitOf(operation));
      return `call ${operation.id} of ${operation.calledAt.toFixed(1)} ms: ${differences.join('; ') || 'contradicts those after it'}`;
    });
}
