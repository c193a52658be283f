import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import type { Durability } from '../command/call-policy.js';
import { ConnectionError, DurabilityError, OutcomeUnknownError, type ReplyError } from '../common/errors.js';
import { toReplyError } from '../protocol/reply-error.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

const DEMOTED =
  'it was executed, but its node stopped being the primary before replicas confirmed it, and the write may be lost with the role';

/** Whether `waitForReplicas` ended in this because the node is not the primary any more. */
export const isDemotion = (error: unknown): boolean =>
  error instanceof OutcomeUnknownError &&
  (error.cause as Partial<ReplyError> | undefined)?.code === 'UNBLOCKED';

/**
 * Waits until replicas have what this connection has written before; see https://redis.io/commands/wait/.
 * @throws DurabilityError where too few have it in time, or the server does not let us ask, or the connection ended
 *   (its cause is a ConnectionError then); OutcomeUnknownError where the node is not the primary any more
 */
export async function waitForReplicas(
  redis: Redis,
  { replicas, timeoutMs }: Durability,
  name: string,
): Promise<void> {
  const node = nodeName(redis.options as NodeAddress);
  const confirmed = await redis.wait(replicas, timeoutMs).catch((error: unknown) => {
    if (!(error instanceof NodeReplyError)) {
      const cause = new ConnectionError(node, 'lost while WAIT was under way');
      throw new DurabilityError(replicas, 0, timeoutMs, { cause });
    }
    const cause = toReplyError((error as Error).message);
    // what was written may be lost with the role
    if (cause.code === 'UNBLOCKED') throw new OutcomeUnknownError(name, DEMOTED, { cause });
    throw new DurabilityError(replicas, 0, timeoutMs, { cause });
  });
  if (confirmed < replicas) throw new DurabilityError(replicas, confirmed, timeoutMs);
}

/**
 * The reply of a write that has just been sent on the connection, once replicas have what it wrote.
 * @throws what the write ends in; else as `waitForReplicas`
 */
export async function settledByReplicas<R>(
  redis: Redis,
  durability: Durability,
  name: string,
  write: Promise<R>,
): Promise<R> {
  // asked at once, so that both leave in one packet; and waited for, as the connection is of no use to others before
  const [written, confirmed] = await Promise.allSettled([write, waitForReplicas(redis, durability, name)]);
  if (written.status === 'rejected') throw written.reason;
  if (confirmed.status === 'rejected') {
    if (confirmed.reason instanceof DurabilityError) replies.set(confirmed.reason, written.value);
    throw confirmed.reason;
  }
  return written.value;
}

// Beside the errors, as no error shows what is stored.
const replies = new WeakMap<object, unknown>();

/** What a write was answered that replicas did not confirm; undefined for other errors. */
export const replyBehind = (error: unknown): unknown =>
  error instanceof DurabilityError ? replies.get(error) : undefined;
