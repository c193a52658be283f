import type { Schedule } from './schedule.js';

/** How many smaller schedules are tried. */
const MAX_ATTEMPTS = 400;

/**
 * Returns a schedule that fails like the given one, without most of what does not matter for it.
 *
 * @param fails runs a schedule, and returns whether it fails.
 */
export async function shrink(
  schedule: Schedule,
  fails: (smaller: Schedule) => Promise<boolean>,
): Promise<Schedule> {
  let best = schedule;
  let attempts = 0;
  const accept = async (smaller: Schedule): Promise<boolean> => {
    if (attempts++ >= MAX_ATTEMPTS || !(await fails(smaller))) return false;
    best = smaller;
    return true;
  };
  for (const list of ['seats', 'messages', 'calls', 'faults'] as const) {
    const listed = (): readonly unknown[] => best[list] ?? [];
    await withoutParts(listed().length, (from, count) =>
      accept({ ...best, [list]: listed().toSpliced(from, count) }),
    );
  }
  for (let at = 0; at < best.calls.length; at++) {
    const together = best.calls[at];
    await withoutParts(together.calls.length, (from, count) => {
      const calls = best.calls[at].calls.toSpliced(from, count);
      return calls.length === 0
        ? Promise.resolve(false)
        : accept({ ...best, calls: best.calls.with(at, { ...best.calls[at], calls }) });
    });
  }
  return best;
}

/** Tries to leave out parts of a list: first large ones, then small ones. */
async function withoutParts(
  length: number,
  accept: (from: number, count: number) => Promise<boolean>,
): Promise<void> {
  let left = length;
  for (let size = Math.ceil(left / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < left;) {
      const count = Math.min(size, left - from);
      if (await accept(from, count)) left -= count;
      else from += count;
    }
  }
}
