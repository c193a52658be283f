import { clearTimeout, monotonicMs, setTimeout, unixMs } from '../common/timers.js';
import type { ClusterLogger, LogEntry, LogFields, LogKind, LogLevel } from './log-entry.js';

/** How many entries of each kind are written in one interval at most: in an outage, all calls fail. */
const MAX_ENTRIES: Readonly<Record<LogKind, number>> = { error: 50, topology: 50, slow: 50, command: 500 };
const INTERVAL_MS = 1_000;

/** What was written of one kind in the present interval. */
interface Interval {
  endsAt: number;
  written: number;
  suppressed: number;
  /** Runs until the number of suppressed entries is written. */
  timer: NodeJS.Timeout | undefined;
}

/** Passes entries to a logger: not more than so many, and whatever the logger does. */
export class LogWriter {
  private readonly intervals = new Map<LogKind, Interval>();
  private faultReported = false;

  constructor(
    private readonly logger: ClusterLogger,
    private readonly clientName: string | undefined,
  ) {}

  write(kind: LogKind, level: LogLevel, message: string, fields: LogFields): void {
    const interval = this.intervalOf(kind);
    if (interval.written >= MAX_ENTRIES[kind]) return this.suppress(kind, interval);
    interval.written++;
    this.pass({ kind, level, message, at: unixMs(), clientName: this.clientName, fields });
  }

  /** Writes how many entries were suppressed last. */
  end(): void {
    for (const kind of this.intervals.keys()) this.reportSuppressed(kind);
  }

  private intervalOf(kind: LogKind): Interval {
    const now = monotonicMs();
    let interval = this.intervals.get(kind);
    if (interval === undefined || now >= interval.endsAt) {
      this.reportSuppressed(kind);
      interval = { endsAt: now + INTERVAL_MS, written: 0, suppressed: 0, timer: undefined };
      this.intervals.set(kind, interval);
    }
    return interval;
  }

  private suppress(kind: LogKind, interval: Interval): void {
    interval.suppressed++;
    const report = (): void => this.reportSuppressed(kind);
    interval.timer ??= setTimeout(report, interval.endsAt - monotonicMs()).unref();
  }

  private reportSuppressed(kind: LogKind): void {
    const interval = this.intervals.get(kind);
    if (interval === undefined || interval.suppressed === 0) return;
    const { suppressed } = interval;
    clearTimeout(interval.timer);
    interval.suppressed = 0;
    interval.timer = undefined;
    const message = `${suppressed} more entries of the kind '${kind}' were suppressed`;
    this.pass({
      kind,
      level: 'warn',
      message,
      at: unixMs(),
      clientName: this.clientName,
      fields: { suppressed },
    });
  }

  private pass(entry: LogEntry): void {
    try {
      // an async function is called for what it does; its rejection must not end the process
      Promise.resolve(this.logger(entry)).catch((error: unknown) => this.reportFault(error));
    } catch (error) {
      this.reportFault(error);
    }
  }

  private reportFault(error: unknown): void {
    if (this.faultReported) return;
    this.faultReported = true;
    let text = 'a value that is not an Error';
    try {
      if (error instanceof Error) text = `${error.name}: ${error.message}`;
    } catch {
      // an error that cannot be read
    }
    process.emitWarning(
      `The logger of a cluster client failed with ${text}. The client goes on; later failures of the logger are not reported`,
      'KeyslotLoggerWarning',
    );
  }
}
