import { ROOT_CONTEXT, SpanKind, trace, type Attributes } from '@opentelemetry/api';
import type { KeyslotMessageContext, KeyslotPublishContext } from '../../cluster/diagnostics/contexts.js';
import { REPLY_CHANNELS } from '../../pubsub/common/reply-channels.js';
import { ATTRIBUTES, SYSTEM } from '../common/attribute-names.js';
import { defined } from '../common/defined.js';
import { traceContextOf } from '../propagation/trace-context.js';
import { setRouting } from './routing-details.js';
import type { SpanShape } from './span-shape.js';

const messagingAttributes = (operation: string, type: string, destination?: string): Attributes => ({
  [ATTRIBUTES.messagingSystem]: SYSTEM,
  [ATTRIBUTES.messagingOperation]: operation,
  [ATTRIBUTES.messagingOperationType]: type,
  [ATTRIBUTES.destination]: destination,
  [ATTRIBUTES.destinationTemporary]: isTemporary(destination) || undefined,
});

/** A channel that one caller has for replies. */
const isTemporary = (destination: string | undefined): boolean =>
  destination?.startsWith(REPLY_CHANNELS) === true;

/** Names of temporary channels are left out: each is a different one. */
const spanName = (operation: string, destination: string | undefined): string =>
  destination === undefined || isTemporary(destination) ? operation : `${operation} ${destination}`;

export const publishSpans: SpanShape<KeyslotPublishContext> = {
  kind: SpanKind.PRODUCER,
  name: ({ channel }) => spanName('publish', channel),
  attributes: ({ channel, batchSize, clientName }) =>
    defined({
      ...messagingAttributes('publish', 'send', channel),
      [ATTRIBUTES.messagingBatchSize]: batchSize > 1 ? batchSize : undefined,
      [ATTRIBUTES.client]: clientName,
    }),
  finish: setRouting,
};

/**
 * A handler's run. It begins a trace, or continues that of the message, to which it is linked as well. The context that
 * is active when a message arrives belongs to the code that opened the connection, and not to the message.
 */
export const messageSpans: SpanShape<KeyslotMessageContext> = {
  kind: SpanKind.CONSUMER,
  name: ({ channel, pattern }) => spanName('process', pattern ?? channel),
  attributes: ({ channel, pattern, handler, clientName }) =>
    defined({
      ...messagingAttributes('process', 'process', channel),
      [ATTRIBUTES.destinationTemplate]: pattern,
      [ATTRIBUTES.handler]: handler,
      [ATTRIBUTES.client]: clientName,
    }),
  origin: (context) => {
    const parent = traceContextOf(context);
    const creation = trace.getSpanContext(parent);
    return { parent: parent ?? ROOT_CONTEXT, links: creation === undefined ? [] : [{ context: creation }] };
  },
};
