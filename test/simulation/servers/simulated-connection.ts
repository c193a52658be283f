import type { Socket } from 'node:net';
import { RequestReader } from '../../../lib/testing/memory/server/request-reader.js';
import { Session } from '../../../lib/testing/memory/server/session.js';
import {
  CommandError,
  type MemoryReply,
  NO_LIST,
  OK,
} from '../../../lib/testing/memory/command-parts/reply.js';
import type { MemoryNode } from '../../../lib/testing/memory/server/memory-node.js';
import { type AccessRules, WRONG_PASSWORD } from './access-rules.js';
import { blockingCommand } from './blocking-commands.js';
import { ClientState } from './client-state.js';
import { Pipe } from './pipe.js';
import { SimulatedSocket, type SocketPeer } from './simulated-socket.js';
import { UnheardRefusals } from './unheard-refusals.js';
import type { Waiting, WaitingClients } from './waiting-clients.js';
import type { World } from './world.js';

/** What a connection needs of its node. */
export interface ConnectionHost {
  readonly host: string;
  readonly port: number;
  readonly world: World;
  readonly memory: MemoryNode;
  readonly connections: Set<SimulatedConnection>;
  readonly waiting: WaitingClients;
  readonly log: readonly unknown[];
  readonly access: AccessRules;
  readonly maxClients: number;
  readonly state: 'up' | 'frozen' | 'down';
  readonly isCutOff: boolean;
  readonly holds: Readonly<Record<'up' | 'down', ReadonlySet<string>>>;
  /** Returns why the node does not run a command; `undefined` if it does. */
  refusalOf(name: string, words: readonly string[], client: ClientState): CommandError | undefined;
  /** A command begins. */
  tick(): void;
  publishChanges(): void;
  /** How many replicas have its log up to a place. */
  confirmedBy(position: number): number;
  /** A command was served before an earlier one of its slot, which was refused. */
  onOvertaken(slot: number): void;
}

/** One connection to a simulated node: what each end sends, and what becomes of it. */
export class SimulatedConnection implements SocketPeer {
  private readonly client: ClientState;
  /** Its sharded subscriptions. */
  private readonly shardChannels = new Set<string>();
  private readonly socket: SimulatedSocket;
  private readonly up: Pipe;
  private readonly down: Pipe;
  private readonly reader = new RequestReader();
  private readonly session: Session;
  private readonly refusals = new UnheardRefusals();
  /** What came behind a command that waits; `undefined` while none does. */
  private backlog: (readonly [words: string[], sentAt: number])[] | undefined = undefined;
  /** How long the log of the node was after the last command that changed it. */
  private logged = 0;
  private heardAt: number;
  private isOver = false;

  constructor(private readonly node: ConnectionHost) {
    const { time, random } = node.world;
    this.heardAt = time.now;
    this.client = new ClientState(node.access.first);
    this.up = new Pipe(time, random, (bytes, sentAt) => this.serve(bytes, sentAt));
    this.down = new Pipe(time, random, (bytes) => this.socket.received(bytes));
    this.socket = new SimulatedSocket(node.host, node.port, this);
    this.session = new Session(
      node.memory,
      (bytes) => {
        node.world.trace(node.host, 'replies', bytes);
        this.down.send(bytes);
      },
      (words) => node.access.refusalInTransaction(this.client.user, words),
    );
    for (const reason of node.holds.up) this.up.hold(reason);
    for (const reason of node.holds.down) this.down.hold(reason);
    // a frozen process is connected by its kernel; across a partition nothing is
    const begin = (): void => {
      if (this.isOver) return;
      if (node.state === 'down') this.fail('connect ECONNREFUSED');
      else if (node.isCutOff) time.after(20, begin);
      else this.accept();
    };
    time.after(0.1 + random(), begin);
  }

  /** What stands in for the client's socket: a stream with the members of SimulatedSocket. */
  get clientEnd(): Socket {
    return this.socket as unknown as Socket;
  }

  get id(): number {
    return this.session.id;
  }

  written(bytes: string): void {
    if (!this.isOver) this.up.send(bytes);
  }

  /** The client has closed its end. What it sent before still arrives. */
  closed(): void {
    this.down.cut();
    this.up.afterAll(() => this.end());
  }

  /** Holds back bytes, of one direction or both. */
  hold(direction: 'up' | 'down', reason: string): void {
    this[direction].hold(reason);
  }

  release(direction: 'up' | 'down', reason: string): void {
    this[direction].release(reason);
  }

  /** Loses all bytes from now on, while both ends take the connection for open. */
  vanish(): void {
    this.up.cut();
    this.down.cut();
  }

  /** Ends sharded subscriptions, as a node does whose slots have moved. */
  dropChannels(isDropped: (channel: string) => boolean): void {
    for (const channel of [...this.shardChannels].filter(isDropped)) {
      this.shardChannels.delete(channel);
      this.session.handle(['sunsubscribe', channel]);
    }
  }

  /** Ends the connection at both ends. What is under way is lost. */
  fail(reason: string): void {
    this.vanish();
    this.end();
    this.socket.destroy(new Error(reason));
  }

  private accept(): void {
    this.socket.connected();
    if (this.node.connections.size <= this.node.maxClients) return;
    this.session.refuse(new CommandError('ERR max number of clients + cluster connections reached'));
    this.end();
    this.down.afterAll(() => this.socket.destroy(new Error('read ECONNRESET')));
  }

  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.node.waiting.forget(this.id);
    this.session.end();
    this.node.connections.delete(this);
  }

  private serve(bytes: string, sentAt: number): void {
    for (const words of this.reader.read(bytes)) {
      if (this.isOver) return;
      this.take(words, sentAt);
    }
  }

  private execute(words: string[], sentAt: number): void {
    const { node } = this;
    this.heardAt = node.world.time.now;
    node.world.trace(node.host, 'executes', words.join(' '));
    node.tick();
    const before = node.log;
    const { length } = before;
    this.handle(words, sentAt);
    node.publishChanges();
    if (node.log.length > length) this.logged = node.log.length;
  }

  private handle(words: string[], sentAt: number): void {
    const name = words[0].toLowerCase();
    const wrong = this.wrongArguments(name, words);
    const refusal = wrong ?? this.authenticate(name, words) ?? this.node.refusalOf(name, words, this.client);
    if (refusal !== undefined) {
      if (name === 'exec') this.session.endTransaction();
      this.session.refuse(name === 'exec' ? abortedBy(refusal) : refusal);
      if (wrong === undefined) this.refusals.add(name === 'exec' ? (this.client.queued ?? []) : [words]);
    } else if (name !== 'client' || !this.administer(words)) {
      const executed = this.client.executedBy(name, words, this.session.willFail);
      const slot = this.refusals.slotOvertakenBy(executed, sentAt);
      if (slot !== undefined) this.node.onOvertaken(slot);
      this.noteChannels(name, words.slice(1));
      const waiting = this.client.queued === undefined ? this.waitingFor(name, words) : undefined;
      if (waiting === undefined) this.session.handle(words);
      else this.wait(waiting);
    }
    this.client.follow(name, words, refusal !== undefined, this.session.willFail);
    if (this.client.queued === undefined)
      this.refusals.answer((heard) => this.down.whenDelivered(() => heard(this.node.world.time.now)));
  }

  /** Returns what a command waits for, if it is one that waits. */
  private waitingFor(name: string, words: readonly string[]): Omit<Waiting, 'id' | 'end'> | undefined {
    const { node } = this;
    if (name === 'wait') {
      // a node that has changed its role has a new log
      const position = Math.min(this.logged, node.log.length);
      const confirmed = (): number => node.confirmedBy(position);
      const attempt = (): number | undefined => (confirmed() >= Number(words[1]) ? confirmed() : undefined);
      return { keys: [], ms: Number(words[2]), nothing: confirmed, attempt };
    }
    const command = blockingCommand(words);
    if (command === undefined) return undefined;
    const { keys, ms } = command;
    return {
      keys,
      ms,
      nothing: () => NO_LIST,
      attempt: () => command.attempt((one) => node.memory.run(one)),
    };
  }

  /** Replies to a command once it has something to return. What comes behind it waits as well. */
  private wait(waiting: Omit<Waiting, 'id' | 'end'>): void {
    const { node } = this;
    const reply = waiting.attempt();
    if (reply !== undefined) return this.session.reply(reply);
    const backlog: (readonly [words: string[], sentAt: number])[] = (this.backlog = []);
    const end = (late: MemoryReply): void => {
      this.backlog = undefined;
      this.session.reply(late);
      node.publishChanges();
      for (const [words, sentAt] of backlog) if (!this.isOver) this.take(words, sentAt);
    };
    node.waiting.add({ ...waiting, id: this.id, end });
  }

  private take(words: string[], sentAt: number): void {
    if (this.backlog === undefined) this.execute(words, sentAt);
    else this.backlog.push([words, sentAt]);
  }

  private noteChannels(name: string, channels: readonly string[]): void {
    if (name === 'ssubscribe') for (const channel of channels) this.shardChannels.add(channel);
    if (name !== 'sunsubscribe') return;
    for (const channel of channels.length === 0 ? [...this.shardChannels] : channels)
      this.shardChannels.delete(channel);
  }

  private wrongArguments(name: string, words: readonly string[]): CommandError | undefined {
    if (this.session.owns(name)) return undefined;
    try {
      this.node.memory.check(words);
    } catch (error) {
      if (error instanceof CommandError && !error.message.startsWith('NOTINMEMORY')) return error;
    }
    return undefined;
  }

  /** Authenticates by AUTH, or HELLO with AUTH. Returns why it failed, if it did. */
  private authenticate(name: string, words: readonly string[]): CommandError | undefined {
    if (name !== 'auth' && name !== 'hello') return undefined;
    const at = name === 'auth' ? 0 : words.findIndex((word) => word.toLowerCase() === 'auth');
    if (at < 0) return this.client.user === undefined ? new CommandError(HELLO_WITHOUT_AUTH) : undefined;
    const [user, password] =
      name === 'auth' && words.length === 2 ? ['default', words[1]] : words.slice(at + 1);
    if (!this.node.access.knows(user, password)) return new CommandError(WRONG_PASSWORD);
    this.client.user = user;
    return undefined;
  }

  /** Replies to CLIENT LIST ID, CLIENT KILL ID and CLIENT UNBLOCK. Returns whether it was one of them. */
  private administer([, word, third, id = third]: readonly string[]): boolean {
    const other = [...this.node.connections].find((one) => String(one.id) === id);
    if (word.toUpperCase() === 'LIST') {
      this.session.reply(other === undefined ? '' : other.description);
      return true;
    }
    if (word.toUpperCase() === 'UNBLOCK') {
      this.session.reply(this.node.waiting.unblock(Number(third), id.toUpperCase() === 'ERROR') ? 1 : 0);
      return true;
    }
    if (word.toUpperCase() !== 'KILL') return false;
    other?.fail('read ECONNRESET');
    this.session.reply(OK);
    return true;
  }

  /** What CLIENT LIST says of it. */
  private get description(): string {
    const idle = Math.floor((this.node.world.time.now - this.heardAt) / 1_000);
    return `id=${this.id} flags=${this.backlog === undefined ? 'N' : 'b'} idle=${idle} qbuf=0 cmd=get\n`;
  }
}

const HELLO_WITHOUT_AUTH =
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time';

/** Returns the reply to an EXEC that a server refuses for any reason but its slot. */
const abortedBy = (refusal: CommandError): CommandError =>
  /^(MOVED|ASK|TRYAGAIN|CROSSSLOT|CLUSTERDOWN) /.test(refusal.message)
    ? refusal
    : new CommandError(`EXECABORT Transaction discarded because of: ${refusal.message}`);
