import { setTimeout as delay } from 'node:timers/promises';
import { ReplyError as NodeReplyError } from 'ioredis';
import { backoffMs } from './backoff.js';
import type { ClusterEngine, CallShape } from './cluster-engine.js';
import { NO_SLOT, type CallPolicy } from './command.js';
import { isIdempotent } from './command-table.js';
import {
  ClientClosedError,
  ConnectionError,
  DeadlineExceededError,
  OutcomeUnknownError,
  ReplyError,
  TopologyError,
} from './errors.js';
import type { Lease } from './lease-pool.js';
import { parseRedirect } from './redirect.js';
import { REFUSALS } from './refusals.js';
import { toReplyError } from './reply-error.js';
import type { Reply } from './reply.js';
import type { ResolvedCall } from './resolved-call.js';
import { nodeName, type ClusterNode } from './topology.js';

/**
 * Runs a blocking command on a connection of its own, so that nobody waits behind it. Refusals are followed
 * as for any command; the deadline counts the time until it is accepted, not the time it may block.
 */
export async function runLeased(
  engine: ClusterEngine,
  call: ResolvedCall,
  policy: CallPolicy,
  shape: CallShape,
): Promise<unknown> {
  await engine.connect();
  const giveUpAt = performance.now() + policy.deadlineMs;
  let target: { node: ClusterNode; asking: boolean } | undefined;
  let obstacle: Error | undefined;
  for (let attempt = 1; performance.now() < giveUpAt; attempt++) {
    const node = target?.node ?? ownerOf(engine, call);
    if (node === undefined)
      obstacle = new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${call.slot} at present`);
    else {
      const outcome = await attemptOn(engine, node, target?.asking ?? false, call, policy, shape);
      if ('reply' in outcome)
        return shape.transform === undefined ? outcome.reply : shape.transform(outcome.reply);
      obstacle = outcome.obstacle;
      target = redirectOf(engine, obstacle, node);
    }
    if (policy.retry === 'never' && target === undefined) throw obstacle;
    if (target === undefined) await delay(backoffMs(attempt));
  }
  throw new DeadlineExceededError(call.name, policy.deadlineMs, { cause: obstacle });
}

type Outcome = { reply: Reply } | { obstacle: Error };

/** One attempt: the reply, or what stood in its way where another attempt does no harm; throws otherwise. */
async function attemptOn(
  engine: ClusterEngine,
  node: ClusterNode,
  asking: boolean,
  call: ResolvedCall,
  policy: CallPolicy,
  shape: CallShape,
): Promise<Outcome> {
  let lease: Lease;
  try {
    lease = await engine.leases.lease(node);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    engine.reportStale();
    return { obstacle: error };
  }
  try {
    const { redis } = lease;
    if (asking) await redis.call('ASKING');
    const reply = shape.buffers ? redis.callBuffer(call.name, call.args) : redis.call(call.name, call.args);
    const answer = { reply: (await reply) as Reply };
    lease.release();
    return answer;
  } catch (error) {
    if (error instanceof NodeReplyError) {
      lease.release();
      const reply = toReplyError((error as Error).message);
      if (REFUSALS.has(reply.code) || wasInterrupted(reply)) return { obstacle: reply };
      throw reply;
    }
    lease.discard();
    return lost(engine, node, call, policy);
  }
}

/**
 * The server ended the wait because it is no longer the primary; nothing was taken. CLIENT UNBLOCK has the same first
 * word, and is the caller's answer.
 */
function wasInterrupted(reply: ReplyError): boolean {
  return reply.code === 'UNBLOCKED' && reply.message.includes('instance state changed');
}

/** The connection died while the command was under way. */
function lost(engine: ClusterEngine, node: ClusterNode, call: ResolvedCall, policy: CallPolicy): Outcome {
  if (engine.state === 'closing' || engine.state === 'end')
    throw new ClientClosedError('The client was closed during a blocking command');
  engine.reportStale();
  const cause = new ConnectionError(node.name, 'lost during a blocking command');
  const repeatable =
    policy.retry === 'always' || (policy.retry === 'safe' && isIdempotent(call.row, call.args));
  if (repeatable) return { obstacle: cause };
  throw new OutcomeUnknownError(call.name, 'its connection was lost while it blocked', { cause });
}

function ownerOf(engine: ClusterEngine, call: ResolvedCall): ClusterNode | undefined {
  return call.slot === NO_SLOT ? engine.topology.defaultNode : engine.topology.nodeForSlot(call.slot);
}

/** Where a refusal sends the command at once; undefined where it has to wait, or go by the topology. */
function redirectOf(
  engine: ClusterEngine,
  obstacle: Error,
  from: ClusterNode,
): { node: ClusterNode; asking: boolean } | undefined {
  if (!(obstacle instanceof ReplyError)) return undefined;
  const refusal = REFUSALS.get(obstacle.code);
  if (refusal?.refresh) engine.reportStale();
  if (refusal === undefined || refusal.remedy === 'wait') return undefined;
  const redirect = parseRedirect(obstacle.message, from);
  if (redirect === undefined) return undefined;
  const target = engine.options.addressRemap?.(redirect.target) ?? redirect.target;
  const node = engine.topology.node(nodeName(target));
  return node && { node, asking: refusal.remedy === 'ask' };
}
