import { context, propagation, trace, type Span, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';

/** The official SDK, whose exporter keeps the spans in memory. */
export class RecordedSpans {
  private readonly exporter = new InMemorySpanExporter();
  readonly provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.exporter)] });
  readonly tracer: Tracer = this.provider.getTracer('test');

  /** Spans that have ended, in their order. */
  get all(): ReadableSpan[] {
    return this.exporter.getFinishedSpans();
  }

  named(name: string): ReadableSpan[] {
    return this.all.filter((span) => span.name === name);
  }

  childrenOf(parent: ReadableSpan | Span): ReadableSpan[] {
    const { spanId } = parent.spanContext();
    return this.all.filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId);
  }

  reset(): void {
    this.exporter.reset();
  }

  /** Runs within a span of the application. */
  async within<T>(run: () => Promise<T>): Promise<{ span: Span; result: T }> {
    const span = this.tracer.startSpan('request');
    try {
      return { span, result: await context.with(trace.setSpan(context.active(), span), run) };
    } finally {
      span.end();
    }
  }
}

/** Registers the context manager and the propagator, as an application does at its start. */
export function useOpenTelemetry(): void {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  afterAll(() => {
    context.disable();
    propagation.disable();
  });
}
