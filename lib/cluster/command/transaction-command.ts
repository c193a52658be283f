import type { BatchEntry, BatchResult } from './batch.js';
import { Command, type CommandNode } from './command.js';
import { PLAIN_SHAPES, type CallPolicy } from './call-policy.js';
import { isIdempotent, unknownCommandRow } from '../command-table/command-table.js';
import { OutcomeUnknownError, ReplyError, UnreadableReplyError } from '../common/errors.js';
import { isTransient } from '../retry/transient.js';
import { changeLeaves, type Reply } from '../protocol/reply.js';
import type { RequestEncoder } from '../protocol/request-encoder.js';

/** What a server answers that lacks a right: the command was not executed. */
const FORBIDDEN = 'NOPERM';
const ROW = unknownCommandRow('exec', []);

/**
 * MULTI, the commands, EXEC: written as one piece to one node, so that nothing of another caller comes between.
 * Where the server refuses any of them before EXEC ran, nothing was executed and the whole is sent again.
 */
export class TransactionBlock extends Command {
  private received = 0;
  private firstError: ReplyError | undefined = undefined;
  private refusedMulti: ReplyError | undefined = undefined;
  /** Without MULTI, each command is on its own; one of them may have been executed. */
  private ranAlone = false;

  constructor(
    private readonly entries: readonly BatchEntry[],
    slot: number,
    policy: CallPolicy,
    private readonly resolve: (results: BatchResult[]) => void,
    private readonly reject: (error: Error) => void,
  ) {
    // strings of all replies are decoded alike, and made text again where a Buffer was not asked for
    const buffers = entries.some(({ shape }) => shape.buffers) ? PLAIN_SHAPES.buffers : PLAIN_SHAPES.strings;
    const size = entries.reduce((sum, { call }) => sum + call.size, 0);
    const native = entries.some(({ shape }) => shape.native);
    super({ row: ROW, name: 'EXEC', args: [], slot, size }, { ...buffers, native }, policy);
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
      this.succeed(reply);
    }
  }

  protected override resolved(reply: Reply): void {
    const replies = Array.isArray(reply) ? reply : [];
    this.resolve(this.entries.map((entry, index) => this.resultOf(entry, replies[index])));
  }

  protected override rejected(error: Error): void {
    this.reject(error);
  }

  /** EXEC was refused: for a reason of its own, or because a command had been refused when it was queued. */
  private aborted(reply: ReplyError, from: CommandNode): void {
    const { firstError } = this;
    const refusal = isTransient(reply) ? reply : firstError;
    if (refusal !== undefined && isTransient(refusal)) from.router.refused(this, refusal, from);
    else this.fail(new ReplyError(reply.message, { cause: firstError }));
  }

  private resultOf({ call: { name }, shape: { buffers, transform } }: BatchEntry, reply: Reply): BatchResult {
    if (reply instanceof ReplyError) return [reply, undefined];
    const shaped = this.shape.buffers && !buffers ? textOf(reply) : reply;
    if (transform === undefined) return [null, shaped];
    try {
      return [null, transform(shaped)];
    } catch (error) {
      return [new UnreadableReplyError(name, { cause: error }), undefined];
    }
  }
}

/** Whether a command that was answered by itself may have changed anything: of a script, the part before its error. */
export function mayHaveWritten({ call: { row } }: BatchEntry, reply: Reply): boolean {
  if (row.readonly) return false;
  if (!(reply instanceof ReplyError)) return true;
  const refused = reply.code === FORBIDDEN || reply.code === 'NOSCRIPT' || isTransient(reply);
  return !refused && /^(eval|fcall)/.test(row.name);
}

/**
 * Without MULTI in effect, what followed it was executed command by command.
 * @param nothingRan each of those was refused, too, or only reads
 */
export function notATransaction(cause: ReplyError, nothingRan: boolean): ReplyError | OutcomeUnknownError {
  if (nothingRan) return cause;
  return new OutcomeUnknownError(
    'EXEC',
    'the server refused MULTI, and may have run the commands one by one',
    { cause },
  );
}

/** Text in the place of Buffers. Lists are changed in place: they are nobody else's. */
function textOf(reply: Reply): Reply {
  return changeLeaves(reply, (leaf) => (Buffer.isBuffer(leaf) ? leaf.toString() : leaf)) as Reply;
}
