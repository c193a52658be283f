import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import type { BatchEntry, BatchResult } from './batch.js';
import type { CallPolicy, Durability } from './command.js';
import { waitForReplicas } from './durable-writes.js';
import { ReplyError } from './errors.js';
import type { LeasedWork } from './leased-work.js';
import { callByName } from './node-call.js';
import { REFUSALS } from './refusals.js';
import { toReplyError } from './reply-error.js';
import type { Reply } from './reply.js';
import { FORBIDDEN, notATransaction } from './transaction-block.js';

/** MULTI, commands that write, EXEC, and WAIT for the replicas. */
export class LeasedBlock implements LeasedWork {
  readonly name = 'EXEC';
  readonly blocking = false;
  readonly readonly = false;
  readonly idempotent = false;

  constructor(
    private readonly entries: readonly BatchEntry[],
    readonly slot: number,
    private readonly policy: CallPolicy,
  ) {}

  async send(redis: Redis): Promise<BatchResult[] | null> {
    const results = await executeBlock(redis, this.entries);
    if (writesDurably(this.entries, this.policy)) await waitForReplicas(redis, this.policy.durability);
    return results;
  }
}

/** Whether replicas are to have what these commands write. */
export function writesDurably<P extends CallPolicy>(
  entries: readonly BatchEntry[],
  policy: P,
): policy is P & { readonly durability: Durability } {
  return policy.durability !== undefined && entries.some(({ call }) => call.row.write);
}

/**
 * Runs MULTI, the commands and EXEC on a connection.
 * @returns null where a watched key has changed
 * @throws ReplyError where nothing was executed; OutcomeUnknownError; anything else where the connection ended
 */
export async function executeBlock(
  redis: Redis,
  entries: readonly BatchEntry[],
): Promise<BatchResult[] | null> {
  const block = redis.multi();
  for (const { call, shape } of entries) {
    callByName(block, call, shape.buffers);
  }
  const results = await block.exec().catch((error: unknown) => {
    throw refusalOf(error, entries.length);
  });
  return results?.map(([error, reply], index) => resultOf(entries[index], error, reply)) ?? null;
}

/** ioredis says which command an error was for. */
interface RefusedCommand extends Error {
  readonly command?: { readonly name: string };
}

function resultOf({ shape: { transform } }: BatchEntry, error: Error | null, reply: unknown): BatchResult {
  if (error !== null) return [toReplyError(error.message), undefined];
  return [null, transform === undefined ? reply : transform(reply as Reply)];
}

/** Why nothing was executed: the reason that can be mended, if there is one, else what EXEC says. */
function refusalOf(error: unknown, commands: number): unknown {
  if (!(error instanceof NodeReplyError)) return error;
  const exec = toReplyError((error as Error).message);
  const previous = (error as { previousErrors?: RefusedCommand[] }).previousErrors ?? [];
  const reasons = previous.map(({ message }) => toReplyError(message));
  if (previous[0]?.command?.name === 'multi') {
    const forbidden = reasons.slice(1).filter(({ code }) => code === FORBIDDEN).length;
    return notATransaction(reasons[0], forbidden === commands);
  }
  const passing = [...reasons, exec].find(({ code }) => REFUSALS.has(code));
  return passing ?? new ReplyError(exec.message, { cause: reasons[0] });
}
