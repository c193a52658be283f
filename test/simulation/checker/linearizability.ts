import type { History, LossWindow, Operation } from './history.js';
import type { Model } from './model.js';
import { Search } from './search.js';

/** Whether the calls on one key can be explained by some order. */
export type Verdict =
  | { readonly outcome: 'explained' }
  /** No order explains them. `operations` are the calls on the key, and `longest` the ids of the longest explanation. */
  | {
      readonly outcome: 'unexplained';
      readonly key: string;
      readonly operations: readonly Operation[];
      readonly longest: readonly number[];
    }
  /** The search was given up: too many orders. */
  | { readonly outcome: 'undecided'; readonly key: string };

/** How many states a search visits before it is given up, unless the caller says otherwise. */
const MAX_VISITED = 200_000;

/** How many it visits to show how far an order goes. */
const MAX_VISITED_BLINDLY = 10_000;

/**
 * Finds out whether all calls of a history can be explained: as if each of them had been executed at one moment between
 * its call and its return, those with an unknown outcome at one moment after the call, or never. Keys are independent of
 * each other, and checked one by one. The method is the search of Wing and Gong with the memory of Lowe.
 *
 * @returns the first verdict that is not `explained`
 */
export function checkHistory(
  history: History,
  modelOf: (key: string) => Model,
  maxVisited = MAX_VISITED,
): Verdict {
  for (const verdict of verdictsOf(history, modelOf, maxVisited))
    if (verdict.outcome !== 'explained') return verdict;
  return { outcome: 'explained' };
}

/** Returns the verdict on each key, as `checkHistory` finds them. */
export function* verdictsOf(
  { operations, losses }: History,
  modelOf: (key: string) => Model,
  maxVisited = MAX_VISITED,
): Generator<Verdict> {
  const [operationsOf, lossesOf] = [byKey(operations), byKey(losses)];
  for (const [key, own] of operationsOf)
    yield verdictOn(key, own, lossesOf.get(key) ?? [], modelOf(key), maxVisited);
}

function verdictOn(
  key: string,
  operations: readonly Operation[],
  losses: readonly LossWindow[],
  model: Model,
  maxVisited: number,
): Verdict {
  const { outcome, longest } = new Search(operations, losses, model, maxVisited).run();
  if (outcome === 'explained') return { outcome };
  if (outcome === 'undecided') return { outcome, key };
  if (model.canBecome === undefined) return { outcome, key, operations, longest };
  // a search that looks ahead ends long before the call that contradicts, which readers want to see
  const blind = { ...model, canBecome: undefined };
  const further = new Search(operations, losses, blind, Math.min(maxVisited, MAX_VISITED_BLINDLY)).run();
  return { outcome, key, operations, longest: further.longest };
}

function byKey<T extends { readonly key: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.key);
    if (group === undefined) groups.set(item.key, [item]);
    else group.push(item);
  }
  return groups;
}
