import { monotonicMs } from '../../cluster/common/timers.js';

/** How one kind of call did. */
export interface Measurement {
  readonly name: string;
  readonly calls: number;
  /** Commands a second; a call may have several. */
  readonly commandsPerSecond: number;
  /** Of the calls, in ms: the median, and what 99 of 100 took at most. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Calls that failed. */
  readonly errors: number;
}

/** A kind of call to measure. */
export interface Workload {
  readonly name: string;
  /** Commands per call. */
  readonly commands: number;
  /** Makes the call number `i`. */
  call(i: number): Promise<unknown>;
}

/** How long to measure, and how many calls wait at the same time. */
export interface MeasureOptions {
  readonly seconds: number;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** Makes calls for some seconds, a number of them at the same time. */
export async function measure(
  { name, commands, call }: Workload,
  { seconds, concurrency, signal }: MeasureOptions,
): Promise<Measurement> {
  const times: number[] = [];
  let errors = 0;
  let next = 0;
  const begin = monotonicMs();
  const end = begin + seconds * 1_000;
  const worker = async (): Promise<void> => {
    while (!signal.aborted && monotonicMs() < end) {
      const at = monotonicMs();
      await call(next++).then(
        () => times.push(monotonicMs() - at),
        () => errors++,
      );
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const elapsedSeconds = (monotonicMs() - begin) / 1_000;
  times.sort((a, b) => a - b);
  return {
    name,
    calls: times.length,
    commandsPerSecond: Math.round((times.length * commands) / elapsedSeconds),
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    errors,
  };
}

function percentile(sorted: readonly number[], share: number): number {
  const time = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return Math.round(time * 1_000) / 1_000;
}
