import { Histogram } from '../../lib/cluster/stats/histogram.js';
import { RoundTripMeter, RoundTrips } from '../../lib/cluster/stats/round-trips.js';

/** The times in a window, as they are at a moment. */
function at(now: number, roundTrips: RoundTrips): Histogram {
  const times = new Histogram();
  roundTrips.addTo(times, now);
  return times;
}

describe('a latency histogram', () => {
  it.each([0.001, 0.0157, 0.016, 0.25, 1, 3.3, 47, 999, 60_000, 600_000])(
    'returns a duration of %s ms with an error of at most 3.2 percent',
    (ms) => {
      const times = new Histogram();
      times.record(ms, 3);
      times.record(1_000_000, 1); // else the result would be bounded by the maximum
      const [found] = times.percentiles([0.5]);
      expect(Math.abs(found - ms)).toBeLessThanOrEqual(Math.max(0.032 * ms, 0.0005));
    },
  );

  it('returns percentiles of a thousand durations', () => {
    const times = new Histogram();
    for (let ms = 1; ms <= 1_000; ms++) times.record(ms, 1);
    const [p50, p90, p99] = times.percentiles([0.5, 0.9, 0.99]);
    expect(p50 / 500).toBeCloseTo(1, 1);
    expect(p90 / 900).toBeCloseTo(1, 1);
    expect(p99 / 990).toBeCloseTo(1, 1);
    expect(times).toMatchObject({ count: 1_000, max: 1_000 });
  });

  it('starts empty, accepts any duration, and never exceeds the longest one', () => {
    const times = new Histogram();
    expect(times.percentiles([0.5, 0.99])).toEqual([0, 0]);
    for (const ms of [-1, 0, 1e12]) times.record(ms, 1);
    expect(times.percentiles([0.1, 0.99])[0]).toBeLessThan(0.001);
    const one = new Histogram();
    one.record(0.7, 1);
    expect(one.percentiles([0.5])[0]).toBeLessThanOrEqual(0.7);
  });
});

describe('a meter of round trips', () => {
  const meter = (): { roundTrips: RoundTrips; meter: RoundTripMeter } => {
    const roundTrips = new RoundTrips();
    return { roundTrips, meter: new RoundTripMeter(roundTrips) };
  };

  it('measures every reply from its own flush, even if one chunk answers several', () => {
    const { roundTrips, meter: one } = meter();
    one.flushed(3, 100);
    one.flushed(5, 110);
    one.replied(2, 120); // two after 20
    one.replied(4, 130); // one after 30, one after 20
    one.replied(5, 210); // one after 100
    const times = at(210, roundTrips);
    expect(times).toMatchObject({ count: 5, max: 100 });
    const [p60, p80] = times.percentiles([0.6, 0.8]);
    expect(p60).toBeCloseTo(20, 0);
    expect(p80).toBeCloseTo(30, 0);
  });

  it("excludes the client's own requests", () => {
    const { roundTrips, meter: one } = meter();
    one.flushedUnmeasured(1);
    one.flushed(2, 100);
    one.flushedUnmeasured(3);
    one.replied(3, 107);
    expect(at(107, roundTrips)).toMatchObject({ count: 1, max: 7 });
  });

  it('tracks any number of flushes at once', () => {
    const { roundTrips, meter: one } = meter();
    for (let i = 1; i <= 1_000; i++) {
      one.flushed(i, i);
      if (i % 3 === 0) one.replied(i / 3, i);
    }
    one.replied(1_000, 2_000);
    expect(at(2_000, roundTrips)).toMatchObject({ count: 1_000, max: 1_666 });
  });

  it('drops samples that are older than two minutes', () => {
    const roundTrips = new RoundTrips();
    roundTrips.record(9, 1, 1_000);
    roundTrips.record(5, 1, 50_000);
    expect(at(60_999, roundTrips)).toMatchObject({ count: 2, max: 9 });
    roundTrips.record(3, 1, 62_000);
    expect(at(62_000, roundTrips)).toMatchObject({ count: 3, max: 9 });
    roundTrips.record(4, 1, 123_000);
    expect(at(123_000, roundTrips)).toMatchObject({ count: 2, max: 4 });
    expect(at(400_000, roundTrips)).toMatchObject({ count: 0, max: 0 });
  });
});
