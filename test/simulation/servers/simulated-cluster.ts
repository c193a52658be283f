import { serveInProcess } from '../../../lib/cluster/topology/in-process-nodes.js';
import type { NodeAddress } from '../../../lib/cluster/topology/topology.js';
import { EPOCH } from '../time/virtual-runtime.js';
import { Bus } from './bus.js';
import { ClusterMap } from './cluster-map.js';
import { LossRecord } from './loss-record.js';
import { MessageRoutes } from './message-routes.js';
import { SimulatedNode } from './simulated-node.js';
import { SlotMoves } from './slot-moves.js';
import type { World } from './world.js';

/** How long a node must be out of reach before the others act on it, and an election, in ms. */
const NODE_TIMEOUT_MS = 600;
const ELECTION_MS = 200;
/** When a move that could not begin is tried again, in ms. */
const MOVE_AGAIN_MS = 5;
const DOWN = 'CLUSTERDOWN The cluster is down';

const SHARDS = 3;

/** Three primaries with a replica each. Nodes learn of changes after a while, and replicas lag behind. */
export class SimulatedCluster {
  readonly nodes: readonly SimulatedNode[];
  readonly addresses: readonly NodeAddress[];
  readonly losses: LossRecord;
  /** When a call was served before an earlier one of its slot, which was refused. */
  readonly overtaken: { readonly slot: number; readonly at: number }[] = [];
  /** The longest time until a node has heard of a change, and until a replica has a write, in ms. */
  gossipMs = 30;
  lagMs = 3;
  /** Carries messages to the other nodes. */
  readonly bus: Bus;
  readonly routes = new MessageRoutes();
  readonly moves: SlotMoves;
  private readonly ends: (() => void)[];
  /** Ends the record of what an old primary may still lose, by its place. */
  private readonly deposed = new Map<number, () => void>();
  /** The shards whose primary waits for the replica that replaces it as planned. */
  private readonly failingOver = new Set<number>();
  private map: ClusterMap;

  constructor(private readonly world: World) {
    const shards = Array.from({ length: SHARDS }, (_, at) => ({ primary: at, replicas: [at + SHARDS] }));
    this.map = ClusterMap.even(shards);
    this.losses = new LossRecord(world);
    this.bus = new Bus(world);
    const owner = {
      nodeAt: (place: number) => this.nodes[place],
      onChanges: (node: SimulatedNode) => this.replicate(node),
      onPublished: (node: SimulatedNode, kind: '' | 's', channel: string, payload: string) => {
        this.routes.noteAccepted(node.place, channel, payload);
        for (const other of this.nodes)
          if (other !== node && (kind === '' || node.isBeside(other)))
            this.bus.send(node, other, kind, channel, payload);
      },
      onPassedOn: ({ place }: SimulatedNode, channel: string, payload: string) =>
        this.routes.notePassedOn(place, channel, payload),
      onOvertaken: (slot: number) => void this.overtaken.push({ slot, at: world.time.now }),
    };
    this.nodes = Array.from({ length: 2 * SHARDS }, (_, at) => new SimulatedNode(at, world, owner, this.map));
    this.addresses = this.nodes.map(({ host, port }) => ({ host, port }));
    this.moves = new SlotMoves(
      world,
      (slot, from, to) => this.handOver(slot, from, to),
      (node) => this.secure(node),
    );
    this.ends = this.nodes.map((node) =>
      serveInProcess(node.host, {
        connect: () => node.connect().clientEnd,
        now: () => EPOCH + Math.floor(world.time.now),
      }),
    );
  }

  /** Returns the node that owns a slot in the end of all disputes. */
  ownerOf(slot: number): SimulatedNode {
    return this.nodes[this.map.ownerOf(slot)];
  }

  /** Stops a process for a while, as SIGSTOP does. */
  freeze(node: SimulatedNode, ms: number): void {
    if (node.state !== 'up') return;
    this.moves.finish();
    node.state = 'frozen';
    node.hold('up', 'frozen');
    this.watch(node);
    this.world.time.after(ms, () => {
      if (node.state !== 'frozen') return;
      node.state = 'up';
      node.release('up', 'frozen');
      this.rejoin(node);
    });
  }

  /** Ends a process. It starts again after a while, with its data. */
  kill(node: SimulatedNode, ms: number): void {
    if (node.state === 'down') return;
    this.moves.finish();
    node.state = 'down';
    node.release('up', 'frozen');
    node.reset();
    this.watch(node);
    this.world.time.after(ms, () => {
      node.state = 'up';
      this.catchUp(node);
      node.refusal = 'LOADING Redis is loading the dataset in memory';
      this.world.time.after(20, () => (node.refusal = undefined));
    });
  }

  /** Cuts a node off from the other nodes for a while, and not from clients. */
  isolate(node: SimulatedNode, ms: number): void {
    if (node.isIsolated) return;
    this.moves.finish();
    node.isIsolated = true;
    this.watch(node);
    this.world.time.after(NODE_TIMEOUT_MS - 50, () => {
      if (node.isIsolated) node.refusal = DOWN;
    });
    this.world.time.after(ms, () => {
      node.isIsolated = false;
      this.rejoin(node, () => {
        if (node.refusal === DOWN) node.refusal = undefined;
      });
    });
  }

  /** Cuts a node off from clients for a while, in some directions. */
  cutOff(node: SimulatedNode, directions: readonly ('up' | 'down')[], ms: number): void {
    if (node.isCutOff) return;
    node.isCutOff = true;
    for (const direction of directions) node.hold(direction, 'cut off');
    this.world.time.after(ms, () => {
      node.isCutOff = false;
      for (const direction of directions) node.release(direction, 'cut off');
    });
  }

  /** Loses what is sent on a share of the connections of a node from now on. Both ends take them for open. */
  vanish(node: SimulatedNode, share = 1): void {
    for (const connection of node.connections)
      if (share === 1 || this.world.random() < share) connection.vanish();
  }

  /** Makes a node refuse all commands for a while. */
  refuse(node: SimulatedNode, text: string, ms: number): void {
    if (node.refusal !== undefined) return;
    node.refusal = text;
    this.world.time.after(ms, () => {
      if (node.refusal === text) node.refusal = undefined;
    });
  }

  /** Moves a slot to another shard, key by key. @param pauseMs the longest time before each key, if not a random one */
  move(slot: number, shard: number, pauseMs?: number): void {
    // a primary that its replica replaces neither gives nor takes keys, and forgets slots on their way: one tries again
    if ([this.map.shardOfSlot(slot), shard].some((one) => this.failingOver.has(one)))
      return void this.world.time.after(MOVE_AGAIN_MS, () => this.move(slot, shard, pauseMs));
    const from = this.ownerOf(slot);
    const to = this.nodes[this.map.shards[shard].primary];
    if (from !== to && from.isReachable && to.isReachable) this.moves.begin(slot, from, to, pauseMs);
  }

  /**
   * Makes the replica of a shard its primary, as planned: the old primary waits until the replica has all.
   *
   * @param ms how long the old primary says nothing after that
   */
  failOver(shard: number, ms = 0): void {
    const { primary, replicas } = this.map.shards[shard];
    const [old, next] = [this.nodes[primary], this.nodes[replicas[0]]];
    if (!old.isReachable || !next.isReachable) return;
    this.moves.finish();
    old.hold('up', 'failover');
    this.failingOver.add(shard);
    this.world.time.after(5 + this.world.random() * 30, () => {
      this.failingOver.delete(shard);
      if (this.map.shards[shard].primary === primary && old.isReachable && next.isReachable) {
        this.apply(old, next, old.log.length);
        this.promote(next);
        old.writeRefusal = "READONLY You can't write against a read only replica.";
        this.world.time.after(this.world.random() * 4, () => {
          old.writeRefusal = undefined;
          this.catchUp(old);
        });
      }
      if (ms === 0) old.release('up', 'failover');
      else this.world.time.after(ms, () => old.release('up', 'failover'));
    });
  }

  /** Ends all faults, and frees what the process keeps of it. */
  close(): void {
    for (const end of this.ends) end();
  }

  /** Ends what may still be lost. */
  settle(): void {
    this.moves.finish();
    for (const end of this.deposed.values()) end();
  }

  /** Sends what a primary has changed to its replicas, which have it after a while. */
  private replicate(primary: SimulatedNode): void {
    const last = primary.log.at(-1);
    if (last !== undefined) this.losses.noteWritten(primary.place, last.changes);
    const shard = this.map.shards.find((one) => one.primary === primary.place);
    const position = primary.log.length;
    for (const place of shard?.replicas ?? []) {
      const replica = this.nodes[place];
      this.world.time.after(0.1 + this.world.random() * this.lagMs, () => {
        if (primary.isReachable && replica.isReachable) this.apply(primary, replica, position);
      });
    }
  }

  /** Gives the replicas of a primary all that it has. */
  private secure(primary: SimulatedNode): void {
    const { replicas } = this.map.shards[this.map.shardOfNode(primary.place)];
    for (const place of replicas) this.apply(primary, this.nodes[place], primary.log.length);
  }

  private apply(primary: SimulatedNode, replica: SimulatedNode, position: number): void {
    if (this.map.shardOfNode(primary.place) !== this.map.shardOfNode(replica.place)) return;
    if (!this.map.isPrimary(primary.place)) return;
    for (const { changes } of primary.log.slice(replica.applied, position)) replica.keyspace.apply(changes);
    replica.applied = Math.max(replica.applied, position);
    replica.keyspace.takeChanges();
    primary.waiting.serve();
  }

  /** Replaces a primary that stays out of reach of the others. Until they have, they serve nothing. */
  private watch(node: SimulatedNode): void {
    const { time, random } = this.world;
    time.after(NODE_TIMEOUT_MS, () => {
      if (node.isReachable || !this.map.isPrimary(node.place)) return;
      const others = this.nodes.filter((one) => one.isReachable && one.refusal === undefined);
      for (const other of others) other.refusal = DOWN;
      const [place] = this.map.shards[this.map.shardOfNode(node.place)].replicas;
      const elect = (): void => {
        const replica = this.nodes[place];
        const isOver = node.isReachable || !this.map.isPrimary(node.place);
        if (!isOver && !replica.isReachable) return void time.after(ELECTION_MS, elect);
        if (!isOver) this.takeOver(node, replica);
        for (const other of others) if (other.refusal === DOWN) other.refusal = undefined;
      };
      time.after(ELECTION_MS * (0.5 + random()), elect);
    });
  }

  /** The replica becomes the primary with what it has. The rest of the old primary's writes is lost. */
  private takeOver(old: SimulatedNode, replica: SimulatedNode): void {
    const { now } = this.world.time;
    const lost = old.log.slice(replica.applied);
    const [firstLost] = lost;
    for (const { changes } of lost) this.losses.noteLost(old.place, changes);
    const { map } = this;
    const shard = map.shardOfNode(old.place);
    const end = this.losses.begin(
      Math.min(firstLost?.at ?? now, now),
      (slot) => map.shardOfSlot(slot) === shard,
    );
    this.promote(replica);
    if (old.state === 'down') end();
    else this.deposed.set(old.place, end);
  }

  private promote(replica: SimulatedNode): void {
    replica.log = [];
    this.publish(this.map.withPrimary(replica.place), [replica]);
    for (const place of this.map.shards[this.map.shardOfNode(replica.place)].replicas)
      this.nodes[place].applied = 0;
  }

  private handOver(slot: number, from: SimulatedNode, to: SimulatedNode): void {
    this.publish(this.map.withSlot(slot, this.map.shardOfNode(to.place)), [to]);
    this.world.time.after(this.world.random() * 3, () => this.catchUp(from));
  }

  /** Makes a map the valid one. Some nodes know it at once, the others hear of it. */
  private publish(map: ClusterMap, known: readonly SimulatedNode[]): void {
    this.map = map;
    for (const node of known) node.learn(map);
    for (const node of this.nodes)
      this.world.time.after(this.world.random() * this.gossipMs + node.deafFor, () => {
        if (node.isReachable) this.catchUp(node);
      });
  }

  /** A node is back in reach of the others, and learns after a while what has changed. */
  private rejoin(node: SimulatedNode, then: () => void = () => {}): void {
    this.world.time.after(this.world.random() * 10, () => {
      if (node.isReachable) this.catchUp(node);
      then();
    });
  }

  /** A node learns the valid map. One that is a replica in it takes over the keys of its primary. */
  private catchUp(node: SimulatedNode): void {
    const wasPrimary = node.isPrimary;
    node.learn(this.map);
    for (const slot of [...node.migrating.keys()])
      if (this.ownerOf(slot) !== node) node.migrating.delete(slot);
    for (const slot of [...node.importing.keys()])
      if (this.ownerOf(slot) === node) node.importing.delete(slot);
    if (node.isPrimary) return this.replicate(node);
    const primary = this.nodes[this.map.shards[this.map.shardOfNode(node.place)].primary];
    if (wasPrimary) {
      node.keyspace.replaceBy(primary.keyspace.contents());
      node.log = [];
      node.applied = primary.log.length;
      this.deposed.get(node.place)?.();
      this.deposed.delete(node.place);
    } else this.replicate(primary);
  }
}
