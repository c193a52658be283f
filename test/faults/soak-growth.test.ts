import { growthLine, growthOf, type Growth } from './harness/soak/growth.js';
import { randomFrom } from './harness/soak/random.js';

/** A quantity sampled every minute, with noise of ± 0.5, after caches have filled. */
function sampled(minutes: number, perHour: number): Growth | undefined {
  const random = randomFrom(1);
  return growthOf({
    name: 'heap MiB',
    mayGrow: 2,
    samples: Array.from({ length: minutes }, (_, minute) => [
      minute / 60,
      20 - 5 * Math.exp(-minute / 3) + (perHour * minute) / 60 + random() - 0.5,
    ]),
  });
}

describe("the soak's verdict on growth", () => {
  it.each([
    ['nothing grows for an hour', 60, 0, false],
    ['nothing grows for eight hours', 480, 0, false],
    ['what may be noise grows', 60, 1, false],
    ['5 MiB are gained in an hour', 60, 5, true],
    ['half a MiB an hour is gained for eight hours', 480, 0.5, true],
    ['memory is freed', 60, -20, false],
  ])('%s', (_name, minutes, perHour, isExcessive) => {
    const growth = sampled(minutes, perHour)!;
    expect(growth.isExcessive).toBe(isExcessive);
    expect(Math.abs(growth.perHour - perHour)).toBeLessThanOrEqual(Math.max(0.5, growth.uncertainty));
    expect(growthLine(growth).endsWith('GROWS')).toBe(isExcessive);
  });

  it('is not given on a few samples', () => {
    expect(sampled(10, 100)).toBeUndefined();
  });

  it('knows that a count which never changes does not grow', () => {
    const samples = Array.from({ length: 20 }, (_, i) => [i / 60, 7] as const);
    const growth = growthOf({ name: 'sockets', mayGrow: 1, samples })!;
    expect(growth).toMatchObject({ perHour: 0, uncertainty: 0, certain: 0, mean: 7, isExcessive: false });
  });

  it('notices one socket more every ten minutes', () => {
    const samples = Array.from({ length: 60 }, (_, i) => [i / 60, Math.floor(i / 10)] as const);
    expect(growthOf({ name: 'sockets', mayGrow: 1, samples })!.isExcessive).toBe(true);
  });
});
