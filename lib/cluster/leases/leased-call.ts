import type { Redis } from 'ioredis';
import { afterAttempts, isResent } from '../retry/attempt-outcome.js';
import { CallLimit } from '../command/call-limit.js';
import type { LeaseHost } from './lease-host.js';
import type { CallPolicy } from '../command/call-policy.js';
import { isDemotion } from './wait-for-replicas.js';
import {
  ClientClosedError,
  ConnectionError,
  DurabilityError,
  OutcomeUnknownError,
  ReplyError,
} from '../common/errors.js';
import { isFinal, type Lease } from './lease-pool.js';
import { isOpen } from './leased-connection.js';
import { watchLease } from './lease-watch.js';
import { captureCaller } from '../diagnostics/caller-stack.js';
import { placed } from '../diagnostics/error-place.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { LeasedRoute, type Destination } from './leased-route.js';
import { throwAsOurs, type LeasedWork } from './leased-command.js';
import { isTransient } from '../retry/transient.js';
import type { Attempt } from '../retry/retry-until.js';
import type { ClusterNode } from '../topology/topology.js';
import { monotonicMs } from '../common/timers.js';

type Outcome = Attempt<unknown>;

/**
 * Work on a connection of its own, because other calls must not wait behind it: a blocking call, or a write (or
 * transaction) that waits for its replicas. Refusals are handled as for any command. The deadline counts the
 * time until a server has the call, not the time for which it blocks.
 */
export class LeasedCall {
  private readonly limit: CallLimit;
  private readonly route: LeasedRoute;
  /** Whether the reply to an attempt was lost. */
  private mayHaveRun = false;
  /** An attempt was executed, and its connection ended before replicas had confirmed it. */
  private unconfirmed: DurabilityError | undefined = undefined;
  private firstSentAt: number | undefined = undefined;

  constructor(
    private readonly host: LeaseHost,
    private readonly work: LeasedWork,
    private readonly policy: CallPolicy,
    /** The only node it may go to, whatever its slot. */
    node?: ClusterNode,
  ) {
    this.limit = new CallLimit(work.name, policy.deadlineMs, policy.signal);
    this.route = new LeasedRoute(host, work.slot, node, policy.trace);
  }

  /** Resolves with the reply. The error it rejects with accounts for every attempt. */
  async run(): Promise<unknown> {
    const ended = this.policy.trace?.begin();
    try {
      const result = await this.attempts();
      ended?.(this.route.node?.name);
      return result;
    } catch (error) {
      const failure = this.inPlace(
        this.unconfirmed ?? afterAttempts(this.work.name, error as Error, this.mayHaveRun),
      );
      ended?.(this.route.node?.name, failure);
      captureCaller(failure, LeasedCall.prototype.run);
      this.route.counters.callFailed(failure);
      throw failure;
    }
  }

  private inPlace(error: Error): Error {
    const { work, route, policy } = this;
    return placed(error, {
      command: work.title,
      node: route.node?.name,
      slot: work.slot === NO_SLOT ? undefined : work.slot,
      attempts: Math.max(1, route.attempts),
      keys: policy.errorKeys ? work.keys() : undefined,
    });
  }

  private async attempts(): Promise<unknown> {
    const { host, limit, route } = this;
    if (limit.over) throw limit.error();
    if (host.state !== 'ready') await limit.wait(host.connect());
    return route.follow(limit, this.policy.retry, (destination) => this.attempt(destination));
  }

  /**
   * Makes one attempt: returns the reply, or an error after which another attempt is harmless; throws otherwise. A
   * call that is sent again blocks for the time that is left.
   */
  private async attempt(destination: Destination): Promise<Outcome> {
    const { host, limit, work } = this;
    const { node } = destination;
    let lease: Lease;
    try {
      const leased = host.leases.lease(node, { limit, blocking: work.blocking });
      [lease] = await Promise.all([leased, work.prepared]);
    } catch (error) {
      if (isFinal(error) && !limit.over) throw error;
      host.reportStale();
      return { lastError: error as Error };
    }
    if (this.firstSentAt !== undefined) work.shorten?.(monotonicMs() - this.firstSentAt);
    const { slot, blocking, blockingMs } = work;
    const use = { node, slot, limit, blocking, blockingMs };
    const unwatch = watchLease(host, lease, use);
    try {
      return await this.send(lease, destination);
    } finally {
      unwatch();
    }
  }

  private async send(lease: Lease, { node, asking }: Destination): Promise<Outcome> {
    const { limit } = this;
    let sent = false;
    try {
      if (asking) await lease.redis.call('ASKING').catch(throwAsOurs);
      if (limit.over) {
        lease.release();
        return { lastError: limit.error() };
      }
      sent = isOpen(lease.redis);
      const result = await this.sendWork(lease.redis);
      lease.release();
      return { result };
    } catch (error) {
      if (error instanceof DurabilityError) {
        lease.release();
        return this.unconfirmedBy(error);
      }
      // a server that ends a wait because it is no longer the primary ends the connection as well
      if (error instanceof ReplyError && !wasInterrupted(error)) lease.release();
      else lease.discard();
      if (error instanceof ReplyError) return this.refused(error);
      if (error instanceof OutcomeUnknownError && !isDemotion(error)) throw error;
      return sent ? this.lost(node, error) : this.unsent(node);
    }
  }

  /** Sends the work. While a server has a blocking call, the deadline does not count. */
  private async sendWork(redis: Redis): Promise<unknown> {
    const { work, limit } = this;
    const began = monotonicMs();
    this.firstSentAt ??= began;
    const longest = work.blockingMs;
    this.route.counters.commands++;
    try {
      return await work.send(redis);
    } finally {
      limit.extend(Math.min(monotonicMs() - began, longest));
    }
  }

  private refused(reply: ReplyError): Outcome {
    const { host, limit, work } = this;
    if (reply.code === 'UNBLOCKED' && work.blocking) {
      // it was given up, and the server confirms that it had taken nothing
      if (limit.signal?.aborted) throw limit.error();
      if (host.closing.aborted) throw new ClientClosedError();
      if (wasInterrupted(reply)) return { lastError: reply };
    }
    if (isTransient(reply)) return { lastError: reply };
    throw reply;
  }

  /**
   * Handles a write that was executed but not confirmed. If its connection was lost and it may be sent again,
   * replicas may still confirm it.
   */
  private unconfirmedBy(error: DurabilityError): Outcome {
    if (!(error.cause instanceof ConnectionError) || !this.mayGoOn) throw error;
    this.unconfirmed = error;
    this.host.reportStale();
    this.work.resent?.();
    return { lastError: error.cause, resent: true };
  }

  private unsent(node: ClusterNode): Outcome {
    this.host.reportStale();
    return { lastError: new ConnectionError(node.name, `lost before ${this.work.name} was sent`) };
  }

  /** Handles a connection that ended during the command, or whose node is no longer the primary. */
  private lost(node: ClusterNode, error: unknown): Outcome {
    const { host, work, limit } = this;
    const { name } = work;
    host.reportStale();
    const cause = new ConnectionError(node.name, `lost while ${name} was under way`);
    if (this.mayGoOn) {
      this.mayHaveRun ||= !work.reads;
      work.resent?.();
      return { lastError: isDemotion(error) ? (error as Error) : cause, resent: true };
    }
    if (isDemotion(error)) throw error;
    if (limit.signal?.aborted) {
      if (work.reads) throw limit.error();
      throw new OutcomeUnknownError(name, 'it was aborted after it was sent', { cause: limit.signal.reason });
    }
    if (this.isClosed) {
      if (work.reads || work.blocking) throw new ClientClosedError(work.reads ? false : 'unknown');
      throw new OutcomeUnknownError(name, 'the client was closed before the reply', {
        cause: new ClientClosedError(),
      });
    }
    if (work.reads) throw limit.over ? limit.error(cause) : cause;
    const reason = limit.over
      ? 'no reply came before its deadline'
      : 'its connection was lost before the reply';
    throw new OutcomeUnknownError(name, reason, { cause });
  }

  /** Whether the call may be sent again after a lost reply, and a caller still waits for it. */
  private get mayGoOn(): boolean {
    const { work, policy, limit } = this;
    return !this.isClosed && !limit.over && isResent(policy.retry, work);
  }

  private get isClosed(): boolean {
    const { leases, closing } = this.host;
    return leases.closed || (this.work.blocking && closing.aborted);
  }
}

/** What servers reply when they end a wait because of a change of the slot; nothing was taken. */
const INTERRUPTIONS = ['instance state changed', 'the stream key no longer exists'];

/**
 * Whether the server ended the wait because it is no longer the primary, or the slot moves. CLIENT UNBLOCK has
 * the same first word, and is the caller's reply.
 */
function wasInterrupted(reply: ReplyError): boolean {
  return reply.code === 'UNBLOCKED' && INTERRUPTIONS.some((text) => reply.message.includes(text));
}
