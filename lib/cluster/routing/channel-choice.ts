import { random } from '../runtime/randomness.js';
import type { ReadFrom } from '../options/read-from.js';
import type { CommandRow } from '../command-table/command-table.js';
import type { Command } from '../command/command.js';
import type { NodeChannel } from '../connection/node-channel.js';
import { NO_SLOT } from '../topology/key-slot.js';
import type { ChannelPool } from './channel-pool.js';
import type { ReplicaMonitor } from './replica-monitor.js';
import { ReplicaSelector } from './replica-selector.js';

/** Chooses the channel for a command, by the present topology. */
export class ChannelChoice {
  private readonly replicas: ReplicaSelector;

  /** @param keepsToSlotOwner commands that any primary could serve wait for the primary of their slot */
  constructor(
    private readonly pool: ChannelPool,
    monitor: ReplicaMonitor,
    private readonly keepsToSlotOwner: boolean,
  ) {
    this.replicas = new ReplicaSelector(monitor, (node) => pool.channelTo(node));
  }

  /** The channel for a command. Undefined if no node can serve it now. @throws what a `readFrom` function throws */
  channelFor(command: Command): NodeChannel | undefined {
    const { pool } = this;
    const { row, slot, policy, pinned } = command;
    if (pinned !== undefined) return pool.channelTo(pinned);
    const shard = this.certainShard(row, slot, policy.readFrom);
    if (shard !== undefined) return pool.primaries[shard];
    if (slot === NO_SLOT) return this.keylessChannel(command);
    const index = pool.topology.shardIndexOfSlot(slot);
    if (index === -1) return this.mayGoElsewhere(row) ? this.primaryFor(slot) : undefined;
    if (row.readonly && policy.readFrom !== 'primary')
      return this.replicas.choose(pool.topology.shards[index], command);
    return this.primaryFor(slot, pool.primaries[index]);
  }

  /** The index of the shard whose primary a call goes to; undefined if there is none, or something to choose. */
  certainShard(row: CommandRow, slot: number, readFrom: ReadFrom): number | undefined {
    if (slot === NO_SLOT || (row.readonly && readFrom !== 'primary')) return undefined;
    const index = this.pool.topology.shardIndexOfSlot(slot);
    if (index === -1) return undefined;
    return this.mayGoElsewhere(row) && this.pool.primaries[index].outOfReach ? undefined : index;
  }

  /** A cluster that serves all of its slots or nothing has its primary back soon, and keeps the order until then. */
  private mayGoElsewhere(row: CommandRow): boolean {
    return row.anyPrimary && !this.keepsToSlotOwner;
  }

  /** A primary that can be reached; always the same one for a slot, so that its commands keep their order. */
  private primaryFor(slot: number, fallback?: NodeChannel): NodeChannel | undefined {
    const reachable = this.pool.primaries.filter((channel) => !channel.outOfReach);
    return reachable[slot % reachable.length] ?? fallback;
  }

  private keylessChannel(command: Command): NodeChannel | undefined {
    // a script without keys may run on any primary, so the load is distributed
    if (command.row.request === 'slot') return this.anyPrimary();
    const node = this.pool.topology.defaultNode;
    const channel = node && this.pool.channelTo(node);
    // any node can answer, so the command does not wait for a default node that is lost
    return channel === undefined || channel.fit ? channel : this.anyPrimary();
  }

  private anyPrimary(): NodeChannel | undefined {
    const { primaries } = this.pool;
    const fit = primaries.filter((channel) => channel.fit);
    return fit[Math.floor(random() * fit.length)] ?? primaries[0];
  }
}
