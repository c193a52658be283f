import type { Change } from './recorded-keyspace.js';
import type { World } from './world.js';

/** A time in which a shard may lose writes that it has acknowledged, for all slots that it owned. */
export interface ShardLoss {
  readonly owns: (slot: number) => boolean;
  readonly from: number;
  to: number | undefined;
}

/** What the servers may have lost, by the moments of their failovers. */
export class LossRecord {
  readonly losses: ShardLoss[] = [];
  /** The nodes that have written a value as a primary, and those that have lost it. */
  private readonly writers = new Map<string, Set<number>>();
  private readonly losers = new Map<string, Set<number>>();

  constructor(private readonly world: World) {}

  /** Records what a primary has written. */
  noteWritten(node: number, changes: readonly Change[]): void {
    note(this.writers, node, changes);
  }

  /** Records what is lost with a primary. */
  noteLost(node: number, changes: readonly Change[]): void {
    note(this.losers, node, changes);
  }

  /** Whether each node that has written a value has lost it. */
  isLost(key: string, value: string): boolean {
    const [writers, losers] = [this.writers, this.losers].map((nodes) => nodes.get(`${key} ${value}`));
    return losers !== undefined && losers.size === writers?.size;
  }

  /** Records a loss that lasts until the returned function is called. */
  begin(from: number, owns: (slot: number) => boolean): () => void {
    // before what happened at that very moment
    const loss: ShardLoss = { owns, from: from - 1e-6, to: undefined };
    this.losses.push(loss);
    return () => (loss.to ??= this.world.time.now + 1e-6);
  }
}

function note(nodes: Map<string, Set<number>>, node: number, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (typeof value !== 'string') continue;
    const name = `${key} ${value}`;
    const known = nodes.get(name);
    if (known === undefined) nodes.set(name, new Set([node]));
    else known.add(node);
  }
}
