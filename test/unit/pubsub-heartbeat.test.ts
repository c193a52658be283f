import { Heartbeat } from '../../lib/pubsub/links/heartbeat.js';
import { eventually } from '../cluster-fixture.js';

const heartbeats: Heartbeat[] = [];
afterEach(() => heartbeats.splice(0).forEach((heartbeat) => heartbeat.stop()));

function watch(everyMs: number, ping: () => Promise<boolean>): { heartbeat: Heartbeat; silences: number[] } {
  const silences: number[] = [];
  const heartbeat = new Heartbeat(everyMs, ping, () => silences.push(performance.now()));
  heartbeats.push(heartbeat);
  return { heartbeat, silences };
}

describe('a heart-beat', () => {
  it('asks again and again while it is answered, and moves on what is outlivedStart', async () => {
    let pings = 0;
    const { heartbeat, silences } = watch(5, async () => ++pings > 0);
    const begun = heartbeat.intactUntil;
    await eventually(() => pings > 20);
    expect(silences).toEqual([]);
    expect(heartbeat.intactUntil).toBeGreaterThan(begun);
    expect(heartbeat.intactUntil).toBeLessThanOrEqual(Date.now());
  });

  it('tells once when there is no answer, and proves nothing by then', async () => {
    let pings = 0;
    const { heartbeat, silences } = watch(10, () => new Promise(() => void pings++));
    const begun = heartbeat.intactUntil;
    await eventually(() => silences.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(silences).toHaveLength(1);
    expect(pings).toBe(1);
    expect(heartbeat.intactUntil).toBe(begun);
  });

  it('takes anything that is heard for a sign of life', async () => {
    const { heartbeat, silences } = watch(40, () => new Promise(() => {}));
    const until = performance.now() + 300;
    await eventually(
      () => {
        heartbeat.recordActivity();
        return performance.now() > until;
      },
      { intervalMs: 5 },
    );
    expect(silences).toEqual([]);
    await eventually(() => silences.length === 1);
  });

  it('does not take a standstill of this process for silence of the peer', async () => {
    let pings = 0;
    const { silences } = watch(20, async () => ++pings > 0);
    for (let i = 0; i < 3; i++) {
      const asked = pings;
      await eventually(() => pings > asked, { intervalMs: 1 });
      const until = performance.now() + 100;
      while (performance.now() < until);
    }
    expect(silences).toEqual([]);
  });

  it('is still after it was stopped', async () => {
    let pings = 0;
    const { heartbeat, silences } = watch(5, async () => ++pings > 0);
    await eventually(() => pings > 1);
    heartbeat.stop();
    const asked = pings;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect([pings, silences]).toEqual([asked, []]);
  });
});
