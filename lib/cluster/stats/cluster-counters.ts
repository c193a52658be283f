import { unixMs } from '../common/timers.js';
import { CacheCounters } from './cache-counters.js';
import { EntityCounters } from './entity-counters.js';
import { NodeCounters } from './node-counters.js';
import { PubSubCounters } from './pubsub-counters.js';
import { SlotCounts } from './slot-counts.js';

/** Counts reads of the topology. */
export class TopologyCounters {
  refreshes = 0;
  refreshFailures = 0;
  lastRefreshMs: number | undefined = undefined;
}

/** All that one client counts, from its creation on. */
export class ClusterCounters {
  /** When counting began, in ms since 1970. */
  readonly since = unixMs();
  /** What concerns no node, and what was counted for nodes that are gone. */
  readonly elsewhere = new NodeCounters();
  readonly topology = new TopologyCounters();
  readonly pubsub = new PubSubCounters();
  readonly entities = new EntityCounters();
  readonly cache = new CacheCounters();
  /** Commands by slot; undefined while nobody watches them, so that they cost nothing. */
  slots: SlotCounts | undefined = undefined;
  private slotWatchers = 0;
  private readonly byName = new Map<string, NodeCounters>();

  /** The counters of a node, `host:port`. */
  node(name: string): NodeCounters {
    let counters = this.byName.get(name);
    if (counters === undefined) this.byName.set(name, (counters = new NodeCounters()));
    return counters;
  }

  /** The counters of all nodes, by their names. */
  get nodes(): ReadonlyMap<string, NodeCounters> {
    return this.byName;
  }

  /**
   * Counts commands by slot until the last watcher stops.
   * @param slotCount how many slots a cluster has
   * @returns the counts, and what ends this watch
   */
  watchSlots(slotCount: number): { readonly counts: SlotCounts; stop(): void } {
    const counts = (this.slots ??= new SlotCounts(slotCount));
    this.slotWatchers++;
    let watching = true;
    const stop = (): void => {
      if (!watching) return;
      watching = false;
      if (--this.slotWatchers === 0) this.slots = undefined;
    };
    return { counts, stop };
  }

  /** Adds the counts of nodes that are gone to `elsewhere`: where addresses change, there may be any number. */
  retain(isKnown: (name: string) => boolean): void {
    for (const [name, counters] of this.byName) {
      if (isKnown(name) || counters.hasConnections) continue;
      this.byName.delete(name);
      counters.addTo(this.elsewhere);
    }
  }
}
