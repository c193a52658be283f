import type {
  ClusterCacheStats,
  ClusterStats,
  CountsByName,
  TrafficStats,
} from '../../cluster/stats/cluster-stats.js';
import type { Sample, TotalsReport } from '../state/dashboard-state.js';

/** Turns the sums of a client into figures of the time between two looks. */
export class ClientSampler {
  private before: ClusterStats | undefined = undefined;
  private ownRates: ReadonlyMap<string, number> = new Map();

  /** Takes a sample; undefined for the first look, which has nothing to compare with. */
  sample(stats: ClusterStats): Sample | undefined {
    const { before } = this;
    this.before = stats;
    if (before === undefined) return undefined;
    const perSecond = 1_000 / Math.max(1, stats.at - before.at);
    const grown = (read: (traffic: TrafficStats) => number): number =>
      rounded(growth(read(before.total), read(stats.total)) * perSecond);
    this.ownRates = new Map(
      Object.entries(stats.nodes).map(([name, node]) => [
        name,
        rounded(growth(before.nodes[name]?.commands ?? 0, node.commands) * perSecond),
      ]),
    );
    const { pending, roundTripMs } = stats.total;
    return {
      at: stats.at,
      commands: grown(({ commands }) => commands),
      bytes: grown(({ bytesSent, bytesReceived }) => bytesSent + bytesReceived),
      errors: ratesByName(before.total.errors, stats.total.errors, perSecond),
      redirects: grown(({ redirects }) => sumOf(redirects)),
      retries: grown(({ retries }) => sumOf(retries)),
      unknown:
        grown(({ unknownOutcomes }) => unknownOutcomes) +
        rounded(growth(before.entities.unknownOutcomes, stats.entities.unknownOutcomes) * perSecond),
      pending: pending.commands,
      p50: roundTripMs.p50,
      p99: roundTripMs.p99,
      cache: readsOf(before.cache, stats.cache, perSecond),
    };
  }

  /** The commands a second that the client sent to a node in the last sample. */
  ownRate(node: string): number {
    return this.ownRates.get(node) ?? 0;
  }
}

/** The sums of a client. */
export function totalsOf({ total, entities }: ClusterStats): TotalsReport {
  const { connections } = total;
  return {
    commands: total.commands,
    errors: total.errors,
    redirects: total.redirects,
    retries: sumOf(total.retries),
    unknown: total.unknownOutcomes + entities.unknownOutcomes,
    backpressure: total.backpressure,
    reconnects: total.reconnects,
    connections: connections.shared + connections.leased + connections.subscriber,
  };
}

/** Returns what was added to counts, by name. Names without a change are left out. */
export function addedByName(before: CountsByName, now: CountsByName): Record<string, number> {
  const added = Object.entries(now).map(([name, count]) => [name, growth(before[name] ?? 0, count)] as const);
  return Object.fromEntries(added.filter(([, count]) => count > 0));
}

/** The reads through a cache, per second; undefined without one. */
function readsOf(
  before: ClusterCacheStats | undefined,
  now: ClusterCacheStats | undefined,
  perSecond: number,
): Sample['cache'] {
  if (before === undefined || now === undefined) return undefined;
  const rateOf = (count: 'hits' | 'misses'): number => rounded(growth(before[count], now[count]) * perSecond);
  return { hits: rateOf('hits'), misses: rateOf('misses') };
}

function ratesByName(before: CountsByName, now: CountsByName, perSecond: number): Record<string, number> {
  const added = Object.entries(addedByName(before, now));
  return Object.fromEntries(added.map(([name, count]) => [name, rounded(count * perSecond)]));
}

/** The counts of a node that leaves move to another place, and may seem to shrink for a moment. */
const growth = (before: number, now: number): number => Math.max(0, now - before);

const rounded = (rate: number): number => Math.round(rate * 10) / 10;

const sumOf = (counts: CountsByName): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
