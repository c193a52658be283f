import type { BatchEntry } from '../../cluster/batch/sent-batch.js';
import type { BatchResult } from '../../cluster/batch/batch-result.js';
import { batchFields, errorsOf, noteFailures } from '../../cluster/batch-trace.js';
import { CallTrace, emptyRouting } from '../../cluster/diagnostics/call-trace.js';
import { transactionChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotTransactionContext } from '../../cluster/diagnostics/contexts.js';
import { contextOf, traced } from '../../cluster/diagnostics/traced.js';
import type { ViewPolicy } from '../commands/call-options.js';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import { keyIndexes } from '../../cluster/command-table/command-keys.js';
import { CrossSlotError } from '../../cluster/common/errors.js';
import { LeasedBlock, writesDurably } from '../../cluster/leases/leased-transaction.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import { groupBySlot, refuseOversizedSum } from '../../cluster/command/resolved-call.js';
import { TransactionBlock } from '../../cluster/batch/transaction-block.js';
import { ClusterPipeline } from './cluster-pipeline.js';
import { checkAhead, type RepliesOptions } from './reply-stream.js';

/**
 * Commands that run atomically (MULTI and EXEC) on the node that owns the slot of all their keys. Nothing is
 * sent before `exec()`.
 */
export class ClusterTransaction extends ClusterPipeline {
  private slot = NO_SLOT;

  /** @throws CrossSlotError if the slot of the command is not that of the others; the command is not queued */
  override send(name: string, args: unknown[], buffers: boolean): this {
    // within MULTI an unknown script cannot be sent again, so its text is always sent
    const whole = this.engine.scripts.withText(name, args.flat() as Argument[]);
    super.send(whole?.name ?? name, whole?.args ?? args, buffers);
    const { slot } = this.entries[this.entries.length - 1].call;
    if (this.slot === NO_SLOT) this.slot = slot;
    if (slot !== NO_SLOT && slot !== this.slot) {
      const keys = this.queuedKeys();
      this.entries.pop();
      this.callbacks.delete(this.entries.length);
      throw new CrossSlotError('MULTI', groupBySlot(keys), 'pipeline()');
    }
    return this;
  }

  private queuedKeys(): Argument[] {
    return this.entries.flatMap(({ call }) =>
      keyIndexes(call.row, call.args).map((index) => call.args[index]),
    );
  }

  /** Hands over the replies of `execReplies()`, which come together. */
  override replies<Reply = unknown>(
    options: RepliesOptions = {},
  ): AsyncGenerator<Reply | Error, void, undefined> {
    checkAhead(options);
    return this.eachReply<Reply>();
  }

  private async *eachReply<Reply>(): AsyncGenerator<Reply | Error, void, undefined> {
    yield* await this.execReplies<Reply>();
  }

  protected override async executeReplies(entries: readonly BatchEntry[]): Promise<unknown[]> {
    const results = await this.execute(entries);
    return results.map(([error, reply]) => error ?? reply);
  }

  protected override execute(entries: readonly BatchEntry[]): Promise<BatchResult[]> {
    const { slot, policy } = this;
    this.slot = NO_SLOT;
    if (entries.length === 0) return Promise.resolve([]);
    refuseOversizedSum(
      'EXEC',
      entries.map(({ call }) => call.args),
    );
    if (!transactionChannel.hasSubscribers) return this.sendBlock(entries, slot, policy);
    const { options } = this.engine;
    const context: KeyslotTransactionContext = {
      ...contextOf(options),
      kind: 'multi',
      slot: slot === NO_SLOT ? undefined : slot,
      conflicts: 0,
      ...batchFields(entries, options.telemetryKeys),
      ...emptyRouting(),
    };
    return traced(transactionChannel, context, async () => {
      const results = await this.sendBlock(entries, slot, { ...policy, trace: new CallTrace(context) });
      noteFailures(context, errorsOf(results));
      return results;
    });
  }

  private sendBlock(
    entries: readonly BatchEntry[],
    slot: number,
    policy: ViewPolicy,
  ): Promise<BatchResult[]> {
    if (writesDurably(entries, policy)) {
      return this.engine.runner.runLeased(new LeasedBlock(entries, slot, policy), policy) as Promise<
        BatchResult[]
      >;
    }
    return new Promise((resolve) => {
      this.engine.submit(new TransactionBlock(entries, slot, policy, resolve));
    });
  }
}
