import type { ClusterClient } from '../../client/cluster-client.js';
import { clearInterval, setInterval } from '../../cluster/common/timers.js';
import type { ClusterStats } from '../../cluster/stats/cluster-stats.js';
import type { EntityOverview } from '../../entity/records/entity-overview.js';
import { ClientSampler, totalsOf } from '../collectors/client-sampler.js';
import type { EventLog } from '../collectors/event-log.js';
import { reportNodes } from '../collectors/node-report.js';
import { NodeProbes } from '../collectors/node-probes.js';
import { SlotLoad } from '../collectors/slot-load.js';
import { reportTopology } from '../collectors/topology-report.js';
import { judge } from '../collectors/verdict.js';
import type { DashboardState, Sample, SlotsReport } from '../state/dashboard-state.js';
import { reportEntities, reportMessages, type ApplicationParts } from './application-report.js';

/** The time between two looks at the client, in ms. */
const TICK_MS = 1_000;
/** Every how many ticks the nodes are asked, slots compared, and entities described. */
const NODES_EVERY = 2;
const SLOTS_EVERY = 5;
const ENTITIES_EVERY = 10;
/** How many samples a new viewer gets: five minutes. */
const HISTORY = 300;

const NO_SLOTS: SlotsReport = { source: 'client', slots: [] };

/** What a monitor observes. */
export interface MonitoredCluster extends ApplicationParts {
  readonly name: string;
  readonly client: ClusterClient;
  readonly log: EventLog;
  /** The names of all clusters of the application. */
  readonly names: readonly string[];
}

/** Collects what the page shows of one cluster. It runs from `start` to `stop`, and costs nothing otherwise. */
export class ClusterMonitor {
  /** What viewers know. */
  state: DashboardState | undefined = undefined;
  /** The history, oldest first. It stays while the monitor is stopped. */
  readonly samples: Sample[] = [];
  private run: Run | undefined = undefined;

  /** @param onTick called after each look */
  constructor(
    private readonly cluster: MonitoredCluster,
    private readonly onTick: () => void,
  ) {}

  get log(): EventLog {
    return this.cluster.log;
  }

  start(): void {
    this.run ??= new Run(this.cluster, (state, sample) => {
      this.state = state;
      if (sample !== undefined) this.samples.push(sample);
      if (this.samples.length > HISTORY) this.samples.shift();
      this.onTick();
    });
  }

  stop(): void {
    this.run?.stop();
    this.run = undefined;
  }
}

/** One run of a monitor, with the connections that it opens. */
class Run {
  private readonly sampler = new ClientSampler();
  private readonly probes: NodeProbes;
  private readonly load: SlotLoad;
  private readonly timer: NodeJS.Timeout;
  private before: ClusterStats | undefined = undefined;
  private slots = NO_SLOTS;
  private classes: readonly EntityOverview[] = [];
  private ticks = 0;

  constructor(
    private readonly cluster: MonitoredCluster,
    private readonly publish: (state: DashboardState, sample: Sample | undefined) => void,
  ) {
    const { client } = cluster;
    this.probes = new NodeProbes(client);
    this.load = new SlotLoad(client, this.probes, Date.now());
    this.timer = setInterval(() => this.tick(), TICK_MS).unref();
    this.tick();
  }

  stop(): void {
    clearInterval(this.timer);
    this.load.stop();
    this.probes.close();
  }

  private tick(): void {
    const { cluster, ticks, probes } = this;
    const stats = cluster.client.stats();
    const sample = this.sampler.sample(stats);
    if (this.before !== undefined) cluster.log.compare(this.before, stats);
    this.before = stats;
    if (ticks % NODES_EVERY === 0) probes.read();
    const state = this.describe(stats);
    if (ticks % SLOTS_EVERY === 0) void this.compareSlots(state);
    if (ticks % ENTITIES_EVERY === 0 && state.cluster.verdict !== 'down') void this.describeClasses();
    this.ticks++;
    this.publish(state, sample);
  }

  private describe(stats: ClusterStats): DashboardState {
    const { name, names, client } = this.cluster;
    const topology = reportTopology(client.topology);
    const nodes = reportNodes({
      topology,
      stats,
      answers: this.probes.answers,
      ownRate: (node) => this.sampler.ownRate(node),
    });
    const { status } = client;
    return {
      cluster: { name, names, status, since: stats.since, ...judge(status, topology, nodes) },
      topology,
      nodes,
      totals: totalsOf(stats),
      slots: this.slots,
      entities: reportEntities(stats, this.classes, this.cluster),
      messages: reportMessages(stats, this.cluster),
      cache: stats.cache,
    };
  }

  private async compareSlots({ topology }: DashboardState): Promise<void> {
    const primaries = topology.shards.map(({ primary }) => primary);
    this.slots = await this.load.look(primaries, Date.now());
  }

  private async describeClasses(): Promise<void> {
    try {
      this.classes = (await this.cluster.registry()?.overview()) ?? [];
    } catch {
      // their record cannot be read now: what is known stays
    }
  }
}
