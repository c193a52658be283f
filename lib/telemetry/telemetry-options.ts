import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeKind, describeValue } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { LONGEST_TIMER_MS } from '../cluster/common/timers.js';

/** Options of `traces`. */
export interface TelemetryTraceOptions {
  /**
   * Whether only operations within another span become spans, so that background work begins no traces; default false.
   * Message handlers always do.
   */
  readonly requireParent?: boolean | undefined;
  /** Whether connections and reads of the topology become spans, too; default false. */
  readonly internal?: boolean | undefined;
}

/** Options of `ClusterTelemetryModule.forRoot` and `registerTelemetry`. */
export interface TelemetryOptions {
  /** Whether operations become spans, or which of them; default true. */
  readonly traces?: boolean | TelemetryTraceOptions | undefined;
  /** Whether metrics are recorded; default true. */
  readonly metrics?: boolean | undefined;
  /** Default: the provider that the application has registered with `@opentelemetry/api`. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Default: the provider that the application has registered with `@opentelemetry/api`. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * How long, in ms, the end of telemetry waits until the providers have exported what they hold; default 2000. 0 for
   * not at all.
   */
  readonly flushTimeoutMs?: number | undefined;
}

const OPTIONS = ['traces', 'metrics', 'tracerProvider', 'meterProvider', 'flushTimeoutMs'];
const TRACE_OPTIONS = ['requireParent', 'internal'];

/** @throws InvalidArgumentError for an unknown option, or a value that is not possible */
export function checkTelemetryOptions(options: TelemetryOptions): void {
  checkOptionNames('telemetry', options, OPTIONS);
  const { traces, metrics, flushTimeoutMs = 0, tracerProvider, meterProvider } = options;
  if (typeof traces === 'object') {
    checkOptionNames('telemetry.traces', traces, TRACE_OPTIONS);
    checkFlag('requireParent', traces.requireParent);
    checkFlag('internal', traces.internal);
  } else checkFlag('traces', traces);
  checkFlag('metrics', metrics);
  checkProvider('tracerProvider', tracerProvider, 'getTracer');
  checkProvider('meterProvider', meterProvider, 'getMeter');
  if (typeof flushTimeoutMs !== 'number' || !(flushTimeoutMs >= 0) || flushTimeoutMs > LONGEST_TIMER_MS)
    throw new InvalidArgumentError(
      'flushTimeoutMs',
      `"flushTimeoutMs" must be a number of milliseconds, got ${describeValue(flushTimeoutMs)}`,
    );
}

function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new InvalidArgumentError(name, `"${name}" must be true or false, got ${describeValue(value)}`);
}

function checkProvider(name: string, provider: unknown, method: string): void {
  if (provider === undefined) return;
  if (typeof (provider as Record<string, unknown> | null)?.[method] === 'function') return;
  throw new InvalidArgumentError(
    name,
    `"${name}" must be a provider of OpenTelemetry, with ${method}(), got ${describeKind(provider)}`,
  );
}
