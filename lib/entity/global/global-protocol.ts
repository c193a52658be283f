import type { GlobalEntry } from '../keys/global-entry.js';
import type { Released, Hold } from '../operations/row-operation.js';
import type { GlobalSteps } from './global-steps.js';

/**
 * How long after its entries a write may be committed, in milliseconds. Fences are kept longer (`FENCE_MS` in
 * lua-holds.ts), by more than the clocks of two servers may differ.
 */
export const COMMIT_WINDOW_MS = 30_000;

/** How long other writes wait for a commit before they fence it, in milliseconds. */
export const GRACE_MS = 500;

/** The part of a commit's outcome that the protocol uses. */
export interface GlobalOutcome {
  /** Why the commit was refused; `HOLD` if an entry does not, or no longer does, belong to this write. */
  readonly fault?: string;
  /**
   * The entries that the commit released; undefined if an earlier attempt was committed, whose releases are unknown.
   */
  readonly released?: readonly Released[];
}

/** Another row has the value of this entry. */
export interface Taken {
  readonly taken: GlobalEntry;
}

interface Claim extends Hold {
  readonly entry: GlobalEntry;
  /** The deadline of the commit, in milliseconds since 1970. */
  readonly until: number;
}

/**
 * Writes rows whose entries are in other slots:
 *
 * 1. Enter: write every entry that a row will hold, with the token of this attempt.
 * 2. Commit: write the rows in their own slot, in one step, with their entries and the token. At this moment, the whole
 *    write takes effect.
 * 3. Release: delete the entries that the rows held before, in the background.
 *
 * The row decides. A row holds an entry with a token only while that entry exists: an entry is deleted only after its
 * token is dead. A token dies when it is fenced in the row's slot while the row does not hold it, or in the commit that
 * releases it. Therefore no two rows hold the same value, and no row is missing from an index. A crash leaves entries
 * that no row holds; readers detect them by asking the row. This is the primary lock of Percolator (Peng and Dabek,
 * OSDI 2010) with the row as the primary.
 *
 * @param entries the entries that the rows will hold.
 * @param commit commits the rows, with a hold for each of the entries, before a deadline.
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
      // If the outcome of the commit is unknown, the row decides.
      endLater(steps, ours, token);
      throw error;
    }
  }
}

function endLater(steps: GlobalSteps, entries: readonly GlobalEntry[], token: string): void {
  if (entries.length > 0) steps.later((unbound) => endAll(unbound, entries, token));
}

/** Deletes entries that a commit released. The commit has fenced their tokens. */
async function removeAll(steps: GlobalSteps, released: readonly Released[]): Promise<void> {
  await allDone(released.map(({ entry, token }) => steps.remove(entry, token)));
}

/** Deletes the entries of an attempt, unless their rows hold them. */
async function endAll(steps: GlobalSteps, entries: readonly GlobalEntry[], token: string): Promise<void> {
  await allDone(entries.map((entry) => endEntry(steps, entry, token)));
}

/** Fences and deletes an entry, unless its row holds it. @returns whether it was deleted. */
export async function endEntry(steps: GlobalSteps, entry: GlobalEntry, token: string): Promise<boolean> {
  if ((await steps.resolve(entry, token, true)) === 'held') return false;
  await steps.remove(entry, token);
  return true;
}

/** Claims an entry for this write. Returns undefined if another row holds it. */
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

/** Returns the first unique value that two rows of one commit would hold. */
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

/** Waits for all work, even if some fails, so that none continues in the background. @throws the first error. */
async function allDone<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
