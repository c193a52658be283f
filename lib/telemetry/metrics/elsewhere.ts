import type { ClusterStats } from '../../cluster/stats/cluster-stats.js';
import { seriesOf, trafficCounters, type Reading } from './readings.js';

/**
 * Reads the counters that belong to no node of the topology: those of calls that reached none. The total of a client
 * includes nodes that have left; what was reported under their names before is not counted here again, or each node
 * that leaves would look like a burst of calls.
 */
export class ElsewhereCounters {
  /** What each node counted when it was read last, by node and series. */
  private nodes = new Map<string, ReadonlyMap<string, number>>();
  /** What nodes had counted that have left, by series. */
  private readonly former = new Map<string, number>();

  /** Returns counters that never fall. */
  read({ total, nodes }: ClusterStats): Reading[] {
    const present = new Map(
      Object.entries(nodes).map(([name, traffic]) => [name, countsOf(trafficCounters(traffic))] as const),
    );
    for (const [name, counts] of this.nodes) this.keepLost(counts, present.get(name));
    this.nodes = present;
    return trafficCounters(total).map((reading) => {
      const series = seriesOf(reading);
      let ofNodes = this.former.get(series) ?? 0;
      for (const counts of present.values()) ofNodes += counts.get(series) ?? 0;
      return { ...reading, value: Math.max(0, reading.value - ofNodes) };
    });
  }

  /** A node that came back begins at 0 again. */
  private keepLost(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number> | undefined): void {
    for (const [series, count] of before) {
      if (count > (now?.get(series) ?? 0)) this.former.set(series, (this.former.get(series) ?? 0) + count);
    }
  }
}

const countsOf = (readings: readonly Reading[]): Map<string, number> =>
  new Map(readings.map((reading) => [seriesOf(reading), reading.value]));
