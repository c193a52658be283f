import type { AsyncLocalStorage } from 'node:async_hooks';
import { context as contextApi, trace, type Context, type Span, type Tracer } from '@opentelemetry/api';
import {
  keyslotChannel,
  type KeyslotChannelName,
  type KeyslotContexts,
} from '../../cluster/diagnostics/channels.js';
import type { KeyslotContext } from '../../cluster/diagnostics/contexts.js';
import { epochMs } from '../../cluster/diagnostics/traced.js';
import {
  commandSpans,
  connectSpans,
  entitySpans,
  pipelineSpans,
  topologySpans,
  transactionSpans,
} from './database-spans.js';
import { messageSpans, publishSpans } from './messaging-spans.js';
import { setFailure } from './routing-details.js';
import type { SpanShape } from './span-shape.js';

const SHAPES: { readonly [N in KeyslotChannelName]: SpanShape<KeyslotContexts[N]> } = {
  'keyslot:command': commandSpans,
  'keyslot:pipeline': pipelineSpans,
  'keyslot:transaction': transactionSpans,
  'keyslot:entity': entitySpans,
  'keyslot:publish': publishSpans,
  'keyslot:message': messageSpans,
  'keyslot:connect': connectSpans,
  'keyslot:topology': topologySpans,
};

/** What the client does on its own, whether anybody calls it or not. */
const INTERNAL: ReadonlySet<KeyslotChannelName> = new Set(['keyslot:connect', 'keyslot:topology']);

/** Which operations become spans. */
export interface SpanChoice {
  readonly requireParent: boolean;
  readonly internal: boolean;
}

/**
 * Makes spans of the operations on the tracing channels.
 * @returns ends it
 */
export function startSpans(tracer: Tracer, { requireParent, internal }: SpanChoice): () => void {
  const names = (Object.keys(SHAPES) as KeyslotChannelName[]).filter(
    (name) => internal || !INTERNAL.has(name),
  );
  const ends = names.map((name) => new ChannelSpans(name, tracer, requireParent).start());
  return () => ends.forEach((end) => end());
}

type ContextStore = AsyncLocalStorage<Context>;

class ChannelSpans<N extends KeyslotChannelName> {
  private readonly shape: SpanShape<KeyslotContext>;
  private readonly spans = new WeakMap<KeyslotContext, Span>();

  constructor(
    private readonly name: N,
    private readonly tracer: Tracer,
    private readonly requireParent: boolean,
  ) {
    this.shape = SHAPES[name] as SpanShape<KeyslotContext>;
  }

  start(): () => void {
    const { start, asyncEnd } = keyslotChannel(this.name);
    const store = contextStore();
    // its types have it that a store holds what the channel publishes
    start.bindStore(store as never, (operation) => this.begin(operation) as never);
    const finish = (operation: unknown): void => this.finish(operation as KeyslotContext);
    asyncEnd.subscribe(finish);
    return () => {
      start.unbindStore(store as never);
      asyncEnd.unsubscribe(finish);
    };
  }

  /** Returns the context in which the operation runs, so that spans within it become children. */
  private begin(operation: KeyslotContext): Context {
    const { shape, tracer } = this;
    const active = contextApi.active();
    const origin = shape.origin?.(operation);
    if (this.requireParent && origin === undefined && trace.getSpan(active) === undefined) return active;
    const parent = origin?.parent ?? active;
    const span = tracer.startSpan(
      shape.name(operation),
      {
        kind: shape.kind,
        attributes: shape.attributes(operation),
        links: origin?.links,
        startTime: operation.startedAt,
      },
      parent,
    );
    if (span.isRecording()) this.spans.set(operation, span);
    return trace.setSpan(parent, span);
  }

  private finish(operation: KeyslotContext): void {
    const span = this.spans.get(operation);
    if (span === undefined) return;
    this.spans.delete(operation);
    this.shape.finish?.(span, operation, this.tracer);
    setFailure(span, operation);
    span.end(epochMs());
  }
}

/**
 * A store that a channel can be bound to. A channel calls nothing but `run` of it, by which the OpenTelemetry context
 * becomes the active one, whatever context manager the application has.
 */
const contextStore = (): ContextStore =>
  ({ run: (context: Context, run: () => unknown) => contextApi.with(context, run) }) as never;
