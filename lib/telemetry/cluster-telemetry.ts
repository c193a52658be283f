import { metrics as metricsApi, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';
import { checkClient } from '../client/check-client.js';
import type { ClusterClient } from '../client/cluster-client.js';
import { setTraceHeaderSource } from '../cluster/diagnostics/trace-headers.js';
import { flushProviders } from './flush-providers.js';
import { ClientMetrics } from './metrics/client-metrics.js';
import { startDurations } from './metrics/duration-metrics.js';
import { activeHeaders } from './propagation/trace-context.js';
import { startSpans } from './traces/channel-spans.js';
import { checkTelemetryOptions, type TelemetryOptions } from './telemetry-options.js';

const SCOPE = 'keyslot';

/** What is recorded for one pair of providers, however many registrations share it. */
interface Recording {
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: MeterProvider;
  readonly clients: ClientMetrics | undefined;
  registrations: number;
  stop(): void;
}

/** All recordings of this process: like the tracing channels, they are about all clients in it. */
const recordings = new Set<Recording>();

/** Telemetry that has been registered. */
export class ClusterTelemetry {
  private readonly recording: Recording;
  private readonly removals: (() => void)[] = [];
  private readonly flushTimeoutMs: number;
  private ended: Promise<void> | undefined = undefined;

  /** Use `registerTelemetry()`. @throws InvalidArgumentError for invalid options */
  constructor(options: TelemetryOptions = {}) {
    checkTelemetryOptions(options);
    this.flushTimeoutMs = options.flushTimeoutMs ?? 2_000;
    this.recording = recordingFor(options);
    this.recording.registrations++;
  }

  /**
   * Adds the statistics of a client to the metrics. Spans and durations are of all clients anyway.
   * @param name the value of `keyslot.client.name`; default the client's option `clientName`, or `default`
   * @returns removes it
   * @throws InvalidArgumentError for anything that is not a ClusterClient
   */
  observe(client: ClusterClient, name?: string): () => void {
    checkClient(client, 'client', 'observe()');
    const { clients } = this.recording;
    if (clients === undefined || this.ended !== undefined) return () => undefined;
    const remove = clients.add(client, name ?? client.options.redisOptions.connectionName ?? 'default');
    this.removals.push(remove);
    return remove;
  }

  /**
   * Ends the telemetry, and has the providers export what they hold, within `flushTimeoutMs`. Shut the providers down
   * afterwards. Never rejects.
   */
  shutdown(): Promise<void> {
    return (this.ended ??= this.end());
  }

  private async end(): Promise<void> {
    const { recording } = this;
    const { tracerProvider, meterProvider } = recording;
    // the last values of the clients are part of what is exported
    const fault = await flushProviders([tracerProvider, meterProvider], this.flushTimeoutMs);
    if (fault !== undefined) warn(`${fault}: telemetry may be incomplete. The application goes on`);
    for (const remove of this.removals) remove();
    if (--recording.registrations > 0) return;
    recordings.delete(recording);
    recording.stop();
  }
}

/**
 * Begins to make spans and metrics of what the clients of this process do, with the providers of OpenTelemetry.
 * `ClusterTelemetryModule` does it for an application of Nest.
 * @throws InvalidArgumentError for an unknown option, or a value that is not possible
 */
export const registerTelemetry = (options: TelemetryOptions = {}): ClusterTelemetry =>
  new ClusterTelemetry(options);

/** Returns what is recorded for these providers already: two recordings would count everything twice. */
function recordingFor(options: TelemetryOptions): Recording {
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metricsApi.getMeterProvider() } =
    options;
  for (const recording of recordings) {
    if (recording.tracerProvider !== tracerProvider || recording.meterProvider !== meterProvider) continue;
    warn('Telemetry is registered twice. It is recorded once, with the options of the first registration');
    return recording;
  }
  const recording = startRecording(options, tracerProvider, meterProvider);
  recordings.add(recording);
  return recording;
}

function startRecording(
  { traces = true, metrics = true }: TelemetryOptions,
  tracerProvider: TracerProvider,
  meterProvider: MeterProvider,
): Recording {
  const stops: (() => void)[] = [];
  if (traces !== false) {
    const { requireParent = false, internal = false } = traces === true ? {} : traces;
    stops.push(startSpans(tracerProvider.getTracer(SCOPE), { requireParent, internal }));
    stops.push(setTraceHeaderSource(activeHeaders));
  }
  const meter = metrics ? meterProvider.getMeter(SCOPE) : undefined;
  const clients = meter && new ClientMetrics(meter);
  if (meter) stops.push(startDurations(meter));
  if (clients) stops.push(() => clients.stop());
  return {
    tracerProvider,
    meterProvider,
    clients,
    registrations: 0,
    stop: () => stops.forEach((stop) => stop()),
  };
}

/** Says each thing once. */
const said = new Set<string>();

function warn(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  process.emitWarning(message, 'KeyslotTelemetryWarning');
}
