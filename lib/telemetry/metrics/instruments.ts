/** What a metric is. Counters and gauges are read when the metrics are collected; histograms are recorded. */
export interface Instrument {
  readonly kind: 'histogram' | 'counter' | 'upDownCounter' | 'gauge';
  /** As UCUM has it. */
  readonly unit: string;
  readonly description: string;
  /** The boundaries that the conventions advise, in seconds. */
  readonly boundaries?: readonly number[];
}

const DATABASE_BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const MESSAGING_BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const histogram = (description: string, boundaries: readonly number[] = DATABASE_BOUNDARIES) =>
  ({ kind: 'histogram', unit: 's', description, boundaries }) as const;
const counter = (unit: string, description: string) => ({ kind: 'counter', unit, description }) as const;
const upDown = (unit: string, description: string) => ({ kind: 'upDownCounter', unit, description }) as const;
const gauge = (unit: string, description: string) => ({ kind: 'gauge', unit, description }) as const;

/** Histograms, which the tracing channels feed: those of the OpenTelemetry semantic conventions. */
export const HISTOGRAMS = {
  'db.client.operation.duration': histogram(
    'Duration of calls: commands, pipelines and transactions, with all retries',
  ),
  'db.client.connection.create_time': histogram('The time it took to open a connection'),
  'db.client.connection.wait_time': histogram('The time it took to get a leased connection'),
  'db.client.connection.use_time': histogram('The time from getting a leased connection to its return'),
  'messaging.client.operation.duration': histogram('Duration of publishing', MESSAGING_BOUNDARIES),
  'messaging.process.duration': histogram('Duration of the runs of message handlers', MESSAGING_BOUNDARIES),
} as const satisfies Record<string, Instrument>;

/** Counters that the tracing channels feed. */
export const MESSAGE_COUNTERS = {
  'messaging.client.sent.messages': counter('{message}', 'Messages that were published'),
  'messaging.client.consumed.messages': counter('{message}', 'Messages that handlers were run for'),
} as const satisfies Record<string, Instrument>;

/** What `cluster.stats()` is read for when metrics are collected. */
export const OBSERVED = {
  'db.client.connection.count': upDown('{connection}', 'Open connections, by pool and state'),
  'db.client.connection.max': upDown('{connection}', 'The most leased connections at a time'),
  'db.client.connection.pending_requests': upDown('{request}', 'Callers that wait for a leased connection'),
  'db.client.connection.timeouts': counter('{timeout}', 'Callers that got no leased connection in time'),
  'keyslot.commands': counter('{command}', 'Commands that were sent, each attempt'),
  'keyslot.network.io': counter('By', 'Bytes that were sent and received'),
  'keyslot.round_trip.time': gauge(
    's',
    'Percentiles of the time from a command to its reply, last 1-2 minutes',
  ),
  'keyslot.pending.commands': upDown('{command}', 'Commands that have no reply yet'),
  'keyslot.pending.in_flight': upDown('{command}', 'Commands that were sent and have no reply yet'),
  'keyslot.pending.waiting_for_room': upDown('{command}', 'Commands that wait until their node has room'),
  'keyslot.pending.bytes': upDown('By', 'Bytes of the arguments of commands that have no reply yet'),
  'keyslot.redirects': counter('{reply}', 'Replies by which a node did not execute a command, by kind'),
  'keyslot.retries': counter('{command}', 'Commands that were sent again, by the code of the reason'),
  'keyslot.errors': counter('{call}', 'Calls that failed, by code'),
  'keyslot.unknown_outcomes': counter('{call}', 'Calls that may or may not have been executed'),
  'keyslot.backpressure': counter('{call}', 'Calls that were refused because too much waited for the node'),
  'keyslot.reconnects': counter('{connection}', 'Shared connections that replaced an earlier one'),
  'keyslot.connect_failures': counter('{attempt}', 'Attempts to open a shared connection that failed'),
  'keyslot.leases': upDown('{connection}', 'Leases by state: held, idle, and callers that wait'),
  'keyslot.leases.created': counter('{connection}', 'Connections that were opened for leases'),
  'keyslot.topology.version': gauge('1', 'The version of the topology in use; grows with every change'),
  'keyslot.topology.refreshes': counter('{read}', 'Reads of the topology'),
  'keyslot.topology.refresh_failures': counter('{read}', 'Reads of the topology that no node answered'),
  'keyslot.topology.refresh_time': gauge('s', 'How long the last read of the topology took'),
  'keyslot.subscriptions': upDown('{subscription}', 'Names that are subscribed to, by kind'),
  'keyslot.subscriptions.unconfirmed': upDown('{subscription}', 'Subscriptions that no server has confirmed'),
  'keyslot.messages.received': counter('{message}', 'Messages that arrived'),
  'keyslot.messages.unreadable': counter('{message}', 'Messages that a codec could not decode'),
  'keyslot.messages.dropped': counter('{message}', 'Messages that were dropped from a full buffer'),
  'keyslot.messages.buffered': upDown('{message}', 'Messages that wait in buffers'),
  'keyslot.gaps': counter('{gap}', 'Intervals in which messages may have been missed, by reason'),
  'keyslot.entity.operations': counter('{operation}', 'Operations of repositories, by method'),
  'keyslot.entity.conflicts': counter('{conflict}', 'Writes that another writer forestalled, by code'),
  'keyslot.entity.unknown_outcomes': counter('{write}', 'Writes of entities whose outcome is unknown'),
  'keyslot.cache.hits': counter('{read}', 'Reads that were answered from memory'),
  'keyslot.cache.misses': counter('{read}', 'Reads through the cache that were not answered from memory'),
  'keyslot.cache.joined': counter('{read}', 'Misses that waited for the read of another caller'),
  'keyslot.cache.stale_refusals': counter('{read}', 'Misses for which there was a reply without a lease'),
  'keyslot.cache.invalidations': counter(
    '{key}',
    'Keys that were dropped because a server reported a change',
  ),
  'keyslot.cache.evictions': counter('{key}', 'Keys that were dropped to make room'),
  'keyslot.cache.entries': upDown('{reply}', 'Replies that are kept in memory'),
  'keyslot.cache.bytes': upDown('By', 'The memory that they take, about'),
  'keyslot.outbox.lag': gauge('s', 'The age of the change that changes() emitted last'),
} as const satisfies Record<string, Instrument>;

/** Every metric by its name. */
export const INSTRUMENTS: Readonly<Record<string, Instrument>> = {
  ...HISTOGRAMS,
  ...MESSAGE_COUNTERS,
  ...OBSERVED,
};

/** The name of a metric that is read from `cluster.stats()`. */
export type ObservedName = keyof typeof OBSERVED;
