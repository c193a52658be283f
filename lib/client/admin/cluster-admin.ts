import { inspect } from 'node:util';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError, TopologyError } from '../../cluster/common/errors.js';
import type { ClusterNode, SlotRange } from '../../cluster/topology/topology.js';
import { AdminCalls, type NodeReference, type Word } from '../cluster-calls/admin-calls.js';
import { parseBusLinks, type BusLink } from './bus-links.js';
import { parseClusterInfo, type ClusterInfo } from './cluster-info.js';
import { parseNodeLines, type SeenNode } from '../../cluster/topology/node-lines.js';
import { parseShards, type ShardDescription } from '../cluster-calls/shard-nodes.js';
import { findHotKeys, type HotKeys, type HotKeysOptions } from '../migration/hot-keys.js';
import {
  migrateSlots,
  type MigratedSlots,
  type SlotMigrationOptions,
  type SlotMigrationRequest,
} from '../migration/migrate-slots.js';
import { rebalance, type RebalanceOptions, type RebalanceResult } from '../migration/rebalance.js';
import { readSlotStats, type SlotStats } from '../migration/slot-stats.js';
import { parseSlotOwners, type SlotOwners } from './slot-owners.js';
import { checkSlot } from '../../cluster/topology/key-slot.js';
import { rangesOf, slotList, slotsByOwner, slotsOf } from '../cluster-calls/slot-words.js';

/** The result of deleting slots, for one owner. */
export interface DeletedSlots {
  /** The node that got the command; undefined for slots without an owner. */
  readonly node: ClusterNode | undefined;
  readonly slots: readonly number[];
  /** Why the slots were not deleted; null if they were. */
  readonly error: Error | null;
}

/** The states of SETSLOT that name another node. */
export type SlotHandover = 'IMPORTING' | 'MIGRATING' | 'NODE';

const HANDOVERS: ReadonlySet<string> = new Set<SlotHandover>(['IMPORTING', 'MIGRATING', 'NODE']);

/**
 * The CLUSTER commands, with typed arguments and parsed replies. Name a node by its id, by `host:port`, or by
 * an object with both. The command goes to that node: it is not redirected and not sent again. You can also
 * name nodes that have joined without slots. A command that changes the cluster changes what one node believes;
 * the others may learn of it by gossip.
 *
 * All methods can throw `TopologyError` (`UNKNOWN_NODE`) for an unknown node, InvalidArgumentError, and the
 * server's own errors.
 */
export class ClusterAdmin {
  private readonly calls: AdminCalls;

  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: CallPolicy,
  ) {
    this.calls = new AdminCalls(engine, policy);
  }

  /** Returns state, slots and epochs, as the node sees them. Without a node, the default node is asked. */
  async info(node?: NodeReference): Promise<ClusterInfo> {
    return parseClusterInfo(String(await this.calls.send(node, 'INFO')));
  }

  /** Returns all nodes, as the node sees them. A migration is reported only by the nodes that take part in it. */
  async nodes(node?: NodeReference): Promise<SeenNode[]> {
    return parseNodeLines(String(await this.calls.send(node, 'NODES')));
  }

  /** Returns the replicas of a primary, as the node `asked` sees them. */
  async replicas(primary: NodeReference, asked?: NodeReference): Promise<SeenNode[]> {
    const reply = await this.calls.send(asked, 'REPLICAS', await this.calls.idOf(primary));
    return parseNodeLines(Array.isArray(reply) ? reply.join('\n') : String(reply));
  }

  /** Returns ranges of slots with their nodes, as the node sees them. */
  async slots(node?: NodeReference): Promise<SlotOwners[]> {
    return parseSlotOwners(await this.calls.send(node, 'SLOTS'));
  }

  /** Returns the shards with the health of their nodes, as the node sees them. Needs Redis 7. */
  async shards(node?: NodeReference): Promise<ShardDescription[]> {
    return parseShards(await this.calls.send(node, 'SHARDS'));
  }

  /** Returns the node's connections of the cluster bus. Needs Redis 7. */
  async links(node?: NodeReference): Promise<BusLink[]> {
    return parseBusLinks(await this.calls.send(node, 'LINKS'));
  }

  /** Returns the node's own id. */
  async myId(node: NodeReference): Promise<string> {
    return String(await this.calls.send(node, 'MYID'));
  }

  /** Returns the slot of a key, as a server computes it. The client's `keyPrefix` is not added. */
  async keySlot(key: string | Buffer): Promise<number> {
    return Number(await this.calls.sendAnywhere(['KEYSLOT', key]));
  }

  /** Returns how many keys the owner of a slot has in it. */
  async countKeysInSlot(slot: number): Promise<number> {
    return Number(await this.calls.sendAnywhere(['COUNTKEYSINSLOT', checkSlot(slot)]));
  }

  /** Returns up to `count` keys that the owner of a slot has in it, including their `keyPrefix`. */
  async getKeysInSlot(slot: number, count: number): Promise<string[]> {
    return (await this.calls.sendAnywhere(['GETKEYSINSLOT', checkSlot(slot), count])) as string[];
  }

  /** Does the same as `getKeysInSlot`, for keys that are not text. */
  async getKeysInSlotBuffer(slot: number, count: number): Promise<Buffer[]> {
    return (await this.calls.sendAnywhere(['GETKEYSINSLOT', checkSlot(slot), count], true)) as Buffer[];
  }

  /** Returns how many nodes have recently reported to `asked` that they cannot reach a node. */
  async countFailureReports(node: NodeReference, asked?: NodeReference): Promise<number> {
    return Number(await this.calls.send(asked, 'COUNT-FAILURE-REPORTS', await this.calls.idOf(node)));
  }

  /** Assigns slots to a node. In its view, they must have no owner. */
  async addSlots(node: NodeReference, slots: Iterable<number>): Promise<'OK'> {
    return this.calls.change(node, 'ADDSLOTS', ...slotList(slots));
  }

  /** Assigns ranges of slots to a node. In its view, they must have no owner. Needs Redis 7. */
  async addSlotsRange(node: NodeReference, ranges: Iterable<SlotRange>): Promise<'OK'> {
    return this.calls.change(node, 'ADDSLOTSRANGE', ...rangesOf(slotsOf(ranges)).flat());
  }

  /**
   * Makes the owners of slots forget that they own them. Finds each owner and sends it the command. Other nodes
   * keep believing in the old owner until a new owner announces itself, or until you name them as `at`, which
   * sends the command to that node instead of the owners.
   */
  async delSlots(slots: Iterable<number>, at?: NodeReference): Promise<DeletedSlots[]> {
    return this.deleteSlots(slotList(slots), at, (own) => ['DELSLOTS', ...own]);
  }

  /** Does the same as `delSlots`, for ranges. Needs Redis 7. */
  async delSlotsRange(ranges: Iterable<SlotRange>, at?: NodeReference): Promise<DeletedSlots[]> {
    return this.deleteSlots(slotsOf(ranges), at, (own) => ['DELSLOTSRANGE', ...rangesOf(own).flat()]);
  }

  /** Makes a node forget the owners of all slots. It must have no keys. */
  async flushSlots(node: NodeReference): Promise<'OK'> {
    return this.calls.change(node, 'FLUSHSLOTS');
  }

  /**
   * Sets the state of a slot at a node: the node receives it (`IMPORTING` from another node), hands it over
   * (`MIGRATING` to another node), or another node owns it (`NODE`). `STABLE` ends the first two.
   */
  async setSlot(node: NodeReference, slot: number, state: SlotHandover, other: NodeReference): Promise<'OK'>;
  async setSlot(node: NodeReference, slot: number, state: 'STABLE'): Promise<'OK'>;
  async setSlot(
    node: NodeReference,
    slot: number,
    state: SlotHandover | 'STABLE',
    other?: NodeReference,
  ): Promise<'OK'> {
    checkSlot(slot);
    if (state === 'STABLE') return this.calls.change(node, 'SETSLOT', slot, state);
    if (!HANDOVERS.has(state)) {
      const known = [...HANDOVERS, 'STABLE'].join(', ');
      throw new InvalidArgumentError(
        'state',
        `A slot state must be one of ${known}, got ${describeOther(state)}`,
      );
    }
    if (other === undefined) throw new InvalidArgumentError('other', `${state} needs another node`);
    return this.calls.change(node, 'SETSLOT', slot, state, await this.calls.idOf(other));
  }

  /**
   * Makes a replica the primary of its shard. Resolves when the replica has started; the topology shows when it
   * is done. `FORCE` works without the primary, `TAKEOVER` also without the agreement of the other primaries.
   */
  async failover(replica: NodeReference, mode?: 'FORCE' | 'TAKEOVER'): Promise<'OK'> {
    return this.calls.change(replica, 'FAILOVER', ...(mode === undefined ? [] : [mode]));
  }

  /**
   * Introduces a node, by IP address, to `node` (or the default node), and so to the cluster. Resolves when the
   * handshake has started.
   */
  async meet(host: string, port: number, { busPort, node }: MeetOptions = {}): Promise<'OK'> {
    return this.calls.change(node, 'MEET', host, port, ...(busPort === undefined ? [] : [busPort]));
  }

  /** Makes a node a replica of a primary. A node that is a primary itself must have no slots and no keys. */
  async replicate(node: NodeReference, primary: NodeReference): Promise<'OK'> {
    return this.calls.change(node, 'REPLICATE', await this.calls.idOf(primary));
  }

  /**
   * Makes all other nodes forget a node, except those known to be down. They do not accept it again for a
   * minute; after that, a node that did not get the command would introduce it again. The forgotten node itself
   * keeps believing in the others until `reset`.
   * @throws PartialFailureError if some nodes refuse, as its own replicas do
   */
  async forget(node: NodeReference): Promise<'OK'> {
    const id = await this.calls.idOf(node);
    const others = (await this.calls.allNodes()).filter((other) => other.id !== id);
    return this.calls.changeAll(others, 'FORGET', id);
  }

  /** Makes a node forget all others and its slots. `HARD` also gives it a new id. A primary must have no keys. */
  async reset(node: NodeReference, mode: 'SOFT' | 'HARD' = 'SOFT'): Promise<'OK'> {
    return this.calls.change(node, 'RESET', mode);
  }

  /**
   * Makes a node write its cluster configuration to disk; all nodes, if none is named. @throws
   * PartialFailureError
   */
  async saveConfig(node?: NodeReference): Promise<'OK'> {
    const nodes = node === undefined ? await this.calls.allNodes() : [await this.calls.find(node)];
    return this.calls.changeAll(nodes, 'SAVECONFIG');
  }

  /** Sets the configuration epoch of a new node, which knows no other nodes. */
  async setConfigEpoch(node: NodeReference, epoch: number): Promise<'OK'> {
    return this.calls.change(node, 'SET-CONFIG-EPOCH', epoch);
  }

  /**
   * Moves slots with all their keys to a primary, while clients keep working. Uses CLUSTER MIGRATESLOTS (Valkey 9) or
   * CLUSTER MIGRATION (Redis 8.4) if both nodes have it, and SETSLOT and MIGRATE otherwise. If the call ends early, for
   * whatever reason, the same call continues where it ended.
   * @returns the slots that have moved, and how many keys
   * @throws InvalidArgumentError; SlotMigrationError if slots are on their way to another node, or the servers give up;
   *   TopologyError (`SLOTS_NOT_COVERED`, `VIEWS_DISAGREE`); the reason of the signal
   */
  async migrateSlots(request: SlotMigrationRequest, options?: SlotMigrationOptions): Promise<MigratedSlots> {
    return migrateSlots(this.engine, this.calls, this.policy, request, options);
  }

  /**
   * Moves slots between primaries, with those that have just joined, until all have about the same number of keys, or
   * the same of another load. With `dryRun` it only returns what it would move. If no slot has a load, it balances the
   * number of slots.
   * @throws the same as `migrateSlots`; UnsupportedServerFeatureError if the servers do not measure the load
   */
  async rebalance(options?: RebalanceOptions): Promise<RebalanceResult> {
    return rebalance(this.engine, this.calls, this.policy, options);
  }

  /**
   * Returns keys, and CPU time, traffic and memory if the servers count them, of all slots that have an owner.
   * @throws UnsupportedServerFeatureError before Redis 8.2 and Valkey 8.0
   */
  async slotStats(): Promise<SlotStats[]> {
    return readSlotStats(this.calls);
  }

  /** Records for a while which keys take most CPU time and traffic. @throws UnsupportedServerFeatureError before Redis 8.6 */
  async hotKeys(options?: HotKeysOptions): Promise<HotKeys> {
    return findHotKeys(this.calls, options);
  }

  /** Shows no options, which hold secrets. */
  [inspect.custom](): string {
    return 'ClusterAdmin {}';
  }

  private async deleteSlots(
    slots: readonly number[],
    at: NodeReference | undefined,
    words: (slots: readonly number[]) => Word[],
  ): Promise<DeletedSlots[]> {
    const groups =
      at === undefined
        ? slotsByOwner(await this.calls.readView(), slots)
        : new Map([[await this.calls.find(at), slots]]);
    return Promise.all(
      [...groups].map(async ([node, own]): Promise<DeletedSlots> => {
        try {
          if (node === undefined) throw new TopologyError('SLOTS_NOT_COVERED', 'These slots have no owner');
          await this.calls.change(node, ...words(own));
          return { node, slots: own, error: null };
        } catch (error) {
          return { node, slots: own, error: error as Error };
        }
      }),
    );
  }
}

/** Options of `meet`. */
export interface MeetOptions {
  /** The port of the cluster bus, if it is not the port + 10000. */
  busPort?: number | undefined;
  /** The node that meets the new one. Default: the default node. */
  node?: NodeReference | undefined;
}
