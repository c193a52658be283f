import type { CommandContext, CommandSet } from '../command-parts/command.js';
import type { MemoryReply } from '../command-parts/reply.js';
import { DATA_COMMANDS } from '../commands/command-table.js';
import type { MemoryClock } from '../keyspace/clock.js';
import { Keyspace } from '../keyspace/keyspace.js';
import type { Random } from '../keyspace/random.js';
import { ScriptEngine } from '../scripts/script-engine.js';
import { Channels } from './channels.js';
import { CommandExecutor, TEXTS_FOR_CLIENTS, TEXTS_FOR_SCRIPTS } from './command-executor.js';
import { type NodeDescription, nodeCommands } from './node-commands.js';
import { scriptCommands } from './script-commands.js';

/** What a node in memory needs. */
export interface MemoryNodeOptions {
  readonly host: string;
  readonly port: number;
  /** Its id in the cluster, 40 characters. */
  readonly id: string;
  readonly clock: MemoryClock;
  readonly random: Random;
  /** How many replicas WAIT counts. */
  readonly replicas: number;
  /** Its keys; by default none. */
  readonly keyspace?: Keyspace;
  /** Commands in the place of its own. */
  readonly commands?: CommandSet;
  /** Its role as HELLO replies it; by default that of a primary. */
  readonly role?: () => 'master' | 'replica';
}

/** A node of a cluster in memory: its keys, its scripts and its subscriptions. It owns all slots. */
export class MemoryNode implements NodeDescription {
  readonly host: string;
  readonly port: number;
  readonly id: string;
  readonly replicas: number;
  readonly keyspace: Keyspace;
  readonly channels = new Channels();
  readonly role: () => 'master' | 'replica';
  private readonly clock: MemoryClock;
  private readonly executor: CommandExecutor;
  private connections = 0;

  constructor(options: MemoryNodeOptions) {
    const { host, port, id, clock, random, replicas, keyspace = new Keyspace(), commands } = options;
    this.role = options.role ?? ((): 'master' => 'master');
    this.host = host;
    this.port = port;
    this.id = id;
    this.clock = clock;
    this.keyspace = keyspace;
    this.replicas = replicas;
    const context: CommandContext = { keyspace: this.keyspace, random };
    const inScripts = { ...DATA_COMMANDS, ...nodeCommands(this), ...commands };
    const ofScripts = new CommandExecutor(context, inScripts, TEXTS_FOR_SCRIPTS);
    const scripts = new ScriptEngine((words, mayWrite) => ofScripts.run(words, mayWrite));
    this.executor = new CommandExecutor(
      context,
      { ...inScripts, ...scriptCommands(scripts) },
      TEXTS_FOR_CLIENTS,
    );
  }

  /** Returns the id of a new connection. */
  nextConnection(): number {
    return ++this.connections;
  }

  /** Runs a command at the present time. @throws CommandError */
  run(words: readonly string[]): MemoryReply {
    this.tick();
    return this.executor.run(words);
  }

  /** Runs work at one time: a block of commands, or a command and its checks. */
  atOneTime<T>(work: (run: (words: readonly string[]) => MemoryReply) => T): T {
    this.tick();
    return work((words) => this.executor.run(words));
  }

  /** Checks a command of a transaction when it is queued. @throws CommandError if it is unknown or lacks arguments. */
  check(words: readonly string[]): void {
    this.executor.check(words);
  }

  private tick(): void {
    const now = this.clock.now();
    const { keyspace } = this;
    keyspace.micros = now === keyspace.now ? Math.min(keyspace.micros + 1, 999) : 0;
    keyspace.now = now;
  }
}
