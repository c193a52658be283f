import { inspect } from 'node:util';
import type { RedisCommander } from 'ioredis';
import { asReply, asResult, type BatchResult } from '../../cluster/batch/batch-result.js';
import { Batch } from '../../cluster/batch/batch.js';
import { QueuedCall, type BatchEntry } from '../../cluster/batch/sent-batch.js';
import { errorsAmong, errorsOf, noteFailures } from '../../cluster/batch-trace.js';
import { pipelineChannel } from '../../cluster/diagnostics/channels.js';
import { resultsToCaller } from '../../cluster/diagnostics/caller-stack.js';
import { traced } from '../../cluster/diagnostics/traced.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import { isBlocking } from '../../cluster/command-table/command-table.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { ClusterError, InvalidArgumentError } from '../../cluster/common/errors.js';
import { sizeOf, type ResolvedCall } from '../../cluster/command/resolved-call.js';
import { withBigIntegers } from '../commands/big-integers.js';
import { normalizeArguments, notifyOf, takeCallback, type Callback } from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import { inheritDefined, scriptCall } from '../commands/defined-commands.js';
import { installCommands } from '../commands/install-commands.js';
import { replyShape } from '../commands/reply-transforms.js';
import { notifyAll, notifyReplies } from './batch-callbacks.js';
import { followPipeline, RepliesTrace } from './pipeline-trace.js';
import { refuseFanOut } from './refuse-fan-out.js';
import { checkAhead, ReplyStream, type RepliesOptions } from './reply-stream.js';

declare module 'ioredis/built/utils/RedisCommander.js' {
  /** ioredis derives the types of all its commands from this interface. */
  interface ResultTypes<Result, Context> {
    /** A queued command returns the pipeline, for the next command. */
    queued: ClusterPipeline;
  }
}

/** The result of `exec()`: for each command, in call order, an error or null, and the reply. */
export type PipelineResults = [error: Error | null, reply: unknown][];

/** A pipeline or transaction was executed while an earlier `exec()`, `execReplies()` or `replies()` was still running. */
export class PipelineUsedError extends ClusterError {
  constructor() {
    super('This pipeline is already being executed. Wait for its end, or create another pipeline.', {
      code: 'PIPELINE_USED',
    });
  }
}

/**
 * Collects commands and sends them together when you call `exec()`, to every node that is involved. A command
 * that would need several slots or nodes throws when it is queued. Commands of the same slot run in order.
 * `exec()` empties the queue, and you can use the pipeline again.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class ClusterPipeline {
  protected entries: BatchEntry[] = [];
  protected callbacks = new Map<number, Callback>();
  private executing = false;
  /** Scripts that are queued with their text, each with its slot (or its node, if order does not matter). */
  private readonly texts = new Set<string>();
  private textsFor: 'slot' | 'node' = 'slot';

  constructor(
    protected readonly engine: ClusterEngine,
    protected readonly policy: ViewPolicy,
  ) {
    inheritDefined(this, engine.scripts);
  }

  /** The number of commands queued so far. */
  get length(): number {
    return this.entries.length;
  }

  /** @internal Returns the queued commands, in call order. */
  queued(): readonly BatchEntry[] {
    return this.entries;
  }

  /**
   * @internal Declares that the commands do not depend on each other's order. Each script is then sent with its
   *   text once per node, not once per slot.
   */
  anyOrder(): this {
    this.textsFor = 'node';
    return this;
  }

  /** @internal Calls the callbacks that were passed with commands. */
  notifyCallbacks(results: PipelineResults): void {
    notifyAll(this.callbacks, results);
  }

  /**
   * Queues one command. All command methods call this.
   * @param slot the slot of the keys, if the caller knows it
   */
  send(name: string, args: unknown[], buffers: boolean, slot?: number): this {
    const callback = takeCallback(args);
    const call = this.engine.resolve(name, normalizeArguments(name, args), slot);
    if (isBlocking(call.row, call.args)) {
      throw new InvalidArgumentError(
        'command',
        `${call.row.name} would block every command queued behind it. Call it on the client.`,
      );
    }
    if (call.slot === NO_SLOT) refuseFanOut(call);
    if (callback !== undefined) this.callbacks.set(this.entries.length, callback);
    const shape = replyShape(call.row.name, this.engine.options.protocol, buffers, this.policy.replyTypes);
    this.entries.push(new QueuedCall(this.withText(call), shape));
    return this;
  }

  /** Queues `[name, ...args]` entries. A name is that of a method: `get`, `getBuffer`, or a defined command. */
  addBatch(commands: readonly (readonly unknown[])[]): this {
    if (!Array.isArray(commands))
      throw new InvalidArgumentError(
        'commands',
        `Commands must be a list of lists, got ${describeKind(commands)}`,
      );
    for (const command of commands as readonly unknown[]) {
      if (!Array.isArray(command) || typeof command[0] !== 'string') {
        throw new InvalidArgumentError(
          'commands',
          `Each command must be a list of its name and its arguments, such as ["get", "key"], got ${describeKind(command)}`,
        );
      }
      const [method, ...args] = command as [string, ...unknown[]];
      const buffers = method.endsWith('Buffer');
      const name = buffers ? method.slice(0, -'Buffer'.length) : method;
      const defined = this.engine.scripts.commands.get(name);
      if (defined === undefined) this.send(name.toLowerCase(), args, buffers);
      else this.send(...scriptCall(defined, args), buffers);
    }
    return this;
  }

  /**
   * Sends the queued commands and empties the queue; later commands wait for the next `exec()`. Resolves when
   * every command has a reply. Errors of commands are in the results.
   * @throws PipelineUsedError if another `exec()` is still running; the queue stays as it is
   */
  exec(callback?: (error: Error | null, results?: PipelineResults | null) => void): Promise<PipelineResults> {
    const results = this.executeOnce((entries) => this.execute(entries), notifyAll);
    // callers that pass a callback need not handle the promise
    if (typeof callback === 'function') notifyOf(results, callback as Callback);
    return results;
  }

  /**
   * Does the same as `exec()`, but resolves with the replies alone. A command that failed has its `Error` in the
   * place of the reply. This creates no list per command, which counts in pipelines of hundreds of commands.
   * @throws PipelineUsedError if another execution is still running; the queue stays as it is
   */
  execReplies<Reply = unknown>(): Promise<(Reply | Error)[]> {
    return this.executeOnce((entries) => this.executeReplies(entries), notifyReplies) as Promise<
      (Reply | Error)[]
    >;
  }

  /**
   * Iterates over the replies of the queued commands, in call order. A command that failed has its `Error` in the
   * place of the reply. The first reply that you take empties the queue and sends the first commands; others are
   * sent as you take replies. What you have taken is not kept, so large values do not add up.
   *
   * Each command has its own deadline. If you leave the loop early, the commands that were not sent are not sent,
   * and the others run without your seeing their replies. After `close()`, commands that were not sent fail.
   * @throws InvalidArgumentError for invalid options; and when the first reply is taken, for a command with a callback
   * @throws PipelineUsedError when the first reply is taken, if another execution is still running
   */
  replies<Reply = unknown>(options: RepliesOptions = {}): AsyncGenerator<Reply | Error, void, undefined> {
    return this.iterateReplies(checkAhead(options)) as AsyncGenerator<Reply | Error, void, undefined>;
  }

  /** Shows the length only: queued commands may hold secrets. */
  [inspect.custom](): string {
    return `${this.constructor.name} { length: ${this.length} }`;
  }

  /** As for `util.inspect`: the length only. */
  toJSON(): { length: number } {
    return { length: this.length };
  }

  /**
   * Sends the text of a script with its first call per slot, and the hash alone after that. A node that does
   * not know a hash would get the call again, behind later calls. If order does not matter, the text is sent
   * once per node.
   */
  private withText(call: ResolvedCall): ResolvedCall {
    // the keys of a script are counted by an argument
    if (call.slot === NO_SLOT || call.row.keyKind === 'first') return call;
    const whole = this.engine.scripts.withText(call.name, call.args);
    if (whole === undefined) return call;
    const { topology } = this.engine;
    const where = this.textsFor === 'slot' ? call.slot : topology.nodeForSlot(call.slot)?.name;
    const place = `${where} ${String(call.args[0])}`;
    if (this.texts.has(place)) return call;
    this.texts.add(place);
    return { ...call, ...whole, size: sizeOf(whole.args) };
  }

  private async executeOnce<T>(
    run: (entries: readonly BatchEntry[]) => Promise<T[]>,
    notifyEach: (callbacks: ReadonlyMap<number, Callback>, results: readonly T[]) => void,
  ): Promise<T[]> {
    const { callbacks } = this;
    const entries = this.begin();
    try {
      const results = await run(entries);
      if (this.policy.integers === 'bigint') withBigIntegers(results);
      notifyEach(callbacks, results);
      return results;
    } finally {
      this.executing = false;
    }
  }

  /** Empties the queue and returns what was in it. @throws PipelineUsedError */
  protected begin(): readonly BatchEntry[] {
    if (this.executing) throw new PipelineUsedError();
    const { entries } = this;
    this.entries = [];
    this.callbacks = new Map();
    this.texts.clear();
    this.executing = true;
    return entries;
  }

  private async *iterateReplies(ahead: number): AsyncGenerator<unknown, void, undefined> {
    if (this.callbacks.size > 0) {
      throw new InvalidArgumentError(
        'callback',
        'replies() returns each reply itself, so its commands cannot have callbacks. Use exec(), or leave out the callbacks.',
      );
    }
    const entries = this.begin();
    const followed = followPipeline(entries, this.engine.options);
    const trace = followed && new RepliesTrace(followed.context);
    const policy = followed === undefined ? this.policy : { ...this.policy, trace: followed.trace };
    const bigIntegers = this.policy.integers === 'bigint';
    try {
      const stream = new ReplyStream(entries, policy, ahead, this.engine);
      while (stream.left > 0) {
        if (!stream.hasNext) await stream.untilNext();
        const reply = stream.take();
        if (reply instanceof Error) {
          trace?.failed(reply);
          yield await resultsToCaller(reply, [reply]);
        } else yield bigIntegers ? withBigIntegers(reply) : reply;
      }
    } finally {
      this.executing = false;
      trace?.ended();
    }
  }

  protected execute(entries: readonly BatchEntry[]): Promise<BatchResult[]> {
    return this.executeBatch(entries, asResult, errorsOf);
  }

  protected executeReplies(entries: readonly BatchEntry[]): Promise<unknown[]> {
    return this.executeBatch(entries, asReply, errorsAmong);
  }

  private executeBatch<T>(
    entries: readonly BatchEntry[],
    resultOf: (reply: unknown, error: Error | null) => T,
    errorsIn: (results: readonly T[]) => Iterable<Error | null>,
  ): Promise<T[]> {
    const followed = followPipeline(entries, this.engine.options);
    if (followed === undefined) return new Batch(entries, this.policy, this.engine, resultOf).start();
    const { context, trace } = followed;
    return traced(pipelineChannel, context, async () => {
      const results = await new Batch(entries, { ...this.policy, trace }, this.engine, resultOf).start();
      noteFailures(context, errorsIn(results));
      return results;
    });
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterPipeline extends Omit<RedisCommander<{ type: 'queued' }>, 'exec'> {}

installCommands(ClusterPipeline.prototype);
