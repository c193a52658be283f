import { inspect } from 'node:util';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy } from '../../cluster/command/call-policy.js';
import { InvalidArgumentError, TopologyError } from '../../cluster/common/errors.js';
import type { ClusterNode, SlotRange } from '../../cluster/topology/topology.js';
import { AdminCalls, type NodeReference, type Word } from './admin-calls.js';
import { parseBusLinks, type BusLink } from './bus-links.js';
import { parseClusterInfo, type ClusterInfo } from './cluster-info.js';
import { parseNodeLines, type SeenNode } from './node-lines.js';
import { parseShards, type ShardDescription } from './shard-nodes.js';
import { parseSlotOwners, type SlotOwners } from './slot-owners.js';
import { checkSlot, rangesOf, slotList, slotsByOwner, slotsOf } from './slot-words.js';

/** What became of slots that were to be deleted, owner by owner. */
export interface DeletedSlots {
  /** Who was told; undefined for slots that nobody owns. */
  readonly node: ClusterNode | undefined;
  readonly slots: readonly number[];
  /** Why they were not deleted; null where they were. */
  readonly error: Error | null;
}

/** States of SETSLOT that name another node. */
export type SlotHandover = 'IMPORTING' | 'MIGRATING' | 'NODE';

const HANDOVERS: ReadonlySet<string> = new Set<SlotHandover>(['IMPORTING', 'MIGRATING', 'NODE']);

/**
 * The CLUSTER commands, typed and read. A node is named by its id, by `host:port`, or by an object with both, and
 * asked itself: nothing is redirected or sent again. Nodes that have joined and own no slots can be named as well.
 * What changes the cluster changes what one node believes; the others learn of it, or not, by their gossip.
 *
 * Errors of all: `TopologyError` (`UNKNOWN_NODE`) for what names no node, InvalidArgumentError, and the server's own.
 */
export class ClusterAdmin {
  private readonly calls: AdminCalls;

  constructor(engine: ClusterEngine, policy: CallPolicy) {
    this.calls = new AdminCalls(engine, policy);
  }

  /** State, slots and epochs, as the node sees them; without a node, as the default node does. */
  async info(node?: NodeReference): Promise<ClusterInfo> {
    return parseClusterInfo(String(await this.calls.ask(node, 'INFO')));
  }

  /** All nodes, as the node sees them. Migrations are told by the node itself that has a part in them. */
  async nodes(node?: NodeReference): Promise<SeenNode[]> {
    return parseNodeLines(String(await this.calls.ask(node, 'NODES')));
  }

  /** The replicas of a primary, as the node `asked` sees them. */
  async replicas(primary: NodeReference, asked?: NodeReference): Promise<SeenNode[]> {
    const reply = await this.calls.ask(asked, 'REPLICAS', await this.calls.idOf(primary));
    return parseNodeLines(Array.isArray(reply) ? reply.join('\n') : String(reply));
  }

  /** Ranges of slots with their nodes, as the node sees them. */
  async slots(node?: NodeReference): Promise<SlotOwners[]> {
    return parseSlotOwners(await this.calls.ask(node, 'SLOTS'));
  }

  /** Shards with the health of their nodes, as the node sees them. Needs Redis 7. */
  async shards(node?: NodeReference): Promise<ShardDescription[]> {
    return parseShards(await this.calls.ask(node, 'SHARDS'));
  }

  /** The node's connections of the cluster bus. Needs Redis 7. */
  async links(node?: NodeReference): Promise<BusLink[]> {
    return parseBusLinks(await this.calls.ask(node, 'LINKS'));
  }

  /** The id that the node has of itself. */
  async myId(node: NodeReference): Promise<string> {
    return String(await this.calls.ask(node, 'MYID'));
  }

  /** The slot of a key, as a server reckons it; the client's `keyPrefix` is not put before it. */
  async keySlot(key: string | Buffer): Promise<number> {
    return Number(await this.calls.askAny(['KEYSLOT', key]));
  }

  /** How many keys the owner of a slot has in it. */
  async countKeysInSlot(slot: number): Promise<number> {
    return Number(await this.calls.askAny(['COUNTKEYSINSLOT', checkSlot(slot)]));
  }

  /** Up to `count` keys that the owner of a slot has in it, with their `keyPrefix`. */
  async getKeysInSlot(slot: number, count: number): Promise<string[]> {
    return (await this.calls.askAny(['GETKEYSINSLOT', checkSlot(slot), count])) as string[];
  }

  /** As `getKeysInSlot`, for keys that are no text. */
  async getKeysInSlotBuffer(slot: number, count: number): Promise<Buffer[]> {
    return (await this.calls.askAny(['GETKEYSINSLOT', checkSlot(slot), count], true)) as Buffer[];
  }

  /** How many nodes have told `asked` lately that they cannot reach a node. */
  async countFailureReports(node: NodeReference, asked?: NodeReference): Promise<number> {
    return Number(await this.calls.ask(asked, 'COUNT-FAILURE-REPORTS', await this.calls.idOf(node)));
  }

  /** Gives slots that nobody owns, in its eyes, to a node. */
  async addSlots(node: NodeReference, slots: Iterable<number>): Promise<'OK'> {
    return this.calls.change(node, 'ADDSLOTS', ...slotList(slots));
  }

  /** Gives ranges of slots that nobody owns, in its eyes, to a node. Needs Redis 7. */
  async addSlotsRange(node: NodeReference, ranges: Iterable<SlotRange>): Promise<'OK'> {
    return this.calls.change(node, 'ADDSLOTSRANGE', ...rangesOf(slotsOf(ranges)).flat());
  }

  /**
   * Makes the owners of slots forget that they own them; each is found and told. Others go on believing in the old
   * owner until a new one announces itself, or until they are named as `at`, which asks them instead of the owners.
   */
  async delSlots(slots: Iterable<number>, at?: NodeReference): Promise<DeletedSlots[]> {
    return this.deleteSlots(slotList(slots), at, (own) => ['DELSLOTS', ...own]);
  }

  /** As `delSlots`, for ranges. Needs Redis 7. */
  async delSlotsRange(ranges: Iterable<SlotRange>, at?: NodeReference): Promise<DeletedSlots[]> {
    return this.deleteSlots(slotsOf(ranges), at, (own) => ['DELSLOTSRANGE', ...rangesOf(own).flat()]);
  }

  /** Makes a node forget the owners of all slots; it must have no keys. */
  async flushSlots(node: NodeReference): Promise<'OK'> {
    return this.calls.change(node, 'FLUSHSLOTS');
  }

  /**
   * Says at a node what is becoming of a slot: it receives it (`IMPORTING` from another), hands it over (`MIGRATING`
   * to another), or another owns it (`NODE`); `STABLE` ends the first two.
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
      throw new InvalidArgumentError('state', `Invalid slot state; it is one of ${known}`);
    }
    if (other === undefined) throw new InvalidArgumentError('other', `${state} needs another node`);
    return this.calls.change(node, 'SETSLOT', slot, state, await this.calls.idOf(other));
  }

  /**
   * Makes a replica the primary of its shard. Resolves when the replica has begun; the topology tells when it is
   * done. `FORCE` does without the primary, `TAKEOVER` without the consent of the others too.
   */
  async failover(replica: NodeReference, mode?: 'FORCE' | 'TAKEOVER'): Promise<'OK'> {
    return this.calls.change(replica, 'FAILOVER', ...(mode === undefined ? [] : [mode]));
  }

  /**
   * Introduces a node, by IP address, to `node` (or the default node), and so to the cluster. Resolves when the
   * handshake has begun.
   */
  async meet(host: string, port: number, { busPort, node }: MeetOptions = {}): Promise<'OK'> {
    return this.calls.change(node, 'MEET', host, port, ...(busPort === undefined ? [] : [busPort]));
  }

  /** Makes a node a replica of a primary. A primary must be without slots and keys to become one. */
  async replicate(node: NodeReference, primary: NodeReference): Promise<'OK'> {
    return this.calls.change(node, 'REPLICATE', await this.calls.idOf(primary));
  }

  /**
   * Makes all other nodes, but for those that are known to be down, forget a node. They refuse it for a minute, after
   * which one that was not told would introduce it again. The node itself goes on believing in them until `reset`.
   * @throws PartialFailureError where some refuse, as its own replicas do
   */
  async forget(node: NodeReference): Promise<'OK'> {
    const id = await this.calls.idOf(node);
    const others = (await this.calls.allNodes()).filter((other) => other.id !== id);
    return this.calls.changeAll(others, 'FORGET', id);
  }

  /** Makes a node forget all others and its slots. `HARD` gives it a new id too. A primary must have no keys. */
  async reset(node: NodeReference, mode: 'SOFT' | 'HARD' = 'SOFT'): Promise<'OK'> {
    return this.calls.change(node, 'RESET', mode);
  }

  /** Has a node write its cluster configuration to disk; without a node, all of them. @throws PartialFailureError */
  async saveConfig(node?: NodeReference): Promise<'OK'> {
    const nodes = node === undefined ? await this.calls.allNodes() : [await this.calls.find(node)];
    return this.calls.changeAll(nodes, 'SAVECONFIG');
  }

  /** Gives a fresh node, which knows no other, its configuration epoch. */
  async setConfigEpoch(node: NodeReference, epoch: number): Promise<'OK'> {
    return this.calls.change(node, 'SET-CONFIG-EPOCH', epoch);
  }

  /** What `util.inspect` shows: no options, and so no secrets. */
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
          if (node === undefined) throw new TopologyError('SLOTS_NOT_COVERED', 'Nobody owns these slots');
          await this.calls.change(node, ...words(own));
          return { node, slots: own, error: null };
        } catch (error) {
          return { node, slots: own, error: error as Error };
        }
      }),
    );
  }
}

/** What `meet` may be told. */
export interface MeetOptions {
  /** The port of the cluster bus, where it is not the port + 10000. */
  busPort?: number | undefined;
  /** Who is to meet it. */
  node?: NodeReference | undefined;
}
