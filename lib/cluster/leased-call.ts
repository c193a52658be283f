import { ReplyError as NodeReplyError } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandAbortedError } from './abort.js';
import { backoffMs } from './backoff.js';
import type { CallShape, ClusterEngine } from './cluster-engine.js';
import { NO_SLOT, type CallPolicy } from './command.js';
import { isBlocking, isIdempotent } from './command-table.js';
import {
  ClientClosedError,
  ConnectionError,
  DeadlineExceededError,
  DurabilityError,
  OutcomeUnknownError,
  TopologyError,
  type ReplyError,
} from './errors.js';
import type { Lease } from './lease-pool.js';
import { watchLease } from './lease-watch.js';
import { parseRedirect } from './redirect.js';
import { REFUSALS } from './refusals.js';
import { toReplyError } from './reply-error.js';
import type { Reply } from './reply.js';
import type { ResolvedCall } from './resolved-call.js';
import { nodeName, type ClusterNode } from './topology.js';

type Outcome = { reply: Reply } | { obstacle: Error };

interface Destination {
  readonly node: ClusterNode;
  /** An ASK redirect led here. */
  readonly asking: boolean;
}

/**
 * A call on a connection of its own, because others must not wait behind it: one that blocks, or a write that waits
 * for its replicas. Refusals are followed as for any command. The deadline counts the time until a server has taken
 * the call, not the time for which it may block.
 */
export class LeasedCall {
  private readonly giveUpAt: number;

  constructor(
    private readonly engine: ClusterEngine,
    private call: ResolvedCall,
    private readonly policy: CallPolicy,
    private readonly shape: CallShape,
  ) {
    this.giveUpAt = performance.now() + policy.deadlineMs;
  }

  async run(): Promise<unknown> {
    await this.engine.connect();
    let destination = this.owner();
    let obstacle: Error | undefined;
    for (let attempt = 1; performance.now() < this.giveUpAt; attempt++) {
      const outcome = destination === undefined ? this.uncovered() : await this.attempt(destination);
      if ('reply' in outcome) return this.shaped(outcome.reply);
      obstacle = outcome.obstacle;
      const redirect = destination && this.redirectIn(obstacle, destination.node);
      if (redirect === undefined && this.policy.retry === 'never') throw obstacle;
      if (redirect === undefined) await delay(backoffMs(attempt));
      destination = redirect ?? this.owner();
    }
    throw new DeadlineExceededError(this.call.name, this.policy.deadlineMs, { cause: obstacle });
  }

  private shaped(reply: Reply): unknown {
    const { transform } = this.shape;
    return transform === undefined ? reply : transform(reply);
  }

  /** One attempt: the reply, or what stood in its way where another attempt does no harm; throws otherwise. */
  private async attempt({ node, asking }: Destination): Promise<Outcome> {
    const { signal } = this.policy;
    if (signal?.aborted) throw new CommandAbortedError(this.call.name, signal.reason);
    let lease: Lease;
    try {
      lease = await this.engine.leases.lease(node);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.engine.reportStale();
      return { obstacle: error };
    }
    // what does not block owes its reply by the deadline
    const until = isBlocking(this.call.row, this.call.args) ? Infinity : this.giveUpAt;
    const unwatch = watchLease(this.engine, lease, { node, slot: this.call.slot, signal, until });
    try {
      if (asking) await lease.redis.call('ASKING');
      const reply = await this.send(lease).catch((error: unknown) => this.sendWhole(lease, error));
      lease.release();
      return { reply };
    } catch (error) {
      if (error instanceof DurabilityError) {
        lease.release();
        throw error;
      }
      if (error instanceof NodeReplyError) {
        lease.release();
        return this.refused((error as Error).message);
      }
      lease.discard();
      return this.lost(node);
    } finally {
      unwatch();
    }
  }

  private async send({ redis }: Lease): Promise<Reply> {
    const { name, args } = this.call;
    const reply = this.shape.buffers ? redis.callBuffer(name, args) : redis.call(name, args);
    const { durability } = this.policy;
    if (durability === undefined || !this.call.row.write) return (await reply) as Reply;
    const { replicas, timeoutMs } = durability;
    // WAIT concerns the writes of its own connection, so it follows at once, in the same packet
    const [answer, confirmed] = await Promise.all([reply, redis.wait(replicas, timeoutMs)]);
    if (confirmed < replicas) throw new DurabilityError(replicas, confirmed, timeoutMs);
    return answer as Reply;
  }

  /** The server does not know a script that we know: it is sent again with its text. */
  private sendWhole(lease: Lease, error: unknown): Promise<Reply> {
    const isUnknown = error instanceof NodeReplyError && (error as Error).message.startsWith('NOSCRIPT ');
    const whole = isUnknown ? this.engine.scripts.whole(this.call.name, this.call.args) : undefined;
    if (whole === undefined) throw error;
    this.call = { ...this.call, ...whole };
    return this.send(lease);
  }

  private refused(message: string): Outcome {
    const reply = toReplyError(message);
    if (REFUSALS.has(reply.code) || wasInterrupted(reply)) return { obstacle: reply };
    throw reply;
  }

  /** The connection ended while the command was under way. */
  private lost(node: ClusterNode): Outcome {
    const { engine, call, policy } = this;
    const { name } = call;
    const harmless = policy.retry === 'always' || isIdempotent(call.row, call.args);
    if (policy.signal?.aborted) {
      if (call.row.readonly) throw new CommandAbortedError(name, policy.signal.reason);
      throw new OutcomeUnknownError(name, 'it was aborted after it was sent', {
        cause: policy.signal.reason,
      });
    }
    if (engine.state === 'closing' || engine.state === 'end') {
      throw new ClientClosedError();
    }
    engine.reportStale();
    const cause = new ConnectionError(node.name, `lost while ${name} was under way`);
    if (harmless && policy.retry !== 'never') return { obstacle: cause };
    throw new OutcomeUnknownError(name, 'its connection was lost before the reply', { cause });
  }

  private owner(): Destination | undefined {
    const { topology } = this.engine;
    const { slot } = this.call;
    const node = slot === NO_SLOT ? topology.defaultNode : topology.nodeForSlot(slot);
    return node && { node, asking: false };
  }

  private uncovered(): Outcome {
    this.engine.reportStale();
    return {
      obstacle: new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${this.call.slot} at present`),
    };
  }

  /** Where a refusal sends the command at once; undefined where it has to wait, or go by the topology. */
  private redirectIn(obstacle: Error, from: ClusterNode): Destination | undefined {
    const refusal = REFUSALS.get((obstacle as ReplyError).code);
    if (refusal?.refresh) this.engine.reportStale();
    if (refusal === undefined || refusal.remedy === 'wait') return undefined;
    const redirect = parseRedirect(obstacle.message, from);
    if (redirect === undefined) return undefined;
    const target = this.engine.options.addressRemap?.(redirect.target) ?? redirect.target;
    const node = this.engine.topology.node(nodeName(target));
    if (node === undefined) this.engine.reportStranger();
    return node && { node, asking: refusal.remedy === 'ask' };
  }
}

/**
 * The server ended the wait because it is no longer the primary; nothing was taken. CLIENT UNBLOCK has the same first
 * word, and is the caller's answer.
 */
function wasInterrupted(reply: ReplyError): boolean {
  return reply.code === 'UNBLOCKED' && reply.message.includes('instance state changed');
}
