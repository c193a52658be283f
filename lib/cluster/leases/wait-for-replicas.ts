import { ReplyError as NodeReplyError, type Redis } from 'ioredis';
import type { Durability } from '../command/call-policy.js';
import { ConnectionError, DurabilityError, OutcomeUnknownError, type ReplyError } from '../common/errors.js';
import { toReplyError } from '../protocol/reply-error.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

const DEMOTED =
  'it was executed, but its node stopped being the primary before replicas confirmed it, so the write may be lost';

/** Whether `waitForReplicas` threw this because the node is no longer the primary. */
export const isDemotion = (error: unknown): boolean =>
  error instanceof OutcomeUnknownError &&
  (error.cause as Partial<ReplyError> | undefined)?.code === 'UNBLOCKED';

/**
 * Waits until replicas have the earlier writes of this connection; see https://redis.io/commands/wait/.
 * @throws DurabilityError if too few replicas have them in time, WAIT is not permitted, or the connection ended
 *   (its cause is a ConnectionError then)
 * @throws OutcomeUnknownError if the node is no longer the primary
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
    // the former primary discards writes that its replicas do not have
    if (cause.code === 'UNBLOCKED') throw new OutcomeUnknownError(name, DEMOTED, { cause });
    throw new DurabilityError(replicas, 0, timeoutMs, { cause });
  });
  if (confirmed < replicas) throw new DurabilityError(replicas, confirmed, timeoutMs);
}

/**
 * Returns the reply of a write that has just been sent on the connection, once replicas have it.
 * @throws the error of the write; else like `waitForReplicas`
 */
export async function settledByReplicas<R>(
  redis: Redis,
  durability: Durability,
  name: string,
  write: Promise<R>,
): Promise<R> {
  // send WAIT at once, so that both leave in one packet; await both, as the connection is not free before
  const [written, confirmed] = await Promise.allSettled([write, waitForReplicas(redis, durability, name)]);
  if (written.status === 'rejected') throw written.reason;
  if (confirmed.status === 'rejected') {
    if (confirmed.reason instanceof DurabilityError) replies.set(confirmed.reason, written.value);
    throw confirmed.reason;
  }
  return written.value;
}

// kept outside the errors, as no error shows stored values
const replies = new WeakMap<object, unknown>();

/** Returns the reply of a write that replicas did not confirm; undefined for other errors. */
export const replyBehind = (error: unknown): unknown =>
  error instanceof DurabilityError ? replies.get(error) : undefined;
