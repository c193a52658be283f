import { runSchedule, type Course } from './schedules/run-schedule.js';
import { randomMixedSchedule } from './random/random-mixed-schedule.js';
import { randomSchedule } from './random/random-schedule.js';
import { randomSeatSchedule } from './random/random-seat-schedule.js';
import type { Schedule } from './schedules/schedule.js';
import { shrink } from './schedules/shrink.js';
import { writeTest } from './schedules/write-test.js';

/** Random schedules, by what they call. */
export const SCHEDULES = {
  commands: randomSchedule,
  mixed: randomMixedSchedule,
  entities: randomSeatSchedule,
};

/** What a simulation is asked for. */
export interface SimulationOptions {
  /** The seed of the first schedule. The next ones have the next seeds. */
  readonly seed: number;
  /** It ends after so many schedules, or so many minutes. */
  readonly schedules: number;
  readonly minutes: number;
  /** How many schedules may fail before it ends. */
  readonly failures?: number;
  /** Which schedules run. */
  readonly callers?: keyof typeof SCHEDULES;
}

/** What came of it. */
export interface SimulationResult {
  readonly schedules: number;
  readonly milliseconds: number;
  /** The time that its process has computed. */
  readonly cpuMilliseconds: number;
  /** The seeds of the schedules that failed, with a text for each. */
  readonly failed: ReadonlyMap<number, string>;
}

/** Runs a schedule. What it throws is a fault. @param isHashed whether the hash of what happens is wanted */
export async function courseOf(schedule: Schedule, isHashed = false): Promise<Course> {
  try {
    return await runSchedule(schedule, { isHashed });
  } catch (error) {
    const faults = [`threw ${String((error as Error).stack)}`];
    return { hash: '', faults, history: { operations: [], losses: [] }, length: 0 };
  }
}

/** Runs random schedules. Those that fail are made smaller, and returned as entries for a test. */
export async function simulate(
  options: SimulationOptions,
  isStopped = (): boolean => false,
): Promise<SimulationResult> {
  const { seed, schedules, minutes, failures = 1, callers = 'commands' } = options;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const failed = new Map<number, string>();
  let count = 0;
  while (
    count < schedules &&
    performance.now() - began < minutes * 60_000 &&
    failed.size < failures &&
    !isStopped()
  ) {
    const schedule = SCHEDULES[callers](seed + count++);
    if ((await courseOf(schedule)).faults.length === 0) continue;
    const smaller = await shrink(schedule, async (one) => (await courseOf(one)).faults.length > 0);
    failed.set(schedule.seed, writeTest(smaller, await courseOf(smaller)));
  }
  const { user, system } = process.cpuUsage(cpu);
  const cpuMilliseconds = (user + system) / 1_000;
  return { schedules: count, milliseconds: performance.now() - began, cpuMilliseconds, failed };
}

/** Runs random schedules, and all of them again. Returns the seeds of those that took another course than before. */
export async function verify(
  { seed, schedules, callers = 'commands' }: Pick<SimulationOptions, 'seed' | 'schedules' | 'callers'>,
  isStopped = (): boolean => false,
): Promise<{ readonly schedules: number; readonly hashes: number; readonly different: readonly number[] }> {
  const first = new Map<number, string>();
  const different: number[] = [];
  for (let at = seed; at < seed + schedules && !isStopped(); at++)
    first.set(at, (await courseOf(SCHEDULES[callers](at), true)).hash);
  for (const [at, hash] of first)
    if ((await courseOf(SCHEDULES[callers](at), true)).hash !== hash) different.push(at);
  return { schedules: first.size, hashes: new Set(first.values()).size, different };
}
