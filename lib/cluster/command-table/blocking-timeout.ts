import type { CommandArgument } from './command-keys.js';
import { blockIndex } from './command-policies.js';

/** Where a command has its timeout, and the ms of its unit. */
interface TimeoutPlace {
  readonly index: (args: readonly CommandArgument[]) => number;
  readonly unitMs: number;
}

const first: TimeoutPlace = { index: () => 0, unitMs: 1_000 };
const last: TimeoutPlace = { index: (args) => args.length - 1, unitMs: 1_000 };
const behindBlock: TimeoutPlace = {
  index: (args) => (blockIndex(args) === -1 ? -1 : blockIndex(args) + 1),
  unitMs: 1,
};

const PLACES: ReadonlyMap<string, TimeoutPlace> = new Map([
  ...['blpop', 'brpop', 'bzpopmin', 'bzpopmax', 'blmove', 'brpoplpush'].map((name) => [name, last] as const),
  ...['blmpop', 'bzmpop'].map((name) => [name, first] as const),
  ...['xread', 'xreadgroup'].map((name) => [name, behindBlock] as const),
]);

/**
 * Returns the arguments of a blocking command that has already waited for some ms, with the rest of its
 * timeout: at least 1 ms, as 0 means forever.
 */
export function withTimeLeft<A extends CommandArgument>(
  name: string,
  args: readonly A[],
  waitedMs: number,
): (A | string)[] {
  const place = PLACES.get(name);
  const index = place?.index(args) ?? -1;
  const given = Number(args[index]);
  if (place === undefined || !(given > 0)) return [...args];
  const leftMs = Math.max(1, Math.round(given * place.unitMs - waitedMs));
  const left: (A | string)[] = [...args];
  left[index] = String(leftMs / place.unitMs);
  return left;
}

/** Returns how long a blocking command may block, in ms: `Infinity` if it has no limit, or it is not known. */
export function blockingMs(name: string, args: readonly CommandArgument[]): number {
  const place = PLACES.get(name);
  const given = Number(args[place?.index(args) ?? -1]);
  return place !== undefined && given > 0 ? given * place.unitMs : Infinity;
}
