import type { Command } from '../command/command.js';
import type { NodeChannel } from '../connection/node-channel.js';
import { NO_SLOT } from '../topology/key-slot.js';
import type { ClusterTopology } from '../topology/topology.js';
import type { ChannelPool } from './channel-pool.js';
import type { RetryQueue } from '../waiting/retry-queue.js';
import { isOrdered } from '../waiting/slot-queue.js';

/** Moves commands to the new owners of their slots, in the order of the calls, when the topology changes. */
export class SlotHandover {
  constructor(
    private readonly pool: ChannelPool,
    private readonly retryQueue: RetryQueue,
    private readonly dispatch: (command: Command) => void,
  ) {}

  /**
   * Moves what the channels hold, after the pool has adopted a snapshot. Channels of nodes that have left are
   * removed.
   */
  follow(before: ClusterTopology, now: ClusterTopology): void {
    for (const channel of this.pool.all) this.blockMovedSlots(channel, now);
    for (const channel of this.pool.all) {
      const gone = now.node(channel.name) === undefined;
      const follows = (command: Command): boolean =>
        gone || channel.state !== 'ready' || hasLost(channel, command, before, now);
      for (const command of channel.takePending(follows)) this.dispatch(command);
      // commands that are pinned to a node stay with it, also when it has no slots any more
      if (gone && channel.budget.commands === 0) this.pool.remove(channel);
    }
  }

  /**
   * Commands in flight for slots that the node has lost may come back as redirects, so later calls for these slots wait
   * until the replies are in.
   */
  private blockMovedSlots(channel: NodeChannel, now: ClusterTopology): void {
    const slots = new Set<number>();
    for (const command of channel.inFlight()) {
      if (command.settled || !isOrdered(command)) continue;
      for (const slot of command.slots)
        if (now.shardForSlot(slot)?.primary.name !== channel.name) slots.add(slot);
    }
    if (slots.size === 0) return;
    this.retryQueue.blockSlots(slots);
    channel.afterInFlight(() => this.retryQueue.unblockSlots(slots));
  }
}

/**
 * A command that waits to be sent to a node which has just lost its slot. A command that a redirect sent there stays.
 */
function hasLost(
  { name }: NodeChannel,
  { asking, pinned, slot }: Command,
  before: ClusterTopology,
  now: ClusterTopology,
): boolean {
  if (asking || pinned !== undefined || slot === NO_SLOT) return false;
  return before.shardForSlot(slot)?.primary.name === name && now.shardForSlot(slot)?.primary.name !== name;
}
