import { ReplyError } from '../common/errors.js';
import type { NodeChannel } from '../connection/node-channel.js';
import { clearInterval, monotonicMs, setInterval } from '../common/timers.js';
import { NodeZones } from './node-zones.js';
import type { ClusterNode, ClusterShard, ClusterTopology } from '../topology/topology.js';

/** How often nodes are asked, in ms. A replica that is further behind than this is left out. */
const PROBE_MS = 1_000;
/** How long a node that could not serve a read is left alone, in ms. */
const UNFIT_MS = 1_000;
/** Weight of the latest measurement in the moving average of a node's latency. */
const LATEST = 0.3;

/** What a node says of its replication. */
interface ReplicationState {
  readonly role: ClusterNode['role'];
  /** A replica whose link to its primary is up, or a primary. */
  readonly linked: boolean;
  /** Bytes of the replication stream it has written, or applied. */
  readonly offset: number;
}

/**
 * Knows which nodes are fit to serve reads, and how fast they answer. From the first read that may go to a replica
 * on, every node is asked once a second for the state of its replication (INFO), which tells both.
 */
export class ReplicaMonitor {
  private readonly latencies = new Map<string, number>();
  private readonly unfitUntil = new Map<string, number>();
  private readonly lagging = new Set<string>();
  /** Where each primary's replication stream stood when it was last asked, and a probe before that. */
  private readonly offsets = new Map<string, number>();
  private earlierOffsets: ReadonlyMap<string, number> = new Map();
  private readonly underWay = new Set<string>();
  readonly zones = new NodeZones();
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(
    private readonly topology: () => ClusterTopology,
    private readonly channelTo: (node: ClusterNode) => NodeChannel,
    /** Called when a node says that it has another role than the topology has: no read from it would show that. */
    private readonly onOtherRole: () => void,
  ) {}

  /** To be called with every read that may go to a replica. */
  watch(): void {
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => this.probe(), PROBE_MS).unref();
    this.probe();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Whether reads may go to a node: it is reached, answers, and is not behind. */
  isFit(node: ClusterNode): boolean {
    if (this.lagging.has(node.name)) return false;
    const until = this.unfitUntil.get(node.name);
    if (until !== undefined && monotonicMs() < until) return false;
    return this.channelTo(node).fit;
  }

  /** Leaves a node alone for a moment. */
  markUnfit(name: string): void {
    this.unfitUntil.set(name, monotonicMs() + UNFIT_MS);
  }

  /** Forgets the nodes that are gone for good: where addresses change, new ones come all the time. */
  forget(isGone: (name: string) => boolean): void {
    for (const notes of [this.latencies, this.unfitUntil, this.lagging, this.offsets]) {
      for (const name of notes.keys()) if (isGone(name)) notes.delete(name);
    }
    this.zones.forget(isGone);
  }

  /** How long a node takes to answer, in ms; Infinity where it was not measured yet. */
  latencyOf(node: ClusterNode): number {
    return this.latencies.get(node.name) ?? Infinity;
  }

  private probe(): void {
    this.earlierOffsets = new Map(this.offsets);
    for (const shard of this.topology().shards) {
      for (const node of [shard.primary, ...shard.replicas]) {
        if (!this.underWay.has(node.name)) void this.ask(node, shard);
      }
    }
  }

  private async ask(node: ClusterNode, shard: ClusterShard): Promise<void> {
    this.underWay.add(node.name);
    try {
      const channel = this.channelTo(node);
      await channel.open();
      const start = monotonicMs();
      const reply = await channel.control('INFO', 'replication');
      this.noteLatency(node.name, monotonicMs() - start);
      this.noteState(node, shard, readState(String(reply)));
      if (this.zones.isDue(node)) this.zones.note(node, String(await channel.control('INFO', 'server')));
    } catch (error) {
      // a user without the right to INFO reads from whichever replica answers
      if (!(error instanceof ReplyError)) this.markUnfit(node.name);
    } finally {
      this.underWay.delete(node.name);
    }
  }

  private noteLatency(name: string, ms: number): void {
    const known = this.latencies.get(name) ?? ms;
    this.latencies.set(name, known * (1 - LATEST) + ms * LATEST);
  }

  private noteState(node: ClusterNode, shard: ClusterShard, state: ReplicationState): void {
    const { role, linked, offset } = state;
    // the topology may have changed since the question
    if (role !== node.role && this.topology().node(node.name)?.role === node.role) this.onOtherRole();
    if (node === shard.primary) {
      this.offsets.set(node.name, offset);
      this.lagging.delete(node.name);
      return;
    }
    const behind = offset < (this.earlierOffsets.get(shard.primary.name) ?? 0);
    if (!linked || behind) this.lagging.add(node.name);
    else this.lagging.delete(node.name);
  }
}

/** Reads the reply of INFO replication. */
function readState(info: string): ReplicationState {
  const fields = new Map(
    info.split('\r\n').map((line) => line.split(':', 2) as [string, string | undefined]),
  );
  const replica = fields.get('role') === 'slave';
  return {
    role: replica ? 'replica' : 'primary',
    linked: !replica || fields.get('master_link_status') === 'up',
    offset: Number(fields.get(replica ? 'slave_repl_offset' : 'master_repl_offset') ?? 0),
  };
}
