import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import type { BatchEntry } from '../batch/sent-batch.js';
import type { BatchResult } from '../batch/batch-result.js';
import type { CallPolicy, Durability } from '../command/call-policy.js';
import { waitForReplicas } from './wait-for-replicas.js';
import { ReplyError } from '../common/errors.js';
import type { LeasedWork } from './leased-command.js';
import { callByName } from '../node-client/call-by-name.js';
import { captureCallerOfAll } from '../diagnostics/caller-stack.js';
import { placed } from '../diagnostics/error-place.js';
import { keysOf, type ResolvedCall } from '../command/resolved-call.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';
import { isTransient } from '../retry/transient.js';
import { toReplyError } from '../protocol/reply-error.js';
import type { Reply } from '../protocol/reply.js';
import { mayHaveWritten, notATransaction } from '../batch/transaction-block.js';

/** MULTI, commands that write, EXEC, and WAIT for the replicas. */
export class LeasedBlock implements LeasedWork {
  readonly name = 'EXEC';
  readonly title = 'EXEC';
  readonly blocking = false;
  readonly blockingMs = 0;
  readonly reads = false;
  readonly idempotent = false;

  constructor(
    private readonly entries: readonly BatchEntry[],
    readonly slot: number,
    private readonly policy: CallPolicy,
  ) {}

  get calls(): readonly ResolvedCall[] {
    return this.entries.map(({ call }) => call);
  }

  keys(): readonly string[] {
    return this.entries.flatMap(({ call }) => keysOf(call));
  }

  async send(redis: Redis): Promise<BatchResult[] | null> {
    const results = await executeBlock(redis, this.entries);
    const { entries, policy, name } = this;
    if (writesDurably(entries, policy)) await waitForReplicas(redis, policy.durability, name);
    return results;
  }
}

/** Whether replicas must confirm what these commands write. */
export function writesDurably<P extends CallPolicy>(
  entries: readonly BatchEntry[],
  policy: P,
): policy is P & { readonly durability: Durability } {
  return policy.durability !== undefined && entries.some(({ call }) => call.row.write);
}

/**
 * Runs MULTI, the commands and EXEC on a connection.
 * @returns null if a watched key has changed
 * @throws ReplyError if nothing was executed; OutcomeUnknownError; any other error means that the connection
 *   ended
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
    throw refusalOf(error, entries);
  });
  if (results === null) return null;
  const node = nodeName(redis.options as NodeAddress);
  const answers = results.map(([error, reply], index) => resultOf(entries[index], error, reply, node));
  const errors = answers.map(([error]) => error).filter((error) => error !== null);
  captureCallerOfAll(errors, executeBlock);
  return answers;
}

/** An error of ioredis, which names the command. */
interface RefusedCommand extends Error {
  readonly command?: { readonly name: string };
}

function resultOf(
  { call, shape: { transform } }: BatchEntry,
  error: Error | null,
  reply: unknown,
  node: string,
): BatchResult {
  if (error !== null) {
    const { row, slot } = call;
    const place = { command: row.name.toUpperCase(), node, slot: slot === NO_SLOT ? undefined : slot };
    return [placed(toReplyError(error.message), { ...place, attempts: 1 }), undefined];
  }
  return [null, transform === undefined ? reply : transform(reply as Reply)];
}

/** Returns why nothing was executed: a transient reason if there is one, else the error of EXEC. */
function refusalOf(error: unknown, entries: readonly BatchEntry[]): unknown {
  if (!(error instanceof NodeReplyError)) return error;
  const exec = toReplyError((error as Error).message);
  const previous = (error as { previousErrors?: RefusedCommand[] }).previousErrors ?? [];
  const reasons = previous.map(({ message }) => toReplyError(message));
  if (previous[0]?.command?.name === 'multi')
    return notATransaction(reasons[0], nothingRan(entries, previous.slice(1)));
  const transient = [...reasons, exec].find(isTransient);
  return transient ?? new ReplyError(exec.message, { cause: reasons[0] });
}

/** Whether none of the commands may have written anything, if each ran on its own. */
function nothingRan(entries: readonly BatchEntry[], errors: RefusedCommand[]): boolean {
  // errors are in the order of the commands; a command without an error was executed
  const replies = entries.map(({ call }) => {
    const isOfThis = errors[0]?.command?.name.toLowerCase() === call.name.toLowerCase();
    return isOfThis ? toReplyError((errors.shift() as Error).message) : null;
  });
  return !entries.some((entry, index) => mayHaveWritten(entry, replies[index]));
}
