/** What carries a trace from one process to another, by the names of W3C Trace Context: `traceparent`, `tracestate`. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** Returns the headers of what runs now; undefined outside of a trace. */
export type TraceHeaderSource = () => TraceHeaders | undefined;

/** What knows the present trace. There is one in a process, as there is one set of tracing channels. */
let source: TraceHeaderSource | undefined;

/** Returns the headers to send along with a message or a change; undefined outside of a trace. */
export function currentTraceHeaders(): TraceHeaders | undefined {
  return source?.();
}

/** Sets what knows the present trace. @returns unsets it, unless it was replaced meanwhile */
export function setTraceHeaderSource(given: TraceHeaderSource): () => void {
  source = given;
  return () => {
    if (source === given) source = undefined;
  };
}
