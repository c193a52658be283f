import { notInMemory } from '../command-parts/not-in-memory.js';
import {
  CommandError,
  MapReply,
  type MemoryReply,
  NO_LIST,
  OK,
  PushReply,
  StatusReply,
} from '../command-parts/reply.js';
import type { ChannelKind, Subscriber } from './channels.js';
import type { MemoryNode } from './memory-node.js';
import { writeReply } from './reply-writer.js';

const SUBSCRIPTION = /^([ps]?)(un)?subscribe$/;

/** One connection to a node in memory, as the node sees it: its protocol, its transaction and its subscriptions. */
export class Session implements Subscriber {
  /** The number that the node gave the connection. */
  readonly id: number;
  private protocol: 2 | 3 = 2;
  private name = '';
  private queue: string[][] | undefined;
  private isQueueFaulty = false;
  private watched = new Map<string, number>();
  private readonly subscriptions: Readonly<Record<ChannelKind, Set<string>>> = {
    '': new Set(),
    p: new Set(),
    s: new Set(),
  };

  /**
   * @param send receives what the node writes to the connection.
   * @param refusalInTransaction returns the error in the place of running a queued command, if there is one.
   */
  constructor(
    private readonly node: MemoryNode,
    private readonly send: (bytes: string) => void,
    private readonly refusalInTransaction: (words: readonly string[]) => CommandError | undefined = () =>
      undefined,
  ) {
    this.id = node.nextConnection();
  }

  /** Runs a request, and sends its reply. */
  handle(words: string[]): void {
    const name = words[0].toLowerCase();
    const subscription = SUBSCRIPTION.exec(name);
    if (subscription) {
      this.subscribe(name, subscription[1] as ChannelKind, subscription[2] === undefined, words.slice(1));
      return;
    }
    try {
      this.reply(this.answer(name, words));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.refuse(error);
    }
  }

  /** Whether a command concerns the connection rather than the keys of its node. */
  owns(name: string): boolean {
    return Object.hasOwn(this.own, name) || SUBSCRIPTION.test(name);
  }

  /** Replies with an error in the place of running a request. A transaction that it belongs to will fail. */
  refuse(error: CommandError): void {
    if (this.queue) this.isQueueFaulty = true;
    this.reply(error);
  }

  push(message: PushReply): void {
    this.reply(message);
  }

  /** Ends what the connection has on the node. */
  end(): void {
    for (const kind of ['', 'p', 's'] as const)
      for (const name of this.subscriptions[kind]) this.node.channels.unsubscribe(kind, name, this);
  }

  /** Sends a reply. */
  reply(reply: MemoryReply): void {
    this.send(writeReply(reply, this.protocol));
  }

  private answer(name: string, words: string[]): MemoryReply {
    const own = Object.hasOwn(this.own, name) ? this.own[name] : undefined;
    if (this.queue && !UNQUEUED.has(name)) {
      // the transaction does not fail for these
      if (name === 'watch') return new CommandError('ERR WATCH inside MULTI is not allowed');
      if (name === 'multi') return new CommandError('ERR MULTI calls can not be nested');
      if (!own) this.node.check(words);
      this.queue.push(words);
      return new StatusReply('QUEUED');
    }
    return own ? own(words.slice(1)) : this.node.run(words);
  }

  /** The commands that concern the connection. */
  private readonly own: Readonly<Record<string, (args: readonly string[]) => MemoryReply>> = {
    auth: () => OK,
    client: (args) => this.client(args),
    discard: () => {
      if (!this.queue) throw new CommandError('ERR DISCARD without MULTI');
      this.endTransaction();
      return OK;
    },
    exec: () => this.exec(),
    hello: (args) => this.hello(args),
    multi: () => {
      this.queue = [];
      return OK;
    },
    ping: ([text]) => {
      if (this.protocol === 2 && this.subscriptionCount > 0) return ['pong', text ?? ''];
      return text ?? new StatusReply('PONG');
    },
    quit: () => OK,
    reset: () => new StatusReply('RESET'),
    select: ([index]) => {
      if (index !== '0') throw new CommandError('ERR SELECT is not allowed in cluster mode');
      return OK;
    },
    unwatch: () => {
      this.watched.clear();
      return OK;
    },
    watch: (keys) => {
      this.node.atOneTime(() => {
        for (const key of keys) this.watched.set(key, this.node.keyspace.revisionOf(key));
      });
      return OK;
    },
  };

  private hello([version, ...rest]: readonly string[]): MemoryReply {
    if (version !== undefined && version !== '2' && version !== '3')
      throw new CommandError('NOPROTO unsupported protocol version');
    if (version !== undefined) this.protocol = version === '3' ? 3 : 2;
    const at = rest.findIndex((word) => word.toUpperCase() === 'SETNAME');
    if (at >= 0) this.name = rest[at + 1] ?? '';
    return new MapReply([
      'server',
      'redis',
      'version',
      '7.0.0',
      'proto',
      this.protocol,
      'id',
      this.id,
      'mode',
      'cluster',
      'role',
      this.node.role(),
      'modules',
      [],
    ]);
  }

  private client([word = '', value = '']: readonly string[]): MemoryReply {
    switch (word.toUpperCase()) {
      case 'ID':
        return this.id;
      case 'GETNAME':
        return this.name === '' ? null : this.name;
      case 'SETNAME':
        this.name = value;
        return OK;
      case 'SETINFO':
      case 'NO-EVICT':
      case 'NO-TOUCH':
        return OK;
      case 'LIST':
        return `id=${this.id} name=${this.name}\n`;
      case 'UNBLOCK':
        return 0;
      default:
        throw notInMemory(`client ${word}`);
    }
  }

  private exec(): MemoryReply {
    const { queue } = this;
    if (!queue) throw new CommandError('ERR EXEC without MULTI');
    const isFaulty = this.isQueueFaulty;
    const { watched } = this;
    this.endTransaction();
    if (isFaulty) throw new CommandError('EXECABORT Transaction discarded because of previous errors.');
    return this.node.atOneTime((run) => {
      if (this.haveChanged(watched)) return NO_LIST;
      return queue.map((words): MemoryReply => {
        try {
          const name = words[0].toLowerCase();
          const refusal = this.refusalInTransaction(words);
          if (refusal !== undefined) return refusal;
          return Object.hasOwn(this.own, name) ? this.own[name](words.slice(1)) : run(words);
        } catch (error) {
          if (error instanceof CommandError) return error;
          throw error;
        }
      });
    });
  }

  /** Forgets the transaction and the watched keys. */
  endTransaction(): void {
    this.queue = undefined;
    this.isQueueFaulty = false;
    this.watched = new Map();
  }

  /** Whether the transaction that has begun will fail, whatever follows. */
  get willFail(): boolean {
    return this.isQueueFaulty || this.haveChanged(this.watched);
  }

  private haveChanged(watched: ReadonlyMap<string, number>): boolean {
    for (const [key, revision] of watched) if (this.node.keyspace.revisionOf(key) !== revision) return true;
    return false;
  }

  private get subscriptionCount(): number {
    return this.subscriptions[''].size + this.subscriptions.p.size;
  }

  private subscribe(word: string, kind: ChannelKind, begins: boolean, given: readonly string[]): void {
    const own = this.subscriptions[kind];
    const names: (string | null)[] = begins || given.length > 0 ? [...given] : [...own];
    if (names.length === 0) names.push(null);
    for (const name of names) {
      if (name !== null && begins) {
        own.add(name);
        this.node.channels.subscribe(kind, name, this);
      } else if (name !== null) {
        own.delete(name);
        this.node.channels.unsubscribe(kind, name, this);
      }
      this.reply(new PushReply([word, name, kind === 's' ? own.size : this.subscriptionCount]));
    }
  }
}

/** The commands that a transaction runs at once. */
const UNQUEUED: ReadonlySet<string> = new Set(['exec', 'discard', 'quit', 'reset']);
