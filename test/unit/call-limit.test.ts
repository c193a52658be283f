import { CallLimit } from '../../lib/cluster/command/call-limit.js';

const never = new Promise<never>(() => {});

// timers fire early only while the event loop turns, as it does under traffic
let turning = true;
const turn = (): void => void (turning && setImmediate(turn));
beforeAll(turn);
afterAll(() => (turning = false));

/** Deadlines that are no whole milliseconds, as what is left of one seldom is, one after the other. */
async function overAfter(use: (limit: CallLimit) => Promise<unknown>): Promise<Set<boolean>> {
  const seen = new Set<boolean>();
  for (let count = 0; count < 100; count++) {
    const limit = new CallLimit('The call', 2 + count / 50, undefined);
    await use(limit).catch(() => {});
    seen.add(limit.over);
  }
  return seen;
}

it('is over once it has ended a wait', async () => {
  expect(await overAfter((limit) => limit.wait(never))).toEqual(new Set([true]));
});

it('is over after a pause that it has cut short', async () => {
  expect(await overAfter((limit) => limit.pause(60_000))).toEqual(new Set([true]));
});

it('names the last reason to wait as the cause, but not its own end', async () => {
  const limit = new CallLimit('The call', 5, undefined);
  const end: Error = await limit.wait(never).catch((error: Error) => error);
  const reason = new Error('a refusal');
  expect(limit.error(reason)).toMatchObject({ cause: reason });
  expect(limit.error(end).cause).toBeUndefined();
});

it('does not fire at once with the longest deadline', async () => {
  const limit = new CallLimit('The call', 2 ** 31 - 1, undefined);
  const work = new Promise((resolve) => setTimeout(resolve, 20, 'done'));
  expect(await limit.wait(work)).toBe('done');
});
