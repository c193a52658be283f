import { ReplyError } from '../../cluster/common/errors.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import type { SlotRange } from '../server/cluster-view.js';
import type { LocalNode } from '../server/local-node.js';
import { OWN_USER } from '../common/local-cluster-options.js';
import { untilNothingMissing, type WaitOptions } from '../common/poll.js';

const MIGRATE_TIMEOUT_MS = '5000';
const KEYS_PER_STEP = 100;

/**
 * A slot on its way from one primary to another, under way from the start: the owner answers ASK for keys that it
 * does not have (any more), and TRYAGAIN when it has only some of a command's keys.
 *
 * @see {@link https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#live-resharding | Redis Cluster specification, live resharding}
 */
export class SlotMigration {
  private constructor(
    readonly slot: number,
    readonly from: LocalNode,
    readonly to: LocalNode,
    private readonly ownPassword: string,
    private readonly primaries: () => readonly LocalNode[],
  ) {}

  /** @internal */
  static async begin(
    slot: number,
    from: LocalNode,
    to: LocalNode,
    ownPassword: string,
    primaries: () => readonly LocalNode[],
  ): Promise<SlotMigration> {
    // this order: a redirect must find the door open
    await setSlot(to, slot, 'IMPORTING', from.id);
    await setSlot(from, slot, 'MIGRATING', to.id);
    return new SlotMigration(slot, from, to, ownPassword, primaries);
  }

  /**
   * Moves keys to the new owner: the given ones, or all, at most `limit`, one MIGRATE at a time.
   * @returns how many
   */
  async moveKeys({
    keys,
    limit = Infinity,
  }: { keys?: readonly (string | Buffer)[] | undefined; limit?: number | undefined } = {}): Promise<number> {
    if (keys !== undefined) {
      await this.migrate(this.from, this.to, keys);
      return keys.length;
    }
    let moved = 0;
    while (moved < limit) {
      const batch = await this.moveSome(this.from, this.to, Math.min(KEYS_PER_STEP, limit - moved));
      if (batch === 0) break;
      moved += batch;
    }
    return moved;
  }

  /** Moves what is left and makes the new owner known to all primaries. */
  async finish(): Promise<void> {
    await this.moveKeys();
    // the new owner first: until it knows, the old one would redirect to a node that redirects back
    const others = this.primaries().filter((node) => node !== this.to && node !== this.from);
    await setSlot(this.to, this.slot, 'NODE', this.to.id);
    for (const node of [this.from, ...others]) await this.tell(node);
  }

  /** Moves the keys back and leaves the slot where it was. Keys that are on their way back are briefly not found. */
  async cancel(): Promise<void> {
    await setSlot(this.from, this.slot, 'STABLE');
    while ((await this.moveSome(this.to, this.from, KEYS_PER_STEP)) > 0);
    await setSlot(this.to, this.slot, 'STABLE');
  }

  private async tell(node: LocalNode): Promise<void> {
    try {
      await setSlot(node, this.slot, 'NODE', this.to.id);
    } catch (error) {
      // a primary that lost its last slot follows the new owner at once, and a replica is told by its primary
      if (!(error instanceof ReplyError) || (await node.view()).myself.role === 'primary') throw error;
    }
  }

  private async moveSome(from: LocalNode, to: LocalNode, count: number): Promise<number> {
    const keys = (await from.connection.callBuffer('CLUSTER', 'GETKEYSINSLOT', this.slot, count)) as Buffer[];
    if (keys.length > 0) await this.migrate(from, to, keys);
    return keys.length;
  }

  private async migrate(from: LocalNode, to: LocalNode, keys: readonly (string | Buffer)[]): Promise<void> {
    const destination = [
      to.host,
      to.port,
      '',
      0,
      MIGRATE_TIMEOUT_MS,
      'REPLACE',
      'AUTH2',
      OWN_USER,
      this.ownPassword,
    ];
    await from.connection.call('MIGRATE', ...destination, 'KEYS', ...keys);
  }
}

function setSlot(node: LocalNode, slot: number, ...state: string[]): Promise<Reply> {
  return node.connection.call('CLUSTER', 'SETSLOT', slot, ...state);
}

/**
 * Waits until the taker knows the giver's configuration epoch, which has to be lower than its own will be: a server
 * gives itself a new epoch for a slot that it takes, unless it believes to have the highest. One that takes a slot
 * back before it has heard of the last owner's epoch, or while both have the same, would not be believed by servers
 * that have. Servers that find the same epoch at another resolve that by themselves.
 */
export async function untilEpochIsKnown(
  from: LocalNode,
  to: LocalNode,
  wait: WaitOptions = {},
): Promise<void> {
  await untilNothingMissing(
    `Epoch of ${from.name}`,
    async () => {
      const [given, taking] = await Promise.all([from.view(), to.view()]);
      const epoch = given.myself.configEpoch;
      if (taking.nodes.get(from.id)?.configEpoch !== epoch) return `${to.name} does not know it yet`;
      return taking.myself.configEpoch === epoch ? `${to.name} has the same` : undefined;
    },
    wait,
  );
}

/**
 * Waits until all running nodes see the slots with their owner. If the owner itself does not, the command is sent again: a
 * slot that comes back soon may be lost to the former owner's last message, whatever its epoch, by a server that has
 * not yet heard that owner claim the slot.
 */
export async function untilOwnerIsKnown(
  slots: readonly number[],
  owner: LocalNode,
  running: () => readonly LocalNode[],
  wait: WaitOptions,
): Promise<void> {
  await untilNothingMissing(
    `Slots of ${owner.name}`,
    async () => {
      for (const node of running()) {
        const owned = new Set((await node.view()).nodes.get(owner.id)?.slots.flatMap(slotsOf));
        const missing = slots.filter((slot) => !owned.has(slot));
        if (missing.length === 0) continue;
        if (node === owner) {
          for (const slot of missing) await setSlot(owner, slot, 'NODE', owner.id).catch(() => {});
        }
        return `${node.name} does not know of all of them yet`;
      }
      return undefined;
    },
    wait,
  );
}

/** Every slot of a range. */
function slotsOf([first, last]: SlotRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
