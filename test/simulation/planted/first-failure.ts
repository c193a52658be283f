import { courseOf, SCHEDULES } from '../simulate.js';

/**
 * Returns which of so many schedules is the first that fails, and what was wrong in it; `undefined` if none does.
 *
 * @param isSound whether a seed fails only because of what was planted.
 */
export async function firstFailure(
  schedules: number,
  seed: number,
  isStopped: () => boolean,
  isSound: (seed: number) => Promise<boolean> = () => Promise.resolve(true),
  callers: keyof typeof SCHEDULES = 'commands',
): Promise<{ readonly count: number; readonly what: string } | undefined> {
  for (let count = 1; count <= schedules && !isStopped(); count++) {
    const { faults } = await courseOf(SCHEDULES[callers](seed + count - 1));
    if (faults.length > 0 && (await isSound(seed + count - 1)))
      return { count, what: faults[0].split('\n')[0] };
  }
  return undefined;
}
