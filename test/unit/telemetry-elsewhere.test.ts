import type { ClusterStats, NodeStats, TrafficStats } from 'keyslot';
import { ElsewhereCounters } from '../../lib/telemetry/metrics/elsewhere.js';

const traffic = (commands: number, retries: Record<string, number> = {}): TrafficStats => ({
  commands,
  bytesSent: 0,
  bytesReceived: 0,
  pending: { commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 },
  roundTripMs: { count: 0, p50: 0, p90: 0, p99: 0, max: 0 },
  redirects: {},
  retries,
  unknownOutcomes: 0,
  errors: {},
  backpressure: 0,
  connections: { shared: 0, leased: 0, subscriber: 0 },
  reconnects: 0,
  connectFailures: 0,
  leases: { held: 0, idle: 0, waiting: 0, max: 50, created: 0 },
});
const node = (commands: number, retries?: Record<string, number>): NodeStats => ({
  ...traffic(commands, retries),
  role: 'primary',
});
const stats = (total: TrafficStats, nodes: Record<string, NodeStats>): ClusterStats =>
  ({ total, nodes }) as ClusterStats;

it('counts events that belong to no node, and does not jump when nodes leave or return', () => {
  const counters = new ElsewhereCounters();
  const read = (total: TrafficStats, nodes: Record<string, NodeStats>): number[] => {
    const readings = counters.read(stats(total, nodes));
    const of = (metric: string): number => readings.find((reading) => reading.metric === metric)?.value ?? 0;
    return [of('keyslot.commands'), of('keyslot.retries')];
  };
  // two calls reached no node
  expect(read(traffic(102, { LOADING: 5 }), { a: node(60, { LOADING: 5 }), b: node(40) })).toEqual([2, 0]);
  // b leaves: three more calls of it, which no reading has shown, are counted here
  expect(read(traffic(115, { LOADING: 5 }), { a: node(70, { LOADING: 5 }) })).toEqual([5, 0]);
  // b comes back, and begins at 0
  expect(read(traffic(118, { LOADING: 5 }), { a: node(70, { LOADING: 5 }), b: node(3) })).toEqual([5, 0]);
  // a leaves with its retries
  expect(read(traffic(118, { LOADING: 5 }), { b: node(3) })).toEqual([5, 0]);
});
