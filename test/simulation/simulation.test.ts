import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';
import { FAILED_ONCE } from './failed-once.js';
import { ENTITY_FAULTS } from './planted/entity-faults.js';
import { MIXED_FAULTS } from './planted/mixed-faults.js';
import { PLANTED_FAULTS } from './planted/planted-faults.js';
import { runSchedule } from './schedules/run-schedule.js';
import { randomSchedule } from './random/random-schedule.js';
import type { Schedule } from './schedules/schedule.js';
import { shrink } from './schedules/shrink.js';
import { simulate, verify } from './simulate.js';

describe('a simulation', () => {
  it.each(FAILED_ONCE)('finds nothing wrong any more in %s', async (_name, schedule) => {
    expect((await runSchedule(schedule)).faults).toEqual([]);
  });

  it.each(['commands', 'mixed'] as const)(
    'takes the same course for the same seed, and another one for another seed: %s',
    async (callers) => {
      const found = await verify({ seed: 1, schedules: 4, callers });
      expect(found).toEqual({ schedules: 4, hashes: 4, different: [] });
    },
  );

  it.each([
    ['commands', 40],
    ['mixed', 25],
  ] as const)('finds nothing wrong in random schedules: %s', async (callers, schedules) => {
    const result = await simulate({ seed: 1, schedules, minutes: 5, callers });
    expect([...result.failed.values()]).toEqual([]);
    expect(result.schedules).toBe(schedules);
  });

  it('has calls that succeed and calls that fail, and servers that lose writes', async () => {
    const outcomes = { known: 0, unknown: 0, losses: 0 };
    for (let seed = 1; seed <= 30; seed++) {
      const { operations, losses } = (await runSchedule(randomSchedule(seed))).history;
      outcomes.known += operations.filter(({ output }) => output !== undefined).length;
      outcomes.unknown += operations.filter(({ output }) => output === undefined).length;
      outcomes.losses += losses.length;
    }
    expect(outcomes.known).toBeGreaterThan(1_000);
    expect(outcomes.unknown).toBeGreaterThan(0);
    expect(outcomes.losses).toBeGreaterThan(0);
  });

  it('reduces a schedule to what makes it fail', async () => {
    const whole = randomSchedule(3);
    const keys = (schedule: Schedule): string[] =>
      schedule.calls.flatMap(({ calls }) => calls.map(([key]) => key));
    const [key] = keys(whole).slice(-1);
    const [{ fault }] = whole.faults;
    const smaller = await shrink(whole, (one) =>
      Promise.resolve(keys(one).includes(key) && one.faults.some((other) => other.fault === fault)),
    );
    expect(keys(smaller)).toEqual([key]);
    expect(smaller.faults.map((one) => one.fault)).toEqual([fault]);
  });
});

it('has one place in the code for each planted fault', () => {
  const misplaced = [...PLANTED_FAULTS, ...MIXED_FAULTS, ...ENTITY_FAULTS]
    .filter(({ file, passage }) => readFileSync(join(root, file), 'utf8').split(passage).length !== 2)
    .map(({ name, file }) => `${name}: ${file}`);
  expect(misplaced).toEqual([]);
});

describe('npm run simulate', () => {
  const run = (...args: string[]): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(process.execPath, [join(root, 'scripts/simulate.mjs'), ...args], {
      cwd: root,
      encoding: 'utf8',
    });

  it('runs schedules from a seed on', () => {
    const { status, stdout } = run('--seed', '5', '--schedules', '3');
    expect(stdout).toMatch(
      /^3 schedules from seed 5 on, \d+ a minute \(\d+ a minute of CPU time\): 0 failed\n$/,
    );
    expect(status).toBe(0);
  });

  it('runs schedules twice', () => {
    const { status, stdout } = run('--verify', '2', '--seed', '3', '--mixed');
    expect(stdout).toBe('2 of 2 schedules took the same course twice, from seed 3 on\n');
    expect(status).toBe(0);
  });

  it('notices changes of the client that are planted', () => {
    const quick = [...PLANTED_FAULTS, ...MIXED_FAULTS]
      .filter(({ schedules }) => schedules <= 50)
      .map(({ name }) => name);
    expect(quick.length).toBeGreaterThan(5);
    const { status, stdout } = run('--planted', ...quick);
    expect(stdout.trim().split('\n')).toEqual(
      quick.map((name) => expect.stringMatching(new RegExp(`^${name}: noticed in schedule \\d+: `))),
    );
    expect(status).toBe(0);
  });
});
