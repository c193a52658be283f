import { Inject, Injectable, Optional } from '@nestjs/common';
import { ClusterClient, type ClusterShard } from 'keyslot';
import { STAGE, type Stage } from './stage.js';

/** A node, as its tile shows it. */
export interface NodeTile {
  name: string;
  role: 'primary' | 'replica';
  state: 'running' | 'frozen' | 'dead';
  /** The number of its shard, from 0, in the order of the slots. */
  shard: number;
  slots: number;
  /** Commands of this process per second. */
  perSecond: number;
}

/** The cluster as this process sees it. */
export interface ClusterMap {
  nodes: NodeTile[];
  /** Which slots are in which shard: first slot, last slot, number of the shard. */
  ranges: [first: number, last: number, shard: number][];
}

const RATE_MS = 1_000;
/** A client learns of changes from the calls that meet them. A page that is watched does not wait for calls. */
const REFRESH_MS = 2_000;

@Injectable()
export class ClusterMapper {
  private shards = new Map<string, number>(); // by node: one that is gone keeps its color
  private counts = new Map<string, number>();
  private rates = new Map<string, number>();
  private countedAt = 0;
  private refreshedAt = 0;

  constructor(
    private readonly client: ClusterClient,
    @Optional() @Inject(STAGE) private readonly stage?: Stage,
  ) {}

  map(): ClusterMap {
    this.measure();
    this.refresh();
    const shards = this.client.topology.shards.toSorted((a, b) => mainSlot(a) - mainSlot(b));
    const seen = new Map(
      shards.flatMap(({ primary, replicas }, shard) =>
        [primary, ...replicas].map((node) => [node.name, { shard, node }] as const),
      ),
    );
    for (const [name, { shard }] of seen) this.shards.set(name, shard);
    const states = new Map(this.stage?.cluster.nodes.map(({ name, state }) => [name, state]));
    const names = states.size > 0 ? [...states.keys()] : [...seen.keys()].toSorted();
    return {
      nodes: names.map((name) => {
        const role = seen.get(name)?.node.role ?? 'replica';
        const slots = role === 'primary' ? slotCount(shards[seen.get(name)!.shard]) : 0;
        return {
          name,
          role,
          state: states.get(name) ?? 'running',
          shard: this.shards.get(name) ?? 0,
          slots,
          perSecond: this.rates.get(name) ?? 0,
        };
      }),
      ranges: shards.flatMap(({ slots }, shard) =>
        slots.map(([first, last]): ClusterMap['ranges'][number] => [first, last, shard]),
      ),
    };
  }

  private refresh(): void {
    const now = performance.now();
    if (now - this.refreshedAt < REFRESH_MS) return;
    this.refreshedAt = now;
    this.client.refreshTopology().catch(() => {}); // what is known stays
  }

  /** Whoever looks more often than once a second gets the same rates. */
  private measure(): void {
    const now = performance.now();
    const seconds = (now - this.countedAt) / 1_000;
    if (seconds * 1_000 < RATE_MS) return;
    const counts = new Map(
      Object.entries(this.client.stats().nodes).map(([name, { commands }]) => [name, commands]),
    );
    this.rates = new Map(
      [...counts].map(([name, count]) => [
        name,
        Math.max(0, Math.round((count - (this.counts.get(name) ?? count)) / seconds)),
      ]),
    );
    [this.counts, this.countedAt] = [counts, now];
  }
}

const slotCount = ({ slots }: ClusterShard): number =>
  slots.reduce((sum, [first, last]) => sum + last + 1 - first, 0);

/** Where the longest range of a shard begins: single slots that have moved do not change the order of shards. */
function mainSlot({ slots }: ClusterShard): number {
  const [longest] = slots.toSorted(([a, b], [c, d]) => d - c - (b - a));
  return longest?.[0] ?? Infinity;
}
