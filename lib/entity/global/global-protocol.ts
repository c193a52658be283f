import type { GlobalEntry } from '../keys/global-entry.js';
import type { Released, Hold } from '../operations/row-operation.js';
import type { GlobalSteps } from './global-steps.js';

/**
 * How long after its entries a write may be committed, in milliseconds. Fences are kept for longer (`FENCE_MS` in
 * lua-holds.ts), by more than the clocks of two servers may differ.
 */
export const COMMIT_WINDOW_MS = 30_000;

/** How long a write is given to be committed before others forbid it, in milliseconds. */
export const GRACE_MS = 500;

/** What the protocol must know of a commit. */
export interface GlobalOutcome {
  /** Why it was refused; `HOLD` where an entry is not, or no longer, its own. */
  readonly fault?: string;
  /** What it has ended; undefined where it had been committed before, so that this is not known any more. */
  readonly released?: readonly Released[];
}

/** Another row has the value of this entry. */
export interface Taken {
  readonly taken: GlobalEntry;
}

interface Claim extends Hold {
  readonly entry: GlobalEntry;
  /** When it must be committed, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * Writes rows whose entries are in other slots:
 *
 * 1. enter: every entry that a row is to hold is put in its place, with the token of this attempt;
 * 2. commit: the rows, each with its entries and the token, in their own slot and in one step. This is the moment at
 *    which all of it is done;
 * 3. release: the entries that the rows held before are taken away, which nobody waits for.
 *
 * The row is the truth. A row holds an entry with a token only while the entry is there with that token, because an
 * entry is taken away only once its token is dead: fenced in the row's slot at a moment at which the row did not hold
 * it, or by the very commit that ended it. So no two rows hold one value, and no row is missing in an index; a crash
 * leaves entries that no row holds, and those die when somebody asks their row. It is the primary lock of Percolator
 * (Peng and Dabek, OSDI 2010) with the row as the primary.
 *
 * @param entries what the rows are to hold.
 * @param commit commits the rows, with a hold for each of the entries, until a time.
 */
export async function commitGlobally<Outcome extends GlobalOutcome>(
  steps: GlobalSteps,
  entries: readonly GlobalEntry[],
  commit: (holds: readonly Hold[], until: number) => Promise<Outcome>,
): Promise<Outcome | Taken> {
  const doubled = firstDoubled(entries);
  if (doubled) return { taken: doubled };
  for (;;) {
    const token = steps.newToken();
    let ours = entries;
    try {
      const claims = await allDone(entries.map((entry) => claim(steps, entry, token)));
      ours = entries.filter((_, i) => claims[i]?.how === '+');
      const taken = entries.find((_, i) => !claims[i]);
      if (taken) {
        endLater(steps, ours, token);
        return { taken };
      }
      const until = Math.min(Number.MAX_SAFE_INTEGER, ...claims.map((made) => made!.until));
      const outcome = await commit(claims as Claim[], until);
      if (outcome.fault === 'HOLD') {
        await endAll(steps, ours, token);
        await steps.pause();
        continue;
      }
      const { fault, released } = outcome;
      if (fault !== undefined || !released) endLater(steps, ours, token);
      else if (released.length > 0) steps.later((unbound) => removeAll(unbound, released));
      return outcome;
    } catch (error) {
      // Where it is not known whether it was committed, the row will tell.
      endLater(steps, ours, token);
      throw error;
    }
  }
}

function endLater(steps: GlobalSteps, entries: readonly GlobalEntry[], token: string): void {
  if (entries.length > 0) steps.later((unbound) => endAll(unbound, entries, token));
}

/** Deletes entries that a commit has ended; it has fenced their tokens. */
async function removeAll(steps: GlobalSteps, released: readonly Released[]): Promise<void> {
  await allDone(released.map(({ entry, token }) => steps.remove(entry, token)));
}

/** Ends the entries of an attempt, unless their rows hold them. */
async function endAll(steps: GlobalSteps, entries: readonly GlobalEntry[], token: string): Promise<void> {
  await allDone(entries.map((entry) => endEntry(steps, entry, token)));
}

/** Ends an entry, unless its row holds it. @returns whether it is no more. */
export async function endEntry(steps: GlobalSteps, entry: GlobalEntry, token: string): Promise<boolean> {
  if ((await steps.resolve(entry, token, true)) === 'held') return false;
  await steps.remove(entry, token);
  return true;
}

/** Makes an entry ours; undefined where another row has it. */
async function claim(steps: GlobalSteps, entry: GlobalEntry, token: string): Promise<Claim | undefined> {
  const { encodings } = entry;
  for (;;) {
    const { at, claimant } = await steps.enter(entry, token);
    const until = at + COMMIT_WINDOW_MS;
    if (!claimant) return { how: '+', token, encodings, entry, until };
    const theirs: GlobalEntry = { ...entry, key: claimant.key };
    const fate = await steps.resolve(theirs, claimant.token, claimant.ageMs >= GRACE_MS);
    if (fate === 'held')
      return claimant.key.row === entry.key.row
        ? { how: '=', token: claimant.token, encodings, entry, until }
        : undefined;
    if (fate === 'dead') await steps.remove(theirs, claimant.token);
    else await steps.pause();
  }
}

/** The first entry of a unique that two rows of one commit are to hold. */
function firstDoubled(entries: readonly GlobalEntry[]): GlobalEntry | undefined {
  const seen = new Set<string>();
  return entries.find(({ index, encodings }) => {
    if (index.kind !== 'unique') return false;
    const place = `${index.entity}\0${index.name}\0${encodings}`;
    if (seen.has(place)) return true;
    seen.add(place);
    return false;
  });
}

/** Waits for all, also where one fails, so that nothing goes on unseen. @throws the first error. */
async function allDone<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
