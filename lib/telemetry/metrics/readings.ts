import type { Attributes } from '@opentelemetry/api';
import type {
  ClusterCacheStats,
  ClusterStats,
  CountsByName,
  TrafficStats,
} from '../../cluster/stats/cluster-stats.js';
import { ATTRIBUTES, SYSTEM } from '../common/attribute-names.js';
import type { ObservedName } from './instruments.js';

/** One value of a metric. */
export interface Reading {
  readonly metric: ObservedName;
  readonly value: number;
  /** Those that tell it from other values of the metric. */
  readonly attributes: Attributes;
}

const reading = (metric: ObservedName, value: number, attributes: Attributes = {}): Reading => ({
  metric,
  value,
  attributes,
});

const byName = (metric: ObservedName, attribute: string, counts: CountsByName): Reading[] =>
  Object.entries(counts).map(([name, count]) => reading(metric, count, { [attribute]: name }));

/** Returns the counters of a node, or of all nodes: they only grow. */
export function trafficCounters(traffic: TrafficStats): Reading[] {
  return [
    reading('keyslot.commands', traffic.commands),
    reading('keyslot.network.io', traffic.bytesSent, { [ATTRIBUTES.ioDirection]: 'transmit' }),
    reading('keyslot.network.io', traffic.bytesReceived, { [ATTRIBUTES.ioDirection]: 'receive' }),
    ...byName('keyslot.redirects', ATTRIBUTES.reason, traffic.redirects),
    ...byName('keyslot.retries', ATTRIBUTES.reason, traffic.retries),
    ...byName('keyslot.errors', ATTRIBUTES.errorType, traffic.errors),
    reading('keyslot.unknown_outcomes', traffic.unknownOutcomes),
    reading('keyslot.backpressure', traffic.backpressure),
    reading('keyslot.reconnects', traffic.reconnects),
    reading('keyslot.connect_failures', traffic.connectFailures),
    reading('keyslot.leases.created', traffic.leases.created),
  ];
}

/** Returns the present values of a node. */
export function trafficGauges({ pending, roundTripMs, leases }: TrafficStats): Reading[] {
  const { count, p50, p90, p99, max } = roundTripMs;
  const quantiles = count === 0 ? {} : { '0.5': p50, '0.9': p90, '0.99': p99, '1': max };
  return [
    reading('keyslot.pending.commands', pending.commands),
    reading('keyslot.pending.in_flight', pending.inFlight),
    reading('keyslot.pending.waiting_for_room', pending.waitingForRoom),
    reading('keyslot.pending.bytes', pending.bytes),
    ...Object.entries(quantiles).map(([quantile, ms]) =>
      reading('keyslot.round_trip.time', ms / 1_000, { [ATTRIBUTES.quantile]: quantile }),
    ),
    ...(['held', 'idle', 'waiting'] as const).map((state) =>
      reading('keyslot.leases', leases[state], { [ATTRIBUTES.state]: state }),
    ),
  ];
}

/** Returns the connections of a node, in one pool for each of their uses. */
export function connectionReadings(node: string, { connections, leases, errors }: TrafficStats): Reading[] {
  const pool = (use: string, state: string): Attributes => ({
    [ATTRIBUTES.poolName]: `${node}/${use}`,
    [ATTRIBUTES.connectionState]: state,
  });
  const leasedPool = { [ATTRIBUTES.poolName]: `${node}/leased` };
  const count = (use: string, state: string, value: number): Reading =>
    reading('db.client.connection.count', value, pool(use, state));
  return [
    count('shared', 'used', connections.shared),
    count('subscriber', 'used', connections.subscriber),
    count('leased', 'used', connections.leased - leases.idle),
    count('leased', 'idle', leases.idle),
    reading('db.client.connection.max', leases.max, leasedPool),
    reading('db.client.connection.pending_requests', leases.waiting, leasedPool),
    reading('db.client.connection.timeouts', errors['LEASE_TIMEOUT'] ?? 0, leasedPool),
  ];
}

/** Returns what is counted for a client as a whole. */
export function clientReadings({ topology, pubsub, entities, cache }: ClusterStats): Reading[] {
  const { lastRefreshMs } = topology;
  const { outboxLagMs } = entities;
  return [
    reading('keyslot.topology.version', topology.version),
    reading('keyslot.topology.refreshes', topology.refreshes),
    reading('keyslot.topology.refresh_failures', topology.refreshFailures),
    ...(lastRefreshMs === undefined ? [] : [reading('keyslot.topology.refresh_time', lastRefreshMs / 1_000)]),
    ...byName('keyslot.subscriptions', ATTRIBUTES.kind, { ...pubsub.subscriptions }),
    reading('keyslot.subscriptions.unconfirmed', pubsub.unconfirmed),
    reading('keyslot.messages.received', pubsub.messages),
    reading('keyslot.messages.unreadable', pubsub.unreadable),
    reading('keyslot.messages.dropped', pubsub.dropped),
    reading('keyslot.messages.buffered', pubsub.buffered),
    ...byName('keyslot.gaps', ATTRIBUTES.reason, pubsub.gaps),
    ...byName('keyslot.entity.operations', ATTRIBUTES.operation, entities.operations),
    ...byName('keyslot.entity.conflicts', ATTRIBUTES.reason, entities.conflicts),
    reading('keyslot.entity.unknown_outcomes', entities.unknownOutcomes),
    ...(outboxLagMs === undefined ? [] : [reading('keyslot.outbox.lag', outboxLagMs / 1_000)]),
    ...(cache === undefined ? [] : cacheReadings(cache)),
  ];
}

function cacheReadings(cache: ClusterCacheStats): Reading[] {
  return [
    reading('keyslot.cache.hits', cache.hits),
    reading('keyslot.cache.misses', cache.misses),
    reading('keyslot.cache.joined', cache.joined),
    reading('keyslot.cache.stale_refusals', cache.staleRefusals),
    reading('keyslot.cache.invalidations', cache.invalidations),
    reading('keyslot.cache.evictions', cache.evictions),
    reading('keyslot.cache.entries', cache.entries),
    reading('keyslot.cache.bytes', cache.bytes),
  ];
}

/** Distinguishes the values of one node from each other. */
export const seriesOf = ({ metric, attributes }: Reading): string =>
  JSON.stringify([metric, ...Object.values(attributes)]);

/** The attributes of all metrics. */
export const SYSTEM_ATTRIBUTES: Attributes = { [ATTRIBUTES.dbSystem]: SYSTEM };
