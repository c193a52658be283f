import type { Commit } from './checker/partition-commit.js';
import { randomSeatSchedule } from './random/random-seat-schedule.js';
import { runSchedule, type Course } from './schedules/run-schedule.js';
import { simulate } from './simulate.js';

/** So few that they take seconds; `npm run simulate -- --entities` runs as many as you like. */
const SCHEDULES = 12;

describe('a simulation with entities', () => {
  const courses: Course[] = [];

  it('finds nothing wrong in random schedules', async () => {
    for (let seed = 1; seed <= SCHEDULES; seed++) courses.push(await runSchedule(randomSeatSchedule(seed)));
    expect(courses.flatMap(({ faults }) => faults)).toEqual([]);
  });

  it('takes the same course for the same seed', async () => {
    for (const [at, { hash }] of courses.slice(0, 4).entries())
      expect((await runSchedule(randomSeatSchedule(at + 1))).hash).toBe(hash);
    expect(new Set(courses.map(({ hash }) => hash)).size).toBe(SCHEDULES);
  });

  it('has commits of every kind and outcome, and servers that lose some', () => {
    const counts = {
      done: 0,
      unknown: 0,
      conflict: 0,
      exists: 0,
      missing: 0,
      taken: 0,
      queries: 0,
      losses: 0,
    };
    for (const { history } of courses) {
      counts.losses += history.losses.length;
      for (const { input, output } of history.operations) {
        const { refusal, queries } = input[1] as unknown as Commit;
        counts[output === undefined ? 'unknown' : (refusal ?? 'done')]++;
        counts.queries += queries.length;
      }
    }
    // few schedules have few of each of these
    const { unknown, conflict, losses, ...common } = counts;
    expect(unknown + conflict + losses).toBeGreaterThan(0);
    for (const [what, count] of Object.entries(common)) expect([what, count > 0]).toEqual([what, true]);
    expect(counts.done).toBeGreaterThan(200);
  });

  it('makes a schedule smaller that fails', async () => {
    const { schedules, failed } = await simulate({ seed: 1, schedules: 2, minutes: 5, callers: 'entities' });
    expect({ schedules, failed: failed.size }).toEqual({ schedules: 2, failed: 0 });
  });
});
