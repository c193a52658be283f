import type { Redis } from 'ioredis';
import { onAbort } from '../command/abort-signal.js';
import type { CallLimit } from '../command/call-limit.js';
import {
  BackpressureError,
  ClientClosedError,
  InvalidArgumentError,
  LeaseTimeoutError,
} from '../common/errors.js';
import { IdleConnections } from './idle-connections.js';
import { LeaseQueue, type LeaseWaiter } from './lease-queue.js';
import { endNow, isAlive, openLeased, type LeasedConnection } from './leased-connection.js';
import { measureLease } from '../diagnostics/lease-times.js';
import { traceConnect } from '../diagnostics/trace-connect.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ClusterCounters } from '../stats/cluster-counters.js';
import type { NodeCounters } from '../stats/node-counters.js';
import type { LeaseStats } from '../stats/cluster-stats.js';
import type { ClusterNode } from '../topology/topology.js';
import { clearTimeout, setTimeout } from '../common/timers.js';

/** A connection that one caller has exclusively until releasing it. */
export interface Lease extends LeasedConnection {
  /** Releases the connection for the next caller. */
  release(): void;
  /** Ends the connection, because its state must not affect another caller. */
  discard(): void;
}

/** What a lease is needed for. */
export interface LeaseWish {
  readonly limit: CallLimit;
  /** Whether the call blocks. Such a call ends when the client closes; any other is finished first. */
  readonly blocking: boolean;
}

/** Connections that are leased to one caller at a time (blocking commands, WATCH), limited per node and in total. */
export class LeasePool {
  private readonly idle = new IdleConnections();
  private readonly queue = new LeaseQueue();
  /** All connections that are open or being opened. */
  private readonly all = new Set<Redis>();
  /** The number of leases by node, including those whose connection is still being opened. */
  private readonly taken = new Map<string, number>();
  private total = 0;
  private phase: 'open' | 'draining' | 'closed' = 'open';
  /** Connections of an earlier generation were authenticated with old credentials. */
  private generation = 0;

  constructor(
    private readonly options: ResolvedClusterOptions,
    private readonly counters: ClusterCounters,
  ) {}

  /** The most leases at a time, in total. */
  get max(): number {
    return this.options.maxLeased;
  }

  /** The leases of one node now. */
  gaugesOf(node: string): Omit<LeaseStats, 'created'> {
    return {
      max: this.options.maxLeasedPerNode,
      held: this.taken.get(node) ?? 0,
      idle: this.idle.sizeOf(node),
      waiting: this.queue.size(node),
    };
  }

  /** Whether the pool is closed. */
  get closed(): boolean {
    return this.phase === 'closed';
  }

  /**
   * Leases a connection to a node.
   * @throws LeaseTimeoutError if none becomes free within `leaseTimeoutMs`; BackpressureError if too many calls
   *   wait; ClientClosedError; the error of the limit; what `openLeased` throws
   */
  async lease(node: ClusterNode, wish: LeaseWish): Promise<Lease> {
    this.refuseIfClosed(wish.blocking);
    const waited = measureLease('wait', this.options.clientName, node.name);
    if (this.mayTake(node.name)) this.take(node.name);
    else await this.turn(node.name, wish);
    const { generation } = this;
    try {
      const connection = (await this.reuse(node, wish.limit)) ?? (await this.connect(node, wish));
      waited?.();
      return this.leaseOf(connection, node.name, generation);
    } catch (error) {
      this.giveBack(node.name);
      throw error;
    }
  }

  /** Ends idle connections now and the others once they are released, so that new ones use the new credentials. */
  renew(): void {
    this.generation++;
    this.idle.clear();
  }

  /** Rejects blocking calls from now on, including those that wait for a lease. */
  drain(): void {
    this.phase = 'draining';
    this.refuse((waiter) => waiter.blocking);
  }

  /** Ends every connection and refuses further leases. */
  close(): void {
    this.phase = 'closed';
    this.refuse(() => true);
    this.idle.clear();
    for (const redis of this.all) endNow(redis);
  }

  private refuse(chosen: (waiter: LeaseWaiter) => boolean): void {
    for (const waiter of this.queue.waiters(chosen)) waiter.refuse(new ClientClosedError());
  }

  private refuseIfClosed(blocking: boolean): void {
    if (this.phase === 'closed' || (blocking && this.phase === 'draining')) throw new ClientClosedError();
  }

  private mayTake(node: string): boolean {
    const { maxLeased, maxLeasedPerNode } = this.options;
    return this.total < maxLeased && (this.taken.get(node) ?? 0) < maxLeasedPerNode;
  }

  private take(node: string): void {
    this.taken.set(node, (this.taken.get(node) ?? 0) + 1);
    this.total++;
  }

  private giveBack(node: string): void {
    const count = (this.taken.get(node) ?? 1) - 1;
    if (count === 0) this.taken.delete(node);
    else this.taken.set(node, count);
    this.total--;
    this.queue.next((name) => this.mayTake(name))?.admit();
  }

  /** Waits until a connection may be taken, and takes it. */
  private turn(node: string, { limit, blocking }: LeaseWish): Promise<void> {
    const { leaseTimeoutMs, maxPendingPerNode } = this.options;
    const waiting = this.queue.size(node);
    if (waiting >= maxPendingPerNode.commands) {
      this.counters.node(node).backpressure++;
      throw new BackpressureError(node, waiting, 0);
    }
    // a call whose limit is over ends in its own error
    const patience = Math.min(leaseTimeoutMs, limit.timerMs);
    return new Promise((resolve, reject) => {
      let ignore: (() => void) | undefined;
      const leave = (): void => {
        clearTimeout(timer);
        ignore?.();
        this.queue.remove(waiter);
      };
      const waiter: LeaseWaiter = {
        node,
        blocking,
        admit: () => {
          leave();
          this.take(node);
          resolve();
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      const timer = setTimeout(() => waiter.refuse(new LeaseTimeoutError(node, patience)), patience);
      this.queue.add(waiter);
      ignore = limit.signal && onAbort(limit.signal, () => waiter.refuse(limit.error()));
    });
  }

  /**
   * Returns an idle connection that replies. One that has been idle for long may have died unnoticed, so it is
   * pinged.
   */
  private async reuse(node: ClusterNode, limit: CallLimit): Promise<LeasedConnection | undefined> {
    const { replyTimeoutMs } = this.options;
    const found = this.idle.take(node.name);
    if (found === undefined || found.idleMs < replyTimeoutMs) return found?.connection;
    const { connection } = found;
    const alive = await limit.wait(isAlive(connection, replyTimeoutMs)).catch((error: unknown) => {
      endNow(connection.redis);
      throw error;
    });
    if (alive) return connection;
    endNow(connection.redis);
    this.idle.clear(node.name);
    return undefined;
  }

  private async connect(node: ClusterNode, { limit, blocking }: LeaseWish): Promise<LeasedConnection> {
    this.idle.shrink(this.options.maxLeased - this.total);
    const open = (): Promise<LeasedConnection> =>
      openLeased(node, this.options, limit, (redis) => {
        this.all.add(redis);
        const ended = countLeased(redis, this.counters.node(node.name));
        redis.once('end', () => {
          this.all.delete(redis);
          ended();
        });
      });
    const connection = await traceConnect('leased', this.options, node, open).catch((error: unknown) => {
      this.refuseIfClosed(blocking);
      throw error;
    });
    if (this.phase === 'closed') endNow(connection.redis);
    this.refuseIfClosed(false);
    return connection;
  }

  private leaseOf(connection: LeasedConnection, node: string, generation: number): Lease {
    let ended = false;
    const used = measureLease('use', this.options.clientName, node);
    const once = (dispose: () => void) => (): void => {
      if (ended) return;
      ended = true;
      used?.();
      dispose();
      this.giveBack(node);
    };
    return {
      ...connection,
      release: once(() => {
        if (this.phase !== 'open' || generation !== this.generation) endNow(connection.redis);
        else this.idle.add(node, connection);
      }),
      discard: once(() => endNow(connection.redis)),
    };
  }
}

/** Counts a leased connection. @returns a function to call when it has ended */
function countLeased(redis: Redis, counters: NodeCounters): () => void {
  // it has no socket before it connects
  const meter = {
    get bytesRead(): number {
      return redis.stream?.bytesRead ?? 0;
    },
    get bytesWritten(): number {
      return redis.stream?.bytesWritten ?? 0;
    },
  };
  counters.leasesCreated++;
  counters.connectionOpened(meter, 'leased');
  return () => counters.connectionEnded(meter);
}

/** Whether another attempt at a lease would not end better. Failed credentials may be valid again in a moment. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof LeaseTimeoutError ||
    error instanceof BackpressureError ||
    error instanceof ClientClosedError ||
    error instanceof InvalidArgumentError
  );
}
