import { MemoryClock } from '../../../lib/testing/memory/keyspace/clock.js';
import { CommandError, MapReply, type MemoryReply } from '../../../lib/testing/memory/command-parts/reply.js';
import { atLeast } from '../../../lib/testing/memory/command-parts/command.js';
import { MemoryNode } from '../../../lib/testing/memory/server/memory-node.js';
import { EPOCH } from '../time/virtual-runtime.js';
import type { ClusterMap } from './cluster-map.js';
import { RecordedKeyspace, type Change } from './recorded-keyspace.js';
import { type ConnectionHost, SimulatedConnection } from './simulated-connection.js';
import { keysOf } from './slot-rules.js';
import type { World } from './world.js';

/** Changes of one command or transaction, and when they were made. */
export interface LoggedChanges {
  readonly at: number;
  readonly changes: readonly Change[];
}

/** Commands that a node serves in any state. */
const ALWAYS: ReadonlySet<string> = new Set(['hello', 'auth', 'client', 'asking', 'multi', 'discard']);

/** What a node needs of its cluster. */
export interface NodeOwner {
  nodeAt(place: number): SimulatedNode;
  /** A primary has changed keys. */
  onChanges(node: SimulatedNode): void;
  onOvertaken(slot: number): void;
}

/** A node of the simulated cluster: its keys, its view of the cluster, its state and its connections. */
export class SimulatedNode implements ConnectionHost {
  readonly host: string;
  readonly port = 6379;
  readonly id: string;
  readonly memory: MemoryNode;
  readonly keyspace = new RecordedKeyspace();
  readonly connections = new Set<SimulatedConnection>();
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
    this.id = String(place + 1).padStart(40, 'a');
    this.memory = new MemoryNode({
      host: this.host,
      port: this.port,
      id: this.id,
      clock: new MemoryClock(() => EPOCH + Math.floor(world.time.now)),
      random: world.random,
      replicas: 1,
      keyspace: this.keyspace,
      commands: { cluster: atLeast(1, ([word]) => this.cluster(word.toLowerCase())) },
    });
  }

  /** Opens a connection of a client. */
  connect(): SimulatedConnection {
    const connection = new SimulatedConnection(this);
    this.connections.add(connection);
    return connection;
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
  }

  onOvertaken(slot: number): void {
    this.owner.onOvertaken(slot);
  }

  /** Returns why it does not run a command; `undefined` if it does. */
  refusalOf(
    name: string,
    words: readonly string[],
    connection: SimulatedConnection,
  ): CommandError | undefined {
    if (ALWAYS.has(name)) return undefined;
    // a cluster that is down still describes itself
    const isDown = this.refusal?.startsWith('CLUSTERDOWN') === true;
    if (this.refusal !== undefined && !(isDown && keysOf(words) === undefined))
      return new CommandError(this.refusal);
    const commands = name === 'exec' ? (connection.queued ?? []) : [words];
    for (const command of commands) {
      const text = this.slotRefusal(command, connection);
      if (text !== undefined) return new CommandError(text);
    }
    return undefined;
  }

  /** The rules of `getNodeByQuery` in Redis. */
  private slotRefusal(words: readonly string[], connection: SimulatedConnection): string | undefined {
    const found = keysOf(words);
    if (found === undefined || typeof found === 'string') return found;
    const { slot, keys, isRead, isWrite, areChannels } = found;
    const owner = this.owner.nodeAt(this.map.ownerOf(slot));
    const here = areChannels
      ? keys.length
      : keys.filter((key) => this.keyspace.get(key) !== undefined).length;
    if (owner === this) {
      if (isWrite && this.writeRefusal !== undefined) return this.writeRefusal;
      const target = this.migrating.get(slot);
      if (target === undefined || here === keys.length) return undefined;
      return here > 0 ? TRY_AGAIN : `ASK ${slot} ${target.host}:${target.port}`;
    }
    if (connection.isAsking && this.importing.has(slot))
      return keys.length > 1 && here < keys.length ? TRY_AGAIN : undefined;
    const isReplicaOfIt = this.map.shardOfSlot(slot) === this.map.shardOfNode(this.place);
    if (isReplicaOfIt && connection.isReadonly && isRead) return undefined;
    return `MOVED ${slot} ${owner.host}:${owner.port}`;
  }

  private cluster(word: string): MemoryReply {
    if (word === 'myid') return this.id;
    if (word === 'slots')
      return this.map
        .ranges()
        .map(([first, last, { primary, replicas }]) => [
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

const TRY_AGAIN = 'TRYAGAIN Multiple keys request during rehashing of slot';
