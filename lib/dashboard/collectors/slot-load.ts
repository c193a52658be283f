import type { ClusterClient } from '../../client/cluster-client.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import type { SlotsReport } from '../state/dashboard-state.js';
import type { NodeProbes } from './node-probes.js';

/** How many of the busiest slots the page shows, and how many each node is asked for. */
const SHOWN = 64;
/** How long the servers are not asked again after they have not counted, in looks. */
const LOOKS_BETWEEN_ATTEMPTS = 12;

type Load = ReadonlyMap<number, number>;

/**
 * Finds the slots with most load: the CPU time that the servers have spent on each, if they all count it, and otherwise
 * the commands of this client.
 */
export class SlotLoad {
  private readonly watch: ReturnType<ClusterClient['counters']['watchSlots']>;
  private ownBefore: Float64Array;
  private serverBefore: Load | undefined = undefined;
  private looksUntilAttempt = 0;
  private lastAt: number;

  constructor(
    client: ClusterClient,
    private readonly probes: NodeProbes,
    now: number,
  ) {
    this.watch = client.counters.watchSlots(SLOT_COUNT);
    this.ownBefore = this.watch.counts.commands.slice();
    this.lastAt = now;
  }

  /** Compares the load with that of the last look. @param now in ms */
  async look(primaries: readonly string[], now: number): Promise<SlotsReport> {
    const perSecond = 1_000 / Math.max(1, now - this.lastAt);
    this.lastAt = now;
    const own = this.ownLoad();
    const before = this.serverBefore;
    this.serverBefore = await this.serverLoad(primaries);
    if (this.serverBefore === undefined || before === undefined)
      return { source: 'client', slots: busiest(own, perSecond) };
    return { source: 'server', slots: busiest(added(before, this.serverBefore), perSecond) };
  }

  stop(): void {
    this.watch.stop();
  }

  private ownLoad(): Load {
    const { commands } = this.watch.counts;
    const load = new Map<number, number>();
    for (let slot = 0; slot < commands.length; slot++)
      if (commands[slot] > this.ownBefore[slot]) load.set(slot, commands[slot] - this.ownBefore[slot]);
    this.ownBefore = commands.slice();
    return load;
  }

  private async serverLoad(primaries: readonly string[]): Promise<Load | undefined> {
    if (primaries.length === 0 || this.looksUntilAttempt-- > 0) return undefined;
    const found = await this.probes.busiestSlots(primaries, SHOWN);
    this.looksUntilAttempt = found === undefined ? LOOKS_BETWEEN_ATTEMPTS : 0;
    return found && new Map(found.flatMap((load) => [...load]));
  }
}

/** The load since the last look, of the slots that were among the busiest then. */
function added(before: Load, now: Load): Load {
  const load = new Map<number, number>();
  for (const [slot, sum] of now) {
    const earlier = before.get(slot);
    // another node counts a slot from 0 when it receives it
    if (earlier !== undefined && sum > earlier) load.set(slot, sum - earlier);
  }
  return load;
}

function busiest(load: Load, perSecond: number): SlotsReport['slots'] {
  return [...load]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([slot, count]) => ({ slot, rate: count * perSecond }));
}
