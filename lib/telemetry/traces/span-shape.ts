import type { Attributes, Context, Link, Span, SpanKind, Tracer } from '@opentelemetry/api';
import type { KeyslotContext } from '../../cluster/diagnostics/contexts.js';

/** Where a span begins, if not in the active context. */
export interface SpanOrigin {
  readonly parent: Context;
  readonly links: Link[];
}

/** How the operations of one channel become spans. */
export interface SpanShape<C extends KeyslotContext> {
  readonly kind: SpanKind;
  /** Of low cardinality. */
  name(context: C): string;
  /** Those that are known when the operation begins, and have a value. */
  attributes(context: C): Attributes;
  /** Leave it out for a child of the active span. */
  origin?(context: C): SpanOrigin;
  /** Adds what is known when the operation has ended, and its children. Called for spans that are recorded. */
  finish?(span: Span, context: C, tracer: Tracer): void;
}
