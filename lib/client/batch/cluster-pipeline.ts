import { inspect } from 'node:util';
import type { RedisCommander } from 'ioredis';
import { Batch, BatchedCommand, type BatchEntry, type BatchResult } from '../../cluster/command/batch.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import { isBlocking } from '../../cluster/command-table/command-table.js';
import { ClusterError, InvalidArgumentError } from '../../cluster/common/errors.js';
import { crossSlot, sizeOf, type ResolvedCall } from '../../cluster/command/resolved-call.js';
import { withBigIntegers } from '../commands/big-integers.js';
import {
  normalizeArguments,
  notify,
  notifyOf,
  takeCallback,
  type Callback,
} from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import { inheritDefined, scriptCall } from '../commands/defined-commands.js';
import { installCommands } from '../commands/install-commands.js';
import { replyShape } from '../commands/reply-transforms.js';

declare module 'ioredis/built/utils/RedisCommander.js' {
  /** ioredis derives the types of all its commands from this interface. */
  interface ResultTypes<Result, Context> {
    /** A queued command returns the pipeline, for the next command. */
    queued: ClusterPipeline;
  }
}

/** What `exec()` gives: for each command, in call order, an error or null, and the reply. */
export type PipelineResults = [error: Error | null, reply: unknown][];

/** `exec()` was called while another `exec()` of the same pipeline or transaction is under way. */
export class PipelineUsedError extends ClusterError {
  constructor() {
    super('exec() of this pipeline is under way; wait for it, or make another pipeline', {
      code: 'PIPELINE_USED',
    });
  }
}

/**
 * Commands gathered here leave together when `exec()` is called, to as many nodes as they belong to. Every
 * command of one slot goes; what would need several slots or nodes is refused when it is queued, by an exception.
 * Order is kept within a slot. `exec()` empties the queue, and the pipeline serves again.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class ClusterPipeline {
  protected entries: BatchedCommand[] = [];
  protected callbacks = new Map<number, Callback>();
  private executing = false;
  /** Scripts that are queued with their text, with the slot, or the node where any order will do. */
  private readonly texts = new Set<string>();
  private textsFor: 'slot' | 'node' = 'slot';

  constructor(
    protected readonly engine: ClusterEngine,
    protected readonly policy: ViewPolicy,
  ) {
    inheritDefined(this, engine.scripts);
  }

  /** Commands queued so far. */
  get length(): number {
    return this.entries.length;
  }

  /** @internal What is queued, in call order. */
  queued(): readonly BatchEntry[] {
    return this.entries;
  }

  /** @internal No command depends on another of its slot, so that scripts need their text but once a node. */
  anyOrder(): this {
    this.textsFor = 'node';
    return this;
  }

  /** @internal Calls the callbacks that were given with commands. */
  tell(results: PipelineResults): void {
    notifyAll(this.callbacks, results);
  }

  /**
   * Queues one command. The methods named for commands all come here.
   * @param slot that of its keys, where the caller knows it
   */
  send(name: string, args: unknown[], buffers: boolean, slot?: number): this {
    const callback = takeCallback(args);
    const call = this.engine.resolve(name, normalizeArguments(name, args), slot);
    if (isBlocking(call.row, call.args)) {
      throw new InvalidArgumentError(
        'command',
        `${call.row.name} would block all that is queued behind it; call it on the client`,
      );
    }
    if (call.slot === NO_SLOT) refuseSpread(call);
    if (callback !== undefined) this.callbacks.set(this.entries.length, callback);
    const shape = replyShape(call.row.name, this.engine.options.protocol, buffers, this.policy.replyTypes);
    this.entries.push(new BatchedCommand(this.withText(call), shape, this.policy));
    return this;
  }

  /** Queues `[name, ...args]` entries; the names are those of methods: `get`, `getBuffer`, one that was defined. */
  addBatch(commands: readonly (readonly unknown[])[]): this {
    if (!Array.isArray(commands))
      throw new InvalidArgumentError('commands', 'Commands are given as a list of lists');
    for (const command of commands as readonly unknown[]) {
      if (!Array.isArray(command) || typeof command[0] !== 'string') {
        throw new InvalidArgumentError(
          'commands',
          'Each command of a list is a list: its name, its arguments',
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
   * Sends what was queued, and empties the queue: what is called from then on is for the next `exec()`. Resolves when
   * every command has its answer; errors are in the results.
   * @throws PipelineUsedError while another `exec()` is under way; the queue stays as it is
   */
  exec(callback?: (error: Error | null, results?: PipelineResults | null) => void): Promise<PipelineResults> {
    const results = this.executeOnce();
    // whoever gives a callback need not look at the promise
    if (typeof callback === 'function') notifyOf(results, callback as Callback);
    return results;
  }

  /** What is queued may be secret, and is not shown to whoever prints a pipeline. */
  [inspect.custom](): string {
    return `${this.constructor.name} { length: ${this.length} }`;
  }

  /** The same for JSON. */
  toJSON(): { length: number } {
    return { length: this.length };
  }

  /**
   * A script by its hash, with its text where it is the first of its slot: were the hash not known to the node, it
   * would be sent again behind commands that were called after it. Where that does no harm, the first of its node is
   * enough.
   */
  private withText(call: ResolvedCall): ResolvedCall {
    const whole = call.slot === NO_SLOT ? undefined : this.engine.scripts.whole(call.name, call.args);
    if (whole === undefined) return call;
    const { topology } = this.engine;
    const where = this.textsFor === 'slot' ? call.slot : topology.nodeForSlot(call.slot)?.name;
    const place = `${where} ${String(call.args[0])}`;
    if (this.texts.has(place)) return call;
    this.texts.add(place);
    return { ...call, ...whole, size: sizeOf(whole.args) };
  }

  private async executeOnce(): Promise<PipelineResults> {
    if (this.executing) throw new PipelineUsedError();
    const { entries, callbacks } = this;
    this.entries = [];
    this.callbacks = new Map();
    this.texts.clear();
    this.executing = true;
    try {
      const results = await this.execute(entries);
      if (this.policy.integers === 'bigint') withBigIntegers(results);
      notifyAll(callbacks, results);
      return results;
    } finally {
      this.executing = false;
    }
  }

  protected execute(entries: readonly BatchedCommand[]): Promise<BatchResult[]> {
    return new Batch(entries, this.policy, this.engine).start();
  }
}

function notifyAll(callbacks: ReadonlyMap<number, Callback>, results: PipelineResults): void {
  for (const [index, callback] of callbacks) notify(callback, ...results[index]);
}

/** Refuses a call without a slot that one node cannot answer. @throws CrossSlotError, InvalidArgumentError */
export function refuseSpread(call: ResolvedCall): void {
  const { row, args } = call;
  if (row.request === 'split') throw crossSlot(row, args);
  if (row.request !== 'slot' && row.request !== 'defaultNode') {
    throw new InvalidArgumentError('command', `${row.name} is for several nodes; call it on the client`);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterPipeline extends Omit<RedisCommander<{ type: 'queued' }>, 'exec'> {}

installCommands(ClusterPipeline.prototype);
