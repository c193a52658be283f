import { DeadlineExceededError, OutcomeUnknownError } from '../common/errors.js';
import type { ResolvedCall } from './resolved-call.js';
import { monotonicMs } from '../common/timers.js';

/** The shortest and the longest time for which one request may delay later ones on its connection, in ms. */
const FIRST_MS = 10;
const LONGEST_MS = 100;

/** How many arguments say what to wait for. The next argument is the timeout. */
const GOALS: ReadonlyMap<string, number> = new Map([
  ['wait', 1],
  ['waitaof', 2],
]);

/**
 * Runs a part of a call. WAIT and WAITAOF refer to the writes of their own connection. They must use the
 * connection that all callers share, and block everything behind them. They are therefore sent repeatedly with
 * short timeouts, until they have what they wait for, or their own timeout has passed.
 * @param until the deadline of the call; milliseconds of `performance.now()`
 * @throws DeadlineExceededError if the deadline comes before the timeout; else what `run` throws
 */
export async function runBriefly(
  call: ResolvedCall,
  deadlineMs: number,
  until: number,
  run: (part: ResolvedCall) => Promise<unknown>,
): Promise<unknown> {
  const goals = GOALS.get(call.row.name);
  if (goals === undefined) return run(call);
  const numbers = call.args.map(String);
  // the server reports what is wrong with them
  if (numbers.length !== goals + 1 || !numbers.every((text) => /^\d+$/.test(text))) return run(call);
  const timeoutMs = Number(numbers[goals]);
  const endAt = timeoutMs === 0 ? Infinity : monotonicMs() + timeoutMs;
  for (let sliceMs = FIRST_MS; ; sliceMs = Math.min(LONGEST_MS, sliceMs * 2)) {
    const leftMs = Math.ceil(Math.min(sliceMs, Math.min(endAt, until) - monotonicMs()));
    const args = [...call.args.slice(0, goals), String(Math.max(1, leftMs))];
    const reply = await run({ ...call, args }).catch((error: unknown) => {
      // it changes nothing, so its outcome does not matter
      if (monotonicMs() < until || !(error instanceof OutcomeUnknownError)) throw error;
      throw new DeadlineExceededError(call.name, deadlineMs, { cause: error.cause });
    });
    const reached: readonly unknown[] = Array.isArray(reply) ? reply : [reply];
    const isReached = reached.every((many, i) => Number(many) >= Number(numbers[i]));
    if (isReached || monotonicMs() >= endAt) return reply;
    if (monotonicMs() >= until) throw new DeadlineExceededError(call.name, deadlineMs);
  }
}
