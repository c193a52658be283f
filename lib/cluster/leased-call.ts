import { CommandAbortedError } from './abort.js';
import { backoffMs } from './backoff.js';
import type { ClusterEngine } from './cluster-engine.js';
import { NO_SLOT, type CallPolicy } from './command.js';
import {
  ClientClosedError,
  ConnectionError,
  DeadlineExceededError,
  DurabilityError,
  OutcomeUnknownError,
  ReplyError,
  TopologyError,
} from './errors.js';
import type { Lease } from './lease-pool.js';
import { watchLease } from './lease-watch.js';
import { throwAsOurs, type LeasedWork } from './leased-work.js';
import { parseRedirect } from './redirect.js';
import { REFUSALS } from './refusals.js';
import { delay, monotonicMs } from './timers.js';
import { nodeName, type ClusterNode } from './topology.js';

type Outcome = { result: unknown } | { obstacle: Error };

interface Destination {
  readonly node: ClusterNode;
  /** An ASK redirect led here. */
  readonly asking: boolean;
}

/**
 * Work on a connection of its own, because others must not wait behind it: a call that blocks, or a write, be it a
 * transaction, that waits for its replicas. Refusals are followed as for any command. The deadline counts the time until a server has taken
 * the call, not the time for which it may block.
 */
export class LeasedCall {
  private readonly giveUpAt: number;
  /** The reply to an attempt was lost. */
  private mayHaveRun = false;

  constructor(
    private readonly engine: ClusterEngine,
    private readonly work: LeasedWork,
    private readonly policy: CallPolicy,
  ) {
    this.giveUpAt = monotonicMs() + policy.deadlineMs;
  }

  async run(): Promise<unknown> {
    await this.engine.connect();
    let destination = this.owner();
    let obstacle: Error | undefined;
    for (let attempt = 1; monotonicMs() < this.giveUpAt; attempt++) {
      const outcome = destination === undefined ? this.uncovered() : await this.attempt(destination);
      if ('result' in outcome) return outcome.result;
      obstacle = outcome.obstacle;
      const redirect = destination && this.redirectIn(obstacle, destination.node);
      if (redirect === undefined && this.policy.retry === 'never') throw obstacle;
      if (redirect === undefined) await delay(backoffMs(attempt));
      destination = redirect ?? this.owner();
    }
    const { name } = this.work;
    if (this.mayHaveRun) throw new OutcomeUnknownError(name, 'an answer to it was lost', { cause: obstacle });
    throw new DeadlineExceededError(name, this.policy.deadlineMs, { cause: obstacle });
  }

  /** One attempt: the reply, or what stood in its way where another attempt does no harm; throws otherwise. */
  private async attempt({ node, asking }: Destination): Promise<Outcome> {
    const { policy, work } = this;
    const { signal } = policy;
    if (signal?.aborted) throw new CommandAbortedError(work.name, signal.reason);
    let lease: Lease;
    try {
      lease = await this.engine.leases.lease(node, this.giveUpAt);
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof TopologyError)) throw error;
      this.engine.reportStale();
      return { obstacle: error };
    }
    // what does not block owes its reply by the deadline
    const until = work.blocking ? Infinity : this.giveUpAt;
    const unwatch = watchLease(this.engine, lease, { node, slot: work.slot, signal, until });
    try {
      if (asking) await lease.redis.call('ASKING').catch(throwAsOurs);
      const result = await work.send(lease.redis);
      lease.release();
      return { result };
    } catch (error) {
      if (error instanceof DurabilityError) {
        lease.release();
        throw error;
      }
      if (error instanceof ReplyError) {
        lease.release();
        return this.refused(error);
      }
      lease.discard();
      if (error instanceof OutcomeUnknownError) throw error;
      return this.lost(node);
    } finally {
      unwatch();
    }
  }

  private refused(reply: ReplyError): Outcome {
    if (REFUSALS.has(reply.code) || wasInterrupted(reply)) return { obstacle: reply };
    throw reply;
  }

  /** The connection ended while the command was under way. */
  private lost(node: ClusterNode): Outcome {
    const { engine, work, policy } = this;
    const { name } = work;
    const harmless = policy.retry === 'always' || work.idempotent;
    if (policy.signal?.aborted) {
      if (work.readonly) throw new CommandAbortedError(name, policy.signal.reason);
      throw new OutcomeUnknownError(name, 'it was aborted after it was sent', {
        cause: policy.signal.reason,
      });
    }
    if (engine.state === 'closing' || engine.state === 'end') {
      throw new ClientClosedError();
    }
    engine.reportStale();
    const cause = new ConnectionError(node.name, `lost while ${name} was under way`);
    if (harmless && policy.retry !== 'never') {
      this.mayHaveRun ||= !work.readonly;
      work.resent?.();
      return { obstacle: cause };
    }
    throw new OutcomeUnknownError(name, 'its connection was lost before the reply', { cause });
  }

  private owner(): Destination | undefined {
    const { topology } = this.engine;
    const { slot } = this.work;
    const node = slot === NO_SLOT ? topology.defaultNode : topology.nodeForSlot(slot);
    return node && { node, asking: false };
  }

  private uncovered(): Outcome {
    this.engine.reportStale();
    return {
      obstacle: new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${this.work.slot} at present`),
    };
  }

  /** Where a refusal sends the command at once; undefined where it has to wait, or go by the topology. */
  private redirectIn(obstacle: Error, from: ClusterNode): Destination | undefined {
    const refusal = REFUSALS.get((obstacle as ReplyError).code);
    if (refusal?.refresh) this.engine.reportStale();
    if (refusal === undefined || refusal.remedy === 'wait' || refusal.remedy === 'retry') return undefined;
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
