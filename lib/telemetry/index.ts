export { ClusterTelemetryModule } from './cluster-telemetry.module.js';
export { ClusterTelemetry, registerTelemetry } from './cluster-telemetry.js';
export type { TelemetryOptions, TelemetryTraceOptions } from './telemetry-options.js';
export { traceContextCodec } from './propagation/trace-context-codec.js';
export { traceContextOf, withTraceContext, type Traced } from './propagation/trace-context.js';
