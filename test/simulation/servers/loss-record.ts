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

  constructor(private readonly world: World) {}

  /** Records a loss that lasts until the returned function is called. */
  begin(from: number, owns: (slot: number) => boolean): () => void {
    // before what happened at that very moment
    const loss: ShardLoss = { owns, from: from - 1e-6, to: undefined };
    this.losses.push(loss);
    return () => (loss.to ??= this.world.time.now + 1e-6);
  }
}
