import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';
import { ReplyError } from '../../cluster/common/errors.js';
import {
  keyslotChannel,
  type KeyslotChannelName,
  type KeyslotContexts,
} from '../../cluster/diagnostics/channels.js';
import type { KeyslotContext, KeyslotRouting } from '../../cluster/diagnostics/contexts.js';
import { databaseOf } from '../../cluster/diagnostics/client-databases.js';
import { ATTRIBUTES, SYSTEM } from '../common/attribute-names.js';
import { addressOf } from '../../cluster/diagnostics/call-trace.js';
import { type LeaseTime, leaseChannel } from '../../cluster/diagnostics/lease-times.js';
import { epochMs } from '../../cluster/diagnostics/traced.js';
import { AttributeCache } from '../common/attribute-cache.js';
import { defined } from '../common/defined.js';
import { batchName } from '../common/operation-name.js';
import { HISTOGRAMS, MESSAGE_COUNTERS } from './instruments.js';

/** What is recorded of the operations of a channel. */
interface Recording<C> {
  readonly histogram: keyof typeof HISTOGRAMS;
  /** Whether an operation is recorded; all are if it is left out. */
  includes?(context: C): boolean;
  attributes(context: C): Attributes;
  readonly counter?: keyof typeof MESSAGE_COUNTERS;
  /** How many it counts; 1 if left out. */
  count?(context: C): number;
}

const RECORDINGS: { readonly [N in KeyslotChannelName]?: Recording<KeyslotContexts[N]> } = {
  'keyslot:command': {
    histogram: 'db.client.operation.duration',
    attributes: (context) => databaseAttributes(context.command, context),
  },
  'keyslot:pipeline': {
    histogram: 'db.client.operation.duration',
    attributes: (context) => databaseAttributes(batchName('PIPELINE', context), context),
  },
  'keyslot:transaction': {
    histogram: 'db.client.operation.duration',
    attributes: (context) => databaseAttributes(batchName('MULTI', context), context),
  },
  'keyslot:connect': {
    histogram: 'db.client.connection.create_time',
    includes: ({ purpose }) => purpose !== 'client',
    attributes: ({ clientName, purpose, node, address, port }) =>
      poolAttributes(clientName, purpose, node, address, port),
  },
  'keyslot:publish': {
    histogram: 'messaging.client.operation.duration',
    // a channel may have a name of its own for each user
    attributes: () => messagingAttributes('publish', 'send'),
    counter: 'messaging.client.sent.messages',
    count: ({ batchSize }) => batchSize,
  },
  'keyslot:message': {
    histogram: 'messaging.process.duration',
    attributes: ({ handler, pattern }) =>
      defined({
        ...messagingAttributes('process', 'process'),
        [ATTRIBUTES.destinationTemplate]: pattern,
        [ATTRIBUTES.handler]: handler,
      }),
    counter: 'messaging.client.consumed.messages',
  },
};

/**
 * Records the durations of the operations on the tracing channels.
 * @returns ends it
 */
export function startDurations(meter: Meter): () => void {
  const ends = Object.entries(RECORDINGS).map(([name, recording]) =>
    record(name as KeyslotChannelName, recording as Recording<KeyslotContext>, meter),
  );
  ends.push(recordLeases(meter));
  return () => ends.forEach((end) => end());
}

function record(name: KeyslotChannelName, recording: Recording<KeyslotContext>, meter: Meter): () => void {
  const { asyncEnd } = keyslotChannel(name);
  const histogram = createHistogram(meter, recording.histogram);
  const counter = recording.counter === undefined ? undefined : createCounter(meter, recording.counter);
  const onEnd = (message: unknown): void => {
    const context = message as KeyslotContext;
    if (recording.includes?.(context) === false) return;
    const shared = recording.attributes(context);
    const attributes = context.outcome === 'ok' ? shared : { ...shared, ...failureAttributes(context) };
    histogram.record((epochMs() - context.startedAt) / 1_000, attributes);
    counter?.add(recording.count?.(context) ?? 1, attributes);
  };
  asyncEnd.subscribe(onEnd);
  return () => {
    asyncEnd.unsubscribe(onEnd);
  };
}

/** Records how long leased connections were waited for and used. */
function recordLeases(meter: Meter): () => void {
  const histograms: Record<LeaseTime['kind'], Histogram> = {
    wait: createHistogram(meter, 'db.client.connection.wait_time'),
    use: createHistogram(meter, 'db.client.connection.use_time'),
  };
  const onLease = (message: unknown): void => {
    const { kind, clientName, node, ms } = message as LeaseTime;
    histograms[kind].record(
      ms / 1_000,
      pools.get(`${clientName} ${node}`, () => {
        const { address, port } = addressOf(node);
        return poolAttributes(clientName, 'leased', node, address, port);
      }),
    );
  };
  leaseChannel.subscribe(onLease);
  return () => void leaseChannel.unsubscribe(onLease);
}

function createHistogram(meter: Meter, name: keyof typeof HISTOGRAMS): Histogram {
  const { unit, description, boundaries } = HISTOGRAMS[name];
  return meter.createHistogram(name, {
    unit,
    description,
    advice: { explicitBucketBoundaries: [...boundaries] },
  });
}

function createCounter(meter: Meter, name: keyof typeof MESSAGE_COUNTERS): Counter {
  const { unit, description } = MESSAGE_COUNTERS[name];
  return meter.createCounter(name, { unit, description });
}

const databases = new AttributeCache();
const pools = new AttributeCache();

const poolAttributes = (
  clientName: string | undefined,
  use: string,
  node?: string,
  address?: string,
  port?: number,
): Attributes =>
  defined({
    [ATTRIBUTES.dbSystem]: SYSTEM,
    // as the metrics of `observe()` name it
    [ATTRIBUTES.poolName]: [clientName ?? 'default', node, use]
      .filter((part) => part !== undefined)
      .join('/'),
    [ATTRIBUTES.serverAddress]: address,
    [ATTRIBUTES.serverPort]: port,
  });

/** A call that went to several nodes has no server. */
function databaseAttributes(
  operation: string,
  { clientId, nodes, node, address, port }: KeyslotContext & KeyslotRouting,
): Attributes {
  const server = nodes.length > 1 ? undefined : node;
  const database = databaseOf(clientId);
  return databases.get(`${operation} ${database} ${server}`, () =>
    defined({
      [ATTRIBUTES.dbSystem]: SYSTEM,
      [ATTRIBUTES.dbNamespace]: database,
      [ATTRIBUTES.dbOperation]: operation,
      [ATTRIBUTES.serverAddress]: server && address,
      [ATTRIBUTES.serverPort]: server && port,
    }),
  );
}

const messagingAttributes = (operation: string, type: string): Attributes => ({
  [ATTRIBUTES.messagingSystem]: SYSTEM,
  [ATTRIBUTES.messagingOperation]: operation,
  [ATTRIBUTES.messagingOperationType]: type,
});

function failureAttributes({ errorCode, error }: KeyslotContext): Attributes {
  const attributes: Attributes = { [ATTRIBUTES.errorType]: errorCode ?? '_OTHER' };
  if (error instanceof ReplyError) attributes[ATTRIBUTES.dbStatusCode] = error.code;
  return attributes;
}
