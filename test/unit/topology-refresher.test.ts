import type { ClusterTopology } from 'keyslot';
import { fakeClock, pass } from '../fake-clock.js';

fakeClock();
const { TopologyRefresher } = await import('../../lib/cluster/discovery/topology-refresher.js');
const { TopologyCounters } = await import('../../lib/cluster/stats/cluster-counters.js');

const LONGEST_INTERVAL_MS = 2 ** 31 - 1;

/** Many refreshers that share a count of their reads: their intervals are jittered. */
function refreshers(intervalMs: number) {
  const counts = { reads: 0 };
  const source = {
    clientId: 1,
    clientName: undefined,
    topology: {} as ClusterTopology,
    read: async () => void counts.reads++,
    adopt: () => {},
    urgent: () => false,
    unsettled: () => false,
    changing: () => false,
  };
  const all = Array.from(
    { length: 30 },
    () => new TopologyRefresher(source, intervalMs, new TopologyCounters()),
  );
  for (const refresher of all) refresher.start();
  return { counts, stop: () => all.forEach((refresher) => refresher.stop()) };
}

describe('periodic reads of the topology', () => {
  it.each([60_000, LONGEST_INTERVAL_MS])(
    'are an interval apart, within 20 percent: %d ms',
    async (intervalMs) => {
      const { counts, stop } = refreshers(intervalMs);
      // the jitter lengthens some intervals beyond the longest delay of timers, which would then run after 1 ms
      await pass(0.79 * intervalMs);
      expect(counts.reads).toBe(0);
      await pass(0.42 * intervalMs);
      expect(counts.reads).toBe(30);
      stop();
      await pass(2 * intervalMs);
      expect(counts.reads).toBe(30);
    },
  );
});
