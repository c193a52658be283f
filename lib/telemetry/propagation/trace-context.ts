import { context, propagation, ROOT_CONTEXT, type Context } from '@opentelemetry/api';
import type { TraceHeaders } from '../../cluster/diagnostics/trace-headers.js';

/** What carries the context of its sender: a message, a change, or the context of a microservice's message. */
export interface Traced {
  readonly headers?: TraceHeaders | undefined;
}

/**
 * Returns the trace context of a message's publisher or of a change's writer, for spans of your own:
 * `tracer.startSpan('bill', {}, traceContextOf(change))`. Without one, it is the root context.
 */
export function traceContextOf({ headers }: Traced): Context {
  return headers === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
}

/**
 * Calls a function in the trace context of a message's publisher or of a change's writer. Spans that it begins, those
 * of Keyslot too, are part of that trace.
 */
export function withTraceContext<T>(traced: Traced, run: () => T): T {
  return context.with(traceContextOf(traced), run);
}

/** Returns the headers that carry the active context; undefined if there are none. */
export function activeHeaders(): TraceHeaders | undefined {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  for (const _ in headers) return headers;
  return undefined;
}
