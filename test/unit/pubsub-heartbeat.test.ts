import { fakeClock, pass, standStill } from '../fake-clock.js';

fakeClock();
const { Heartbeat } = await import('../../lib/pubsub/links/heartbeat.js');

const EVERY_MS = 1_000;
const heartbeats: InstanceType<typeof Heartbeat>[] = [];
afterEach(() => heartbeats.splice(0).forEach((heartbeat) => heartbeat.stop()));

/** A heartbeat, and how often it has sent a ping and reported silence. */
function watch(answer: () => Promise<boolean>) {
  const counts = { pings: 0, silences: 0 };
  const ping = (): Promise<boolean> => {
    counts.pings++;
    return answer();
  };
  const heartbeat = new Heartbeat(EVERY_MS, ping, () => void counts.silences++);
  heartbeats.push(heartbeat);
  return { heartbeat, counts };
}

const answered = async (): Promise<boolean> => true;
const unanswered = (): Promise<boolean> => new Promise(() => {});

describe('a heartbeat', () => {
  it('sends a ping at each interval while pings are answered, and advances the time until which nothing is lost', async () => {
    const { heartbeat, counts } = watch(answered);
    const begun = heartbeat.intactUntil;
    await pass(20 * EVERY_MS);
    expect(counts).toEqual({ pings: 20, silences: 0 });
    // the last but one
    expect(heartbeat.intactUntil).toBe(begun + 19 * EVERY_MS);
  });

  it('does not advance that time if a message was lost before the answer', async () => {
    const { heartbeat, counts } = watch(async () => false);
    const begun = heartbeat.intactUntil;
    await pass(5 * EVERY_MS);
    expect(counts).toEqual({ pings: 5, silences: 0 });
    expect(heartbeat.intactUntil).toBe(begun);
  });

  it('reports silence once when there is no answer for two intervals, and sends no more pings', async () => {
    const { heartbeat, counts } = watch(unanswered);
    const begun = heartbeat.intactUntil;
    await pass(2 * EVERY_MS - 1);
    expect(counts).toEqual({ pings: 1, silences: 0 });
    await pass(1);
    await immediates();
    expect(counts).toEqual({ pings: 1, silences: 1 });
    await pass(20 * EVERY_MS);
    await immediates();
    expect(counts).toEqual({ pings: 1, silences: 1 });
    expect(heartbeat.intactUntil).toBe(begun);
  });

  it('treats anything that arrives as a sign of life', async () => {
    const { heartbeat, counts } = watch(unanswered);
    for (let i = 0; i < 10; i++) {
      await pass(1.5 * EVERY_MS);
      await immediates();
      heartbeat.recordActivity();
    }
    expect(counts.silences).toBe(0);
    await pass(2 * EVERY_MS);
    await immediates();
    expect(counts.silences).toBe(1);
  });

  it('does not mistake a blocked process for a silent peer', async () => {
    const { counts } = watch(answered);
    for (let i = 1; i <= 3; i++) {
      standStill(5 * EVERY_MS);
      await immediates();
      expect(counts.pings).toBeGreaterThanOrEqual(i);
    }
    expect(counts.silences).toBe(0);
  });

  it('sends and reports nothing after it is stopped', async () => {
    const idle = watch(answered);
    const waiting = watch(unanswered);
    await pass(1.5 * EVERY_MS);
    expect([idle.counts.pings, waiting.counts.pings]).toEqual([1, 1]);
    idle.heartbeat.stop();
    waiting.heartbeat.stop();
    await pass(20 * EVERY_MS);
    await immediates();
    expect(idle.counts).toEqual({ pings: 1, silences: 0 });
    expect(waiting.counts).toEqual({ pings: 1, silences: 0 });
  });
});

/** Until what waits for the event loop to have read its sockets has run. */
async function immediates(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
