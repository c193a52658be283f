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
import type { ResolvedClusterOptions } from '../options/options.js';
import type { ClusterCounters } from '../stats/cluster-counters.js';
import type { NodeCounters } from '../stats/node-counters.js';
import type { LeaseStats } from '../stats/cluster-stats.js';
import type { ClusterNode } from '../topology/topology.js';
import { clearTimeout, setTimeout } from '../common/timers.js';

/** A connection that is one caller's alone until it is given back. */
export interface Lease extends LeasedConnection {
  /** Gives the connection back for the next caller. */
  release(): void;
  /** Ends the connection, whose state nobody else should inherit. */
  discard(): void;
}

/** For what a lease is wanted. */
export interface LeaseWish {
  readonly limit: CallLimit;
  /** For a call that blocks, which ends when the client closes; any other is finished first. */
  readonly blocking: boolean;
}

/** Connections that are leased out one caller at a time (blocking commands, WATCH), bounded per node and in all. */
export class LeasePool {
  private readonly idle = new IdleConnections();
  private readonly queue = new LeaseQueue();
  /** All that are open, or being made. */
  private readonly all = new Set<Redis>();
  /** Leases under way by node, those included whose connection is still being made. */
  private readonly taken = new Map<string, number>();
  private total = 0;
  private phase: 'open' | 'draining' | 'closed' = 'open';
  /** Connections of an earlier one were made with credentials of before. */
  private generation = 0;

  constructor(
    private readonly options: ResolvedClusterOptions,
    private readonly counters: ClusterCounters,
  ) {}

  /** The leases of one node now. */
  gaugesOf(node: string): Omit<LeaseStats, 'created'> {
    return {
      held: this.taken.get(node) ?? 0,
      idle: this.idle.sizeOf(node),
      waiting: this.queue.size(node),
    };
  }

  /** Every connection has ended. */
  get closed(): boolean {
    return this.phase === 'closed';
  }

  /**
   * Leases a connection to a node.
   * @throws LeaseTimeoutError where none becomes free within `leaseTimeoutMs`; BackpressureError where too many wait;
   *   ClientClosedError; what the limit ends it with; what `openLeased` throws
   */
  async lease(node: ClusterNode, wish: LeaseWish): Promise<Lease> {
    this.refuseIfClosed(wish.blocking);
    if (this.mayTake(node.name)) this.take(node.name);
    else await this.turn(node.name, wish);
    const { generation } = this;
    try {
      const connection = (await this.reuse(node, wish.limit)) ?? (await this.connect(node, wish));
      return this.leaseOf(connection, node.name, generation);
    } catch (error) {
      this.giveBack(node.name);
      throw error;
    }
  }

  /** Ends what is idle, and the others once they are given back: new ones have new credentials. */
  renew(): void {
    this.generation++;
    this.idle.clear();
  }

  /** From now on calls that block get no lease; those that wait for one are refused. */
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
    const patience = Math.max(1, Math.ceil(Math.min(leaseTimeoutMs, limit.left)));
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

  /** One that is idle and answers. Those that have been idle for long may have died unseen, so they are asked. */
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
    const connection = await openLeased(node, this.options, limit, (redis) => {
      this.all.add(redis);
      const ended = countLeased(redis, this.counters.node(node.name));
      redis.once('end', () => {
        this.all.delete(redis);
        ended();
      });
    }).catch((error: unknown) => {
      this.refuseIfClosed(blocking);
      throw error;
    });
    if (this.phase === 'closed') endNow(connection.redis);
    this.refuseIfClosed(false);
    return connection;
  }

  private leaseOf(connection: LeasedConnection, node: string, generation: number): Lease {
    let ended = false;
    const once = (dispose: () => void) => (): void => {
      if (ended) return;
      ended = true;
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

/** Counts a leased connection. @returns to be called when it has ended */
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

/** Whether no other attempt at a lease would end better. Failed credentials may be right again in a moment. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof LeaseTimeoutError ||
    error instanceof BackpressureError ||
    error instanceof ClientClosedError ||
    error instanceof InvalidArgumentError
  );
}
