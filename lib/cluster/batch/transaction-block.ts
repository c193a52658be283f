import type { BatchEntry } from './sent-batch.js';
import { asResult, type BatchResult } from './batch-result.js';
import { Command, type CommandNode } from '../command/command.js';
import { PLAIN_SHAPES, type CallPolicy } from '../command/call-policy.js';
import { isIdempotent, unknownCommandRow } from '../command-table/command-table.js';
import { OutcomeUnknownError, ReplyError, UnreadableReplyError } from '../common/errors.js';
import { resultsToCaller, thrownToCaller } from '../diagnostics/caller-stack.js';
import { placed } from '../diagnostics/error-place.js';
import { keysOf, type ResolvedCall } from '../command/resolved-call.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { isTransient } from '../retry/transient.js';
import { changeLeaves, type Reply } from '../protocol/reply.js';
import type { RequestEncoder } from '../protocol/request-encoder.js';

/** The error code for a missing permission. The command was not executed. */
const FORBIDDEN = 'NOPERM';
const ROW = unknownCommandRow('exec', []);

/**
 * MULTI, the commands and EXEC: written as one piece to one node, so that no other call comes between. If the
 * server refuses one of them before EXEC ran, nothing was executed and the block is sent again.
 */
export class TransactionBlock extends Command {
  private received = 0;
  private firstError: ReplyError | undefined = undefined;
  private refusedMulti: ReplyError | undefined = undefined;
  /** Whether MULTI was refused and one of the commands may have been executed on its own. */
  private ranAlone = false;
  private from: string | undefined = undefined;

  constructor(
    private readonly entries: readonly BatchEntry[],
    slot: number,
    policy: CallPolicy,
    private readonly resolve: (results: BatchResult[] | Promise<BatchResult[]>) => void,
  ) {
    // strings of all replies are decoded the same way; Buffers that were not requested become text again
    const buffers = entries.some(({ shape }) => shape.buffers) ? PLAIN_SHAPES.buffers : PLAIN_SHAPES.strings;
    const size = entries.reduce((sum, { call }) => sum + call.size, 0);
    const native = entries.some(({ shape }) => shape.native);
    super({ row: ROW, name: 'EXEC', args: [], slot, size }, { ...buffers, native }, policy);
  }

  override get calls(): readonly ResolvedCall[] {
    return this.entries.map(({ call }) => call);
  }

  override get replyCount(): number {
    return this.entries.length + 2;
  }

  override get idempotent(): boolean {
    return this.entries.every(({ call }) => !call.row.write && isIdempotent(call.row, call.args));
  }

  override get reads(): boolean {
    return this.idempotent;
  }

  override encode(encoder: RequestEncoder): void {
    this.received = 0;
    this.firstError = undefined;
    this.refusedMulti = undefined;
    this.ranAlone = false;
    encoder.append('MULTI', []);
    for (const { call } of this.entries) encoder.append(call.name, call.args);
    encoder.append('EXEC', []);
  }

  override receive(reply: Reply, from: CommandNode): void {
    this.from = from.name;
    const position = this.received++;
    if (position < this.replyCount - 1) {
      if (this.refusedMulti !== undefined)
        this.ranAlone ||= mayHaveWritten(this.entries[position - 1], reply);
      if (!(reply instanceof ReplyError)) return;
      if (position === 0) this.refusedMulti = reply;
      this.firstError ??= reply;
    } else if (this.refusedMulti !== undefined) {
      this.fail(notATransaction(this.refusedMulti, !this.ranAlone));
    } else if (reply instanceof ReplyError) {
      this.aborted(reply, from);
    } else {
      this.succeed(reply, from);
    }
  }

  protected override resolved(reply: Reply): void {
    const replies = Array.isArray(reply) ? reply : [];
    const results = this.entries.map((entry, index) => this.resultOf(entry, replies[index]));
    const errors = results.map(([error]) => error).filter((error) => error !== null);
    this.resolve(errors.length === 0 ? results : resultsToCaller(results, errors));
  }

  protected override rejected(error: Error): void {
    this.resolve(thrownToCaller(error));
  }

  /** Handles a refused EXEC: for a reason of its own, or because a command was refused when it was queued. */
  private aborted(reply: ReplyError, from: CommandNode): void {
    const { firstError } = this;
    const refusal = isTransient(reply) ? reply : firstError;
    if (refusal !== undefined && isTransient(refusal)) from.router.refused(this, refusal, from);
    else this.fail(new ReplyError(reply.message, { cause: firstError }));
  }

  private resultOf({ call, shape: { buffers, transform } }: BatchEntry, reply: Reply): BatchResult {
    if (reply instanceof ReplyError) return asResult(undefined, this.inBlock(call, reply));
    const shaped = this.shape.buffers && !buffers ? textOf(reply) : reply;
    if (transform === undefined) return asResult(shaped, null);
    try {
      return asResult(transform(shaped), null);
    } catch (error) {
      return asResult(undefined, this.inBlock(call, new UnreadableReplyError(call.name, { cause: error })));
    }
  }

  /** The error with the place of one command of the block. */
  private inBlock(call: ResolvedCall, error: Error): Error {
    const keys = this.policy.errorKeys ? keysOf(call) : undefined;
    const place = { node: this.from, slot: this.slot === NO_SLOT ? undefined : this.slot, keys };
    return placed(error, { ...place, command: call.row.name.toUpperCase(), attempts: this.attempts + 1 });
  }
}

/** Whether a command that ran on its own may have changed anything: a script may have written before its error. */
export function mayHaveWritten({ call: { row } }: BatchEntry, reply: Reply): boolean {
  if (row.readonly) return false;
  if (!(reply instanceof ReplyError)) return true;
  const refused = reply.code === FORBIDDEN || reply.code === 'NOSCRIPT' || isTransient(reply);
  return !refused && /^(eval|fcall)/.test(row.name);
}

/**
 * Returns the error if MULTI was refused, in which case the commands behind it ran one by one.
 * @param nothingRan each of the commands was refused too, or only reads
 */
export function notATransaction(cause: ReplyError, nothingRan: boolean): ReplyError | OutcomeUnknownError {
  if (nothingRan) return cause;
  return new OutcomeUnknownError(
    'EXEC',
    'the server refused MULTI, and may have run the commands one by one',
    { cause },
  );
}

/** Replaces Buffers by text. Changes lists in place, as nothing else refers to them. */
function textOf(reply: Reply): Reply {
  return changeLeaves(reply, (leaf) => (Buffer.isBuffer(leaf) ? leaf.toString() : leaf)) as Reply;
}
