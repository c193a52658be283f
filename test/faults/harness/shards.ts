import { keySlot, SLOT_COUNT } from 'keyslot';

/** The slots of each shard as the cluster was when a trial began; they keep their shard's number wherever they go. */
export class Shards {
  private readonly shardOf: number[] = [];

  constructor(readonly slots: readonly (readonly number[])[]) {
    for (const [shard, own] of slots.entries()) for (const slot of own) this.shardOf[slot] = shard;
  }

  /** Even shares, as LocalCluster deals them out. */
  static even(count: number): Shards {
    const bound = (shard: number): number => Math.round((shard * SLOT_COUNT) / count);
    const range = (shard: number): number[] =>
      Array.from({ length: bound(shard + 1) - bound(shard) }, (_, i) => bound(shard) + i);
    return new Shards(Array.from({ length: count }, (_, shard) => range(shard)));
  }

  get count(): number {
    return this.slots.length;
  }

  of(key: string): number {
    return this.shardOf[keySlot(key)];
  }

  /** Hash tags, braces and all, of a shard; of these slots only, where some are given. */
  tags(shard: number, count: number, among: ReadonlySet<number> = new Set()): string[] {
    const tags: string[] = [];
    for (let i = 0; tags.length < count; i++) {
      const slot = keySlot(`t${i}`);
      if (this.shardOf[slot] === shard && (among.size === 0 || among.has(slot))) tags.push(`{t${i}}`);
    }
    return tags;
  }
}
