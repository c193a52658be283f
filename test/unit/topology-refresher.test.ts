import { TopologyRefresher } from '../../lib/cluster/discovery/topology-refresher.js';

describe('periodic reads of the topology', () => {
  it('do not begin at once where the interval is the longest there is', async () => {
    let reads = 0;
    const source = {
      read: async () => void reads++,
      adopt: () => {},
      urgent: () => false,
      unsettled: () => false,
    };
    // the jitter lengthens every other interval, and a delay beyond what timers take is one of 1 ms
    const refreshers = Array.from({ length: 30 }, () => new TopologyRefresher(source as never, 2 ** 31 - 1));
    for (const refresher of refreshers) refresher.start();
    // timers of 1 ms have all run before this one, however slow the machine is
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const refresher of refreshers) refresher.stop();
    expect(reads).toBe(0);
  });
});
