import { random } from '../runtime/randomness.js';
import { clearTimeout, LONGEST_TIMER_MS, monotonicMs, setTimeout } from '../common/timers.js';
import type { TopologyCounters } from '../stats/cluster-counters.js';
import { topologyChannel } from '../diagnostics/channels.js';
import type { KeyslotTopologyContext } from '../diagnostics/contexts.js';
import { contextOf, traced } from '../diagnostics/traced.js';
import type { ClusterTopology } from '../topology/topology.js';

/** The time between two reads of the topology if nothing is known to be wrong, in ms. */
const SPACING_MS = 1_000;
/** The same while a shard has no primary that replies. */
const URGENT_SPACING_MS = 250;
/** The same while views may have been taken in the middle of a failover. */
const UNSETTLED_SPACING_MS = 500;

/** What the refresher reads and updates. */
export interface RefreshSource {
  readonly clientId: number;
  readonly clientName: string | undefined;
  readonly topology: ClusterTopology;
  /** Reads the topology; undefined if no node replied. */
  read(): Promise<ClusterTopology | undefined>;
  adopt(topology: ClusterTopology): void;
  /** Whether a shard has no primary that replies. */
  urgent(): boolean;
  /** Whether the last view lacked a node that may come back. */
  unsettled(): boolean;
  /** Whether the topology has just changed: the next view may differ again, in the middle of a failover for one. */
  changing(): boolean;
}

/**
 * Keeps the topology up to date with limited load: one read at a time, the first at once, later ones spaced and
 * jittered however many requests there are, and periodic ones without any request.
 */
export class TopologyRefresher {
  private running: Promise<void> | undefined = undefined;
  private due: NodeJS.Timeout | undefined = undefined;
  private again = false;
  private reason = 'requested';
  private finishedAt = -Infinity;
  private stopped = false;
  private periodic: NodeJS.Timeout | undefined = undefined;

  constructor(
    private readonly source: RefreshSource,
    private readonly intervalMs: number,
    private readonly counters: TopologyCounters,
  ) {}

  /** Begins the periodic reads. */
  start(): void {
    this.stopped = false;
    this.schedulePeriodic();
  }

  /** Requests a read, soon. @param reason for the context of the read */
  request(reason: string): void {
    if (this.stopped) return;
    if (this.running === undefined && this.due === undefined) this.reason = reason;
    if (this.running !== undefined) {
      this.again = true;
      return;
    }
    if (this.due !== undefined) return;
    const spacing = this.spacingMs() * (1 + random() * 0.2);
    const wait = this.finishedAt + spacing - monotonicMs();
    if (wait <= 0) void this.refresh();
    else this.due = setTimeout(() => void this.refresh(), wait).unref();
  }

  /** Reads now, or joins the running read. */
  refresh(): Promise<void> {
    clearTimeout(this.due);
    this.due = undefined;
    return (this.running ??= this.traced());
  }

  /** Reads now, even if a read is running that began before. */
  async refreshAnew(): Promise<void> {
    await this.running?.catch(() => {});
    await this.refresh();
  }

  /** Ends all reads. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.due);
    clearTimeout(this.periodic);
    this.due = undefined;
  }

  private traced(): Promise<void> {
    const { reason } = this;
    this.reason = 'requested';
    if (!topologyChannel.hasSubscribers) return this.run();
    const { source } = this;
    const before = source.topology.version;
    const context: KeyslotTopologyContext = { ...contextOf(source), reason };
    return traced(topologyChannel, context, async () => {
      await this.run();
      const { version, nodes, coveredSlots } = source.topology;
      Object.assign(context, { version, changed: version !== before, nodeCount: nodes.length, coveredSlots });
    });
  }

  private async run(): Promise<void> {
    const { counters } = this;
    const since = monotonicMs();
    let topology: ClusterTopology | undefined;
    try {
      topology = await this.source.read();
      if (topology !== undefined && !this.stopped) this.source.adopt(topology);
    } finally {
      this.finishedAt = monotonicMs();
      counters.refreshes++;
      if (topology === undefined) counters.refreshFailures++;
      counters.lastRefreshMs = this.finishedAt - since;
      this.running = undefined;
      const { source } = this;
      const again = this.again || source.urgent() || source.unsettled() || source.changing();
      this.again = false;
      if (again) this.request('follow-up');
    }
  }

  private spacingMs(): number {
    if (this.source.urgent()) return URGENT_SPACING_MS;
    return this.source.unsettled() ? UNSETTLED_SPACING_MS : SPACING_MS;
  }

  private schedulePeriodic(): void {
    const jitter = 0.8 + random() * 0.4;
    this.periodic = setTimeout(
      () => {
        this.request('periodic');
        this.schedulePeriodic();
      },
      Math.min(LONGEST_TIMER_MS, this.intervalMs * jitter),
    ).unref();
  }
}
