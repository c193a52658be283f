import { monotonicMs, unixMs } from './common/timers.js';
import type { NodeChannel } from './connection/node-channel.js';
import type { LeasePool } from './leases/lease-pool.js';
import type { Router } from './routing/router.js';
import type { ClusterCounters } from './stats/cluster-counters.js';
import type {
  ClusterStats,
  LeaseStats,
  NodeStats,
  PendingStats,
  RoundTripStats,
  TrafficStats,
} from './stats/cluster-stats.js';
import { Histogram } from './stats/histogram.js';
import { NodeCounters } from './stats/node-counters.js';

const NOTHING_PENDING: PendingStats = { commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 };
const NO_LEASES: LeaseStats = { held: 0, idle: 0, waiting: 0, max: 0, created: 0 };

/** Where round trips are added up; cleared for each snapshot. */
const nodeTimes = new Histogram();
const allTimes = new Histogram();

/** What a node has now, beside what was counted for it. */
interface Gauges {
  readonly pending: PendingStats;
  readonly leases: LeaseStats;
}

/** Takes a snapshot of all that is counted, and of what is pending now. */
export function takeStats(counters: ClusterCounters, router: Router, leases: LeasePool): ClusterStats {
  const { topology, pool, retryQueue, cache } = router;
  const now = monotonicMs();
  const sums = new NodeCounters();
  allTimes.clear();
  const nodes: Record<string, NodeStats> = {};
  // some may not have been used yet
  for (const { name } of topology.nodes) counters.node(name);
  for (const [name, counted] of counters.nodes) {
    nodeTimes.clear();
    counted.roundTrips.addTo(nodeTimes, now);
    nodeTimes.addTo(allTimes);
    counted.addTo(sums);
    const gauges = {
      pending: pendingOf(pool.find(name)),
      leases: { ...leases.gaugesOf(name), created: counted.leasesCreated },
    };
    nodes[name] = { role: topology.node(name)?.role, ...trafficOf(counted, nodeTimes, gauges) };
  }
  counters.elsewhere.addTo(sums);
  const all = Object.values(nodes);
  const { budget } = retryQueue;
  const total: Gauges = {
    pending: sumOf([
      ...all.map(({ pending }) => pending),
      {
        commands: budget.commands,
        inFlight: 0,
        waitingForRoom: budget.waitingForRoom,
        bytes: budget.pendingBytes,
      },
    ]),
    leases: {
      ...sumOf([NO_LEASES, ...all.map((node) => node.leases)]),
      max: leases.max,
      created: sums.leasesCreated,
    },
  };
  return {
    at: unixMs(),
    since: counters.since,
    total: {
      ...trafficOf(sums, allTimes, total),
      connections: sumOf([sums.connections, ...all.map(({ connections }) => connections)]),
    },
    nodes,
    topology: { version: topology.version, ...counters.topology },
    pubsub: counters.pubsub.snapshot(),
    entities: counters.entities.snapshot(),
    cache: cache?.stats(),
  };
}

function trafficOf(counted: NodeCounters, times: Histogram, { pending, leases }: Gauges): TrafficStats {
  return {
    commands: counted.commands,
    bytesSent: counted.bytesSent,
    bytesReceived: counted.bytesReceived,
    pending,
    roundTripMs: roundTripsOf(times),
    redirects: counted.redirects.snapshot(),
    retries: counted.retries.snapshot(),
    unknownOutcomes: counted.unknownOutcomes,
    errors: counted.errors.snapshot(),
    backpressure: counted.backpressure,
    connections: counted.connections,
    reconnects: counted.reconnects,
    connectFailures: counted.connectFailures,
    leases,
  };
}

function roundTripsOf(times: Histogram): RoundTripStats {
  const [p50, p90, p99] = times.percentiles([0.5, 0.9, 0.99]);
  return { count: times.count, p50, p90, p99, max: times.max };
}

function pendingOf(channel: NodeChannel | undefined): PendingStats {
  if (channel === undefined) return NOTHING_PENDING;
  const { budget, inFlightCount } = channel;
  const { commands, waitingForRoom, pendingBytes } = budget;
  return { commands, inFlight: inFlightCount, waitingForRoom, bytes: pendingBytes };
}

/** Adds up the fields of objects, field by field. */
function sumOf<K extends string>(parts: readonly Readonly<Record<K, number>>[]): Record<K, number> {
  const sums = { ...parts[0] } as Record<K, number>;
  for (const part of parts.slice(1)) for (const name of Object.keys(sums) as K[]) sums[name] += part[name];
  return sums;
}
