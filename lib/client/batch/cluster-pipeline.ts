import { inspect } from 'node:util';
import type { RedisCommander } from 'ioredis';
import { Batch, BatchedCommand, type BatchEntry, type BatchResult } from '../../cluster/command/batch.js';
import { batchFields, followAll, noteFailures } from '../../cluster/batch-trace.js';
import { CallTrace, emptyRouting } from '../../cluster/diagnostics/call-trace.js';
import { pipelineChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotPipelineContext } from '../../cluster/diagnostics/contexts.js';
import { contextOf, traced } from '../../cluster/diagnostics/traced.js';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import { isBlocking } from '../../cluster/command-table/command-table.js';
import { describeKind } from '../../cluster/common/describe-value.js';
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

/** The result of `exec()`: for each command, in call order, an error or null, and the reply. */
export type PipelineResults = [error: Error | null, reply: unknown][];

/** `exec()` was called while an earlier `exec()` of the same pipeline or transaction was still running. */
export class PipelineUsedError extends ClusterError {
  constructor() {
    super('exec() of this pipeline is already running. Wait for it, or create another pipeline.', {
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
  protected entries: BatchedCommand[] = [];
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
    this.entries.push(new BatchedCommand(this.withText(call), shape, this.policy));
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
    const results = this.executeOnce();
    // callers that pass a callback need not handle the promise
    if (typeof callback === 'function') notifyOf(results, callback as Callback);
    return results;
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
    const whole = call.slot === NO_SLOT ? undefined : this.engine.scripts.withText(call.name, call.args);
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
    const batch = new Batch(entries, this.policy, this.engine);
    if (!pipelineChannel.hasSubscribers || entries.length === 0) return batch.start();
    const { options } = this.engine;
    const fields = batchFields(entries, options.telemetryKeys);
    const context: KeyslotPipelineContext = {
      ...contextOf(options),
      ...fields,
      ...emptyRouting(),
      failed: 0,
    };
    followAll(entries, new CallTrace(context));
    return traced(pipelineChannel, context, async () => {
      const results = await batch.start();
      noteFailures(context, results);
      return results;
    });
  }
}

function notifyAll(callbacks: ReadonlyMap<number, Callback>, results: PipelineResults): void {
  for (const [index, callback] of callbacks) notify(callback, ...results[index]);
}

/** Rejects a call without a slot that a single node cannot answer. @throws CrossSlotError, InvalidArgumentError */
export function refuseFanOut(call: ResolvedCall): void {
  const { row, args } = call;
  if (row.request === 'split') throw crossSlot(row, args);
  if (row.request !== 'slot' && row.request !== 'defaultNode') {
    throw new InvalidArgumentError(
      'command',
      `${row.name} runs on several nodes, which a pipeline cannot do. Call it on the client.`,
    );
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterPipeline extends Omit<RedisCommander<{ type: 'queued' }>, 'exec'> {}

installCommands(ClusterPipeline.prototype);
