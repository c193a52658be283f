import type { ClusterEngine } from '../cluster/cluster-engine.js';
import { PLAIN_SHAPES } from '../cluster/command/call-policy.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { describeKind } from '../cluster/common/describe-value.js';
import type { Reply } from '../cluster/protocol/reply.js';
import { notOurs } from '../cluster/common/package-copies.js';
import type { ClusterCounters } from '../cluster/stats/cluster-counters.js';
import { Script } from '../cluster/scripts/script.js';
import type { ClusterNode } from '../cluster/topology/topology.js';
import { normalizeArguments, notifyOf, takeCallback, withCallback } from './commands/call-arguments.js';
import { withBigIntegers } from './commands/big-integers.js';
import { callPolicy, type CallOptions, type ViewPolicy } from './commands/call-options.js';
import { ClusterAdmin } from './admin/cluster-admin.js';
import { CachedPipeline, cachedCallsOf } from './batch/cached-pipeline.js';
import { ClusterPipeline } from './batch/cluster-pipeline.js';
import {
  ClusterTarget,
  type AnyNode,
  type CommandsByNode,
  type CommandsToNode,
  type NodeRole,
  type TargetNodes,
} from './target/cluster-target.js';
import { ClusterTransaction } from './batch/cluster-transaction.js';
import {
  defineScript,
  inheritDefined,
  installDefined,
  type ScriptDefinition,
} from './commands/defined-commands.js';
import { installCommands } from './commands/install-commands.js';
import { NonAtomicCommands } from './non-atomic/non-atomic-commands.js';
import { replyShape } from './commands/reply-transforms.js';
import type { ReportsByNode } from './ioredis/reports-by-node.js';
import { ScanMethods } from './scan/scan-methods.js';
import { runWatched } from './batch/transaction-run.js';
import {
  type TransactionOptions,
  type ReturnsOwnCommands,
  type TransactionOutcome,
  type WatchedTransaction,
} from './batch/watched-transaction.js';
import type { ClusterCommands } from './commands/cluster-commands.js';

/**
 * Calls commands with certain call options. Views cost little; create as many as you like with
 * `cluster.with()`.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class ClusterView extends ScanMethods {
  private overSlots: NonAtomicCommands | undefined = undefined;

  constructor(engine: ClusterEngine, policy: ViewPolicy) {
    super(engine, policy);
    inheritDefined(this, engine.scripts);
  }

  /**
   * Defines a command that runs a script, as in ioredis. `defineCommand('pop2', { numberOfKeys: 1, lua })`
   * adds `pop2(key)` and `pop2Buffer(key)` here, and to every pipeline, transaction, view and duplicate
   * created from now on.
   * @throws InvalidArgumentError for an invalid definition, or a name that is already a method
   */
  defineCommand(name: string, definition: ScriptDefinition): void {
    defineScript(this.engine.scripts, name, definition, [this, this.multi()]);
    installDefined(this, this.engine.scripts, name);
  }

  /** Returns a view with some call options changed. @throws InvalidArgumentError */
  with(options: CallOptions): ClusterView {
    const policy = callPolicy(this.policy, options);
    if (policy.cache !== undefined) cachedCallsOf(this.engine);
    return new ClusterView(this.engine, policy);
  }

  /** @internal What the client counts. */
  get counters(): ClusterCounters {
    return this.engine.counters;
  }

  /** @internal Returns the time by which entities expire, in milliseconds since 1970. */
  now(): number {
    return this.engine.options.now();
  }

  /** @internal Returns this with replies in the shapes of RESP2, whatever the options of the client say. */
  withPlainReplies(): this {
    if (this.policy.replyTypes === undefined) return this;
    // inherits the engine, so it follows a client that restarts with another one
    const policy: ViewPolicy = { ...this.policy, replyTypes: undefined };
    return Object.create(this, { policy: { value: policy } }) as this;
  }

  /** @internal Returns this with reads through the cache. @throws InvalidArgumentError if the client has none */
  throughCache(maxAgeMs: number): this {
    cachedCallsOf(this.engine);
    const policy: ViewPolicy = { ...this.policy, readFrom: 'primary', cache: { maxAgeMs } };
    // inherits the engine, as `withPlainReplies` does
    return Object.create(this, { policy: { value: policy } }) as this;
  }

  /**
   * @internal Returns the reply of HGETALL that the cache has for a key, which the caller must not change; undefined if it
   * has none.
   */
  keptHash(key: string, buffers: boolean): Record<string, string | Buffer> | undefined {
    const { cache, replyTypes } = this.policy;
    if (cache === undefined || replyTypes !== undefined) return undefined;
    const shape = buffers ? PLAIN_SHAPES.buffers : PLAIN_SHAPES.strings;
    const kept = cachedCallsOf(this.engine).keptHash(key, shape, cache.maxAgeMs);
    return kept as Record<string, string | Buffer> | undefined;
  }

  private uncached(): ClusterView {
    return this.with({ cache: false }).withPlainReplies();
  }

  /** Commands over keys in several slots, which cannot be atomic; see `NonAtomicCommands`. */
  get nonAtomic(): NonAtomicCommands {
    return (this.overSlots ??= this.commandsOverSlots());
  }

  /** The CLUSTER commands; see `ClusterAdmin`. */
  get admin(): ClusterAdmin {
    return new ClusterAdmin(this.engine, this.policy);
  }

  /** Runs one command. All methods named after commands call this. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    if (name === 'scan') return withCallback(args, () => this.scanPage(args, buffers));
    const callback = takeCallback(args);
    let promise: Promise<unknown>;
    try {
      const shape = replyShape(name, this.engine.options.protocol, buffers, this.policy.replyTypes);
      const { engine, policy } = this;
      const given = normalizeArguments(name, args);
      promise =
        policy.cache === undefined
          ? engine.run(name, given, policy, shape)
          : cachedCallsOf(engine).run(name, given, policy, shape, policy.cache.maxAgeMs);
    } catch (error) {
      promise = Promise.reject(error as Error);
    }
    if (this.policy.integers === 'bigint') promise = promise.then(withBigIntegers);
    if (callback !== undefined) notifyOf(promise, callback);
    return promise;
  }

  /**
   * Sends commands to the nodes you name. A role or a list returns a Map from node name to reply; a single
   * node returns its reply.
   * @throws InvalidArgumentError for a value that names no node
   */
  target(nodes: NodeRole | readonly ClusterNode[]): CommandsByNode;
  target(node: AnyNode | ClusterNode): CommandsToNode;
  target(target: TargetNodes): CommandsByNode | CommandsToNode {
    // its methods are installed by name and have the types of ioredis
    return new ClusterTarget(this.engine, this.policy, target) as unknown as CommandsByNode;
  }

  /**
   * Creates a pipeline: commands that are sent together, to any nodes.
   * @param commands commands to queue, each as `[name, ...args]`
   * @throws InvalidArgumentError if the view has `durability`
   */
  pipeline(commands: readonly (readonly unknown[])[] = []): ClusterPipeline {
    if (this.policy.durability !== undefined) {
      throw new InvalidArgumentError(
        'durability',
        'pipeline() does not wait for replicas: its commands share their connections; single calls, multi() and transaction() do',
      );
    }
    const Pipeline = this.policy.cache === undefined ? ClusterPipeline : CachedPipeline;
    return new Pipeline(this.engine, this.policy).addBatch(commands);
  }

  /**
   * Creates a transaction: commands of one slot that are executed atomically. With `durability` they run on
   * their own connection, and `exec()` waits for the replicas.
   * @param commands commands to queue, each as `[name, ...args]`
   */
  multi(commands: readonly (readonly unknown[])[] = []): ClusterTransaction {
    if (!Array.isArray(commands)) {
      throw new InvalidArgumentError(
        'commands',
        'multi() takes a list of commands; its options in ioredis have no place on a shared connection',
      );
    }
    return new ClusterTransaction(this.engine, this.policy).addBatch(commands);
  }

  /**
   * Watches keys of one slot, runs `fn` on its own connection, and executes the commands that `fn` returns
   * (`return tx.multi().set(…)`). If a watched key has changed, it starts over.
   * @returns an error and a reply for each command, or what `fn` returned if that was not commands
   * @throws CrossSlotError; TransactionConflictError after the last attempt; OutcomeUnknownError;
   *   DurabilityError; CommandAbortedError; InvalidArgumentError for commands that were not created by
   *   `tx.multi()`
   */
  async transaction<T>(
    keys: readonly (string | Buffer)[],
    fn: ((tx: WatchedTransaction) => Promise<T>) & ReturnsOwnCommands<T>,
    options: TransactionOptions = {},
  ): Promise<TransactionOutcome<T>> {
    return runWatched(this.engine, this.policy, keys, fn, options);
  }

  /**
   * Registers a script, so that the client can send it to servers that lack it. `runScript` registers scripts
   * itself.
   */
  addScript(script: Script): void {
    this.engine.scripts.add(script);
  }

  /**
   * Runs a script by its hash, and sends its text if the server does not know it.
   * @param keys the keys, all in one slot
   * @param options with `buffers`, strings in the reply are Buffers
   * @throws CrossSlotError or InvalidArgumentError, before anything is sent
   */
  async runScript(
    script: Script,
    keys: readonly (string | Buffer)[],
    args: readonly (string | Buffer | number)[],
    options: { buffers?: boolean | undefined } = {},
  ): Promise<Reply> {
    if (!(script instanceof Script))
      throw new InvalidArgumentError('script', notOurs(script, 'The script must be a Script'));
    for (const [name, list] of Object.entries({ keys, args })) {
      if (!Array.isArray(list) || list.some(Array.isArray))
        throw new InvalidArgumentError(
          name,
          `The ${name} of a script must be a flat list, got ${Array.isArray(list) ? 'a list in it' : describeKind(list)}`,
        );
    }
    this.engine.scripts.add(script);
    const name = script.readOnly ? 'evalsha_ro' : 'evalsha';
    return this.send(
      name,
      [script.sha, keys.length, ...keys, ...args],
      options.buffers ?? false,
    ) as Promise<Reply>;
  }

  private commandsOverSlots(): NonAtomicCommands {
    // they compute with the replies, so these must be plain numbers, and of now
    const plain = this.policy.cache === undefined ? this.withPlainReplies() : this.uncached();
    const counting = this.policy.integers === 'bigint' ? plain.with({ integers: 'number' }) : plain;
    const { options, resolver } = this.engine;
    return new NonAtomicCommands(counting, { options, table: resolver.table });
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterView extends Omit<ClusterCommands, keyof ReportsByNode>, ReportsByNode {}

installCommands(ClusterView.prototype);
