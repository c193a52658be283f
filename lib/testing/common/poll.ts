import { delay, monotonicMs } from '../../cluster/common/timers.js';
import { LocalClusterError } from './local-cluster-error.js';

/** How long to wait for a condition. */
export interface WaitOptions {
  /** In ms. Default 30000. */
  timeoutMs?: number | undefined;
  /** Ends the waiting early. */
  signal?: AbortSignal | undefined;
}

const INTERVAL_MS = 20;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Asks again and again what is still missing, until nothing is.
 * @param goal what is waited for, for the error's message
 * @throws LocalClusterError `NOT_REACHED` with what was missing last
 */
export async function untilNothingMissing(
  goal: string,
  missing: () => Promise<string | undefined>,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: WaitOptions = {},
): Promise<void> {
  const end = monotonicMs() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const what = await missing();
    if (what === undefined) return;
    if (monotonicMs() > end) {
      throw new LocalClusterError('NOT_REACHED', `${goal}: not within ${timeoutMs} ms; ${what}`);
    }
    await delay(INTERVAL_MS, undefined, { signal });
  }
}
