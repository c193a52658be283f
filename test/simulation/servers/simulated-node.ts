import { MemoryClock } from '../../../lib/testing/memory/keyspace/clock.js';
import {
  CommandError,
  MapReply,
  type MemoryReply,
  OK,
} from '../../../lib/testing/memory/command-parts/reply.js';
import { atLeast, fixed, type CommandSet } from '../../../lib/testing/memory/command-parts/command.js';
import type { NodeAddress } from '../../../lib/cluster/topology/topology.js';
import { MemoryNode } from '../../../lib/testing/memory/server/memory-node.js';
import { EPOCH } from '../time/virtual-runtime.js';
import { AccessRules } from './access-rules.js';
import type { ClientState } from './client-state.js';
import type { ClusterMap } from './cluster-map.js';
import { RecordedKeyspace, type Change } from './recorded-keyspace.js';
import { type ConnectionHost, SimulatedConnection } from './simulated-connection.js';
import { slotRefusal, type SlotView } from './slot-gate.js';
import { keysOf, slotOf } from './slot-rules.js';
import { WaitingClients } from './waiting-clients.js';
import type { World } from './world.js';

/** Changes of one command or transaction, and when they were made. */
export interface LoggedChanges {
  readonly at: number;
  readonly changes: readonly Change[];
}

/** Commands that a node serves in any state. */
const ALWAYS: ReadonlySet<string> = new Set(['hello', 'auth', 'acl', 'client', 'asking', 'multi', 'discard']);

/** What a node needs of its cluster. */
export interface NodeOwner {
  nodeAt(place: number): SimulatedNode;
  /** A primary has changed keys. */
  onChanges(node: SimulatedNode): void;
  /** A message was published on a node. The others get it later. */
  onPublished(node: SimulatedNode, kind: '' | 's', channel: string, payload: string): void;
  /** A node has passed a message on to subscribers. */
  onPassedOn(node: SimulatedNode, channel: string, payload: string): void;
  onOvertaken(slot: number): void;
}

/** A node of the simulated cluster: its keys, its view of the cluster, its state and its connections. */
export class SimulatedNode implements ConnectionHost, SlotView {
  readonly host: string;
  readonly port = 6379;
  readonly id: string;
  readonly memory: MemoryNode;
  readonly keyspace = new RecordedKeyspace();
  private readonly clock = new MemoryClock(() => EPOCH + Math.floor(this.world.time.now) + this.clockAheadMs);
  readonly connections = new Set<SimulatedConnection>();
  readonly access = new AccessRules();
  /** What waits on it: blocking commands for their keys, and WAIT for the replicas. */
  readonly waiting: WaitingClients;
  /** How many connections it has at most, and how far its clock is ahead, in ms. */
  maxClients = Infinity;
  checksQueuedKeys = true;
  deafUntil = 0;
  clockAheadMs = 0;
  state: 'up' | 'frozen' | 'down' = 'up';
  /** Whether the other nodes cannot reach it. */
  isIsolated = false;
  /** Whether clients cannot reach it. */
  isCutOff = false;
  /** What it replies to all commands, such as LOADING; and what to those that write. */
  refusal: string | undefined = undefined;
  writeRefusal: string | undefined = undefined;
  /** Slots that it hands over or receives, with the other node. */
  readonly migrating = new Map<number, SimulatedNode>();
  readonly importing = new Map<number, SimulatedNode>();
  /** Why bytes to and from it are held back. */
  readonly holds = { up: new Set<string>(), down: new Set<string>() };
  /** What it has changed as a primary, for its replicas. */
  log: LoggedChanges[] = [];
  /** How much of its primary's log it has, as a replica. */
  applied = 0;

  constructor(
    readonly place: number,
    readonly world: World,
    private readonly owner: NodeOwner,
    /** How it sees the cluster. */
    public map: ClusterMap,
  ) {
    this.host = `sim-${place}`;
    this.waiting = new WaitingClients(world, () => this.state !== 'frozen');
    this.id = String(place + 1).padStart(40, 'a');
    this.memory = new MemoryNode({
      host: this.host,
      port: this.port,
      id: this.id,
      clock: this.clock,
      random: world.random,
      replicas: 1,
      keyspace: this.keyspace,
      commands: this.commands,
      role: () => (this.isPrimary ? 'master' : 'replica'),
    });
  }

  private get commands(): CommandSet {
    const publish = (kind: '' | 's') =>
      fixed(2, ([channel, payload]) => {
        this.owner.onPublished(this, kind, channel, payload);
        return this.passOn(kind, channel, payload);
      });
    return {
      acl: atLeast(2, ([word, name, ...rules]) => {
        if (word.toLowerCase() === 'setuser') return this.access.setUser(name, rules);
        throw new Error(`The simulation has no ACL ${word}`);
      }),
      cluster: atLeast(1, ([word]) => this.cluster(word.toLowerCase())),
      config: atLeast(1, ([word, name, value]) => this.configure(word.toLowerCase(), name, value)),
      publish: publish(''),
      spublish: publish('s'),
    };
  }

  /** Opens a connection of a client. */
  connect(): SimulatedConnection {
    const connection = new SimulatedConnection(this);
    this.connections.add(connection);
    return connection;
  }

  /** Sends a message to its own subscribers, and returns how many they are. */
  passOn(kind: '' | 's', channel: string, payload: string): number {
    const count = this.memory.channels.publish(kind, channel, payload);
    if (count > 0) this.owner.onPassedOn(this, channel, payload);
    return count;
  }

  get isPrimary(): boolean {
    return this.map.isPrimary(this.place);
  }

  /** Whether the other nodes can reach it. */
  get isReachable(): boolean {
    return this.state === 'up' && !this.isIsolated;
  }

  /** Holds back the bytes of all connections, those of later ones too. */
  hold(direction: 'up' | 'down', reason: string): void {
    this.holds[direction].add(reason);
    for (const connection of this.connections) connection.hold(direction, reason);
  }

  release(direction: 'up' | 'down', reason: string): void {
    this.holds[direction].delete(reason);
    for (const connection of [...this.connections]) connection.release(direction, reason);
  }

  /** Ends all connections. */
  reset(): void {
    for (const connection of [...this.connections]) connection.fail('read ECONNRESET');
  }

  /** Passes on what the last command has changed. */
  publishChanges(): void {
    const changes = this.keyspace.takeChanges();
    if (changes.length === 0) return;
    this.log.push({ at: this.world.time.now, changes });
    this.owner.onChanges(this);
    this.waiting.serve();
  }

  /** How many of its replicas have its log up to a place. */
  confirmedBy(position: number): number {
    const { replicas } = this.map.shards[this.map.shardOfNode(this.place)];
    return replicas.filter((place) => this.owner.nodeAt(place).applied >= position).length;
  }

  onOvertaken(slot: number): void {
    this.owner.onOvertaken(slot);
  }

  /** The time of the commands that follow. */
  tick(): void {
    this.keyspace.now = this.clock.now();
  }

  has(key: string): boolean {
    return this.keyspace.get(key) !== undefined;
  }

  addressOf(place: number): NodeAddress {
    return this.owner.nodeAt(place);
  }

  /** Whether another node is in its shard. */
  isBeside(other: SimulatedNode): boolean {
    return this.map.shardOfNode(this.place) === this.map.shardOfNode(other.place);
  }

  /** How long it hears of no change. */
  get deafFor(): number {
    return Math.max(0, this.deafUntil - this.world.time.now);
  }

  /** Hears of no change of the others for a while. */
  hearNothing(ms: number): void {
    this.deafUntil = Math.max(this.deafUntil, this.world.time.now + ms);
  }

  /** Hears of a change of the cluster. Sharded subscriptions end if their slot has another owner than before. */
  learn(map: ClusterMap): void {
    const before = this.map;
    this.map = map;
    if (before === map) return;
    for (const connection of this.connections)
      connection.dropChannels((channel) => before.ownerOf(slotOf(channel)) !== map.ownerOf(slotOf(channel)));
    if (before.isPrimary(this.place) && !map.isPrimary(this.place)) this.waiting.endAll();
    else this.waiting.endMoved((key) => this.movedFrom(key, before));
  }

  /** Returns the redirect of a key that it served before. */
  private movedFrom(key: string, before: ClusterMap): string | undefined {
    const slot = slotOf(key);
    const owner = this.map.ownerOf(slot);
    if (owner === this.place || before.ownerOf(slot) !== this.place) return undefined;
    const { host, port } = this.addressOf(owner);
    return `MOVED ${slot} ${host}:${port}`;
  }

  /** Returns why it does not run a command; `undefined` if it does. */
  refusalOf(name: string, words: readonly string[], client: ClientState): CommandError | undefined {
    const forbidden = this.access.refusal(client.user, name, words);
    if (forbidden !== undefined) return new CommandError(forbidden);
    if (ALWAYS.has(name)) return undefined;
    // a cluster that is down still describes itself
    const isDown = this.refusal?.startsWith('CLUSTERDOWN') === true;
    if (this.refusal !== undefined && !(isDown && keysOf(words) === undefined))
      return new CommandError(this.refusal);
    const commands = name === 'exec' ? (client.queued ?? []) : [words];
    const text = slotRefusal(commands, client, this);
    // a call whose keys are moved apart may be overtaken by calls of other keys
    if (text?.startsWith('TRYAGAIN') === true)
      for (const found of commands.map(keysOf)) if (typeof found === 'object') this.onOvertaken(found.slot);
    return text === undefined ? undefined : new CommandError(text);
  }

  private configure(word: string, name: string, value: string | undefined): MemoryReply {
    if (word === 'set' && name === 'maxclients') this.maxClients = Number(value);
    return word === 'set' ? OK : new MapReply([]);
  }

  private cluster(word: string): MemoryReply {
    if (word === 'myid') return this.id;
    if (word === 'slots')
      return this.map.ranges.map(([first, last, { primary, replicas }]) => [
        first,
        last,
        ...[primary, ...replicas].map((at) => this.entryOf(at)),
      ]);
    if (word === 'shards') return [];
    throw new CommandError(`ERR unknown subcommand '${word}'`);
  }

  private entryOf(place: number): MemoryReply[] {
    const { host, port, id } = this.owner.nodeAt(place);
    return [host, port, id, new MapReply([])];
  }
}
