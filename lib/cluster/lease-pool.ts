import type { Redis } from 'ioredis';
import { runConnectionHook } from './connection-hook.js';
import { ClientClosedError, ClusterError, ConnectionError, LeaseTimeoutError } from './errors.js';
import { throwAsOurs } from './leased-work.js';
import { verifyIdentity } from './node-identity.js';
import type { ResolvedClusterOptions } from './options.js';
import type { Ask, Reply } from './reply.js';
import { clearTimeout, monotonicMs, setTimeout } from './timers.js';
import type { ClusterNode } from './topology.js';

/** A connection that is one caller's alone until it is given back. */
export interface Lease {
  readonly redis: Redis;
  /** Gives the connection back for the next caller. */
  release(): void;
  /** Ends the connection, whose state nobody else should inherit. */
  discard(): void;
}

interface Waiter {
  readonly node: ClusterNode;
  admit(): void;
  refuse(error: Error): void;
}

/** Connections that are leased out one caller at a time (blocking commands, WATCH), bounded per node and in all. */
export class LeasePool {
  private readonly idle = new Map<string, Redis[]>();
  private readonly all = new Map<Redis, string>();
  /** Leases under way by node, those included whose connection is still being made. */
  private readonly taken = new Map<string, number>();
  private waiters: Waiter[] = [];
  private closed = false;
  /** Connections of an earlier one were made with credentials of before. */
  private generation = 0;

  constructor(
    private readonly options: ResolvedClusterOptions,
    private readonly createClient: (node: ClusterNode) => Promise<Redis>,
  ) {}

  /**
   * Leases a connection to a node.
   * @param until when there is no more point in one that is still being made; milliseconds of `performance.now()`
   * @throws LeaseTimeoutError where none becomes free within `leaseTimeoutMs`; ConnectionError; ClientClosedError
   */
  async lease(node: ClusterNode, until: number): Promise<Lease> {
    if (this.closed) throw new ClientClosedError();
    if (this.mayTake(node)) this.take(node);
    else await this.turn(node);
    try {
      const redis = this.reuse(node) ?? (await this.connect(node, until));
      return this.leaseOf(redis, node);
    } catch (error) {
      this.giveBack(node);
      throw error;
    }
  }

  /** Ends what is idle, and the others once they are given back: new ones have new credentials. */
  renew(): void {
    this.generation++;
    for (const redis of [...this.idle.values()].flat()) end(redis);
    this.idle.clear();
  }

  /** Ends every connection and refuses further leases. */
  close(): void {
    this.closed = true;
    const error = new ClientClosedError();
    for (const waiter of this.waiters.splice(0)) waiter.refuse(error);
    for (const redis of this.all.keys()) end(redis);
    this.idle.clear();
  }

  private mayTake(node: ClusterNode): boolean {
    const { maxLeased, maxLeasedPerNode } = this.options;
    let total = 0;
    for (const count of this.taken.values()) total += count;
    return total < maxLeased && (this.taken.get(node.name) ?? 0) < maxLeasedPerNode;
  }

  private take(node: ClusterNode): void {
    this.taken.set(node.name, (this.taken.get(node.name) ?? 0) + 1);
  }

  private giveBack(node: ClusterNode): void {
    this.taken.set(node.name, (this.taken.get(node.name) ?? 1) - 1);
    const next = this.waiters.find((waiter) => this.mayTake(waiter.node));
    next?.admit();
  }

  private turn(node: ClusterNode): Promise<void> {
    const { leaseTimeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        node,
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
      const timer = setTimeout(
        () => waiter.refuse(new LeaseTimeoutError(node.name, leaseTimeoutMs)),
        leaseTimeoutMs,
      );
      const leave = (): void => {
        clearTimeout(timer);
        this.waiters = this.waiters.filter((other) => other !== waiter);
      };
      this.waiters.push(waiter);
    });
  }

  private reuse(node: ClusterNode): Redis | undefined {
    let redis = this.idle.get(node.name)?.pop();
    while (redis !== undefined && redis.status !== 'ready') redis = this.idle.get(node.name)?.pop();
    return redis;
  }

  private async connect(node: ClusterNode, until: number): Promise<Redis> {
    const redis = await this.createClient(node);
    let reason = 'cannot be reached';
    redis.on('error', (error: Error) => (reason = error.message));
    redis.once('end', () => this.all.delete(redis));
    this.all.set(redis, node.name);
    // closed while the credentials were being fetched
    if (this.closed) end(redis);
    const ended = new Promise<never>((_, reject) => {
      redis.once('end', () => reject(new ConnectionError(node.name, reason)));
    });
    const patience = Math.min(this.options.connectTimeoutMs, until - monotonicMs());
    const guard = setTimeout(
      () => {
        reason = 'no answer in time';
        end(redis);
      },
      Math.max(1, patience),
    );
    try {
      await Promise.race([this.greet(redis, node), ended]);
    } catch (error) {
      end(redis);
      if (this.closed) throw new ClientClosedError();
      throw error instanceof ClusterError ? error : new ConnectionError(node.name, reason);
    } finally {
      clearTimeout(guard);
    }
    return redis;
  }

  private async greet(redis: Redis, node: ClusterNode): Promise<void> {
    const { identify, onConnect } = this.options;
    const connected = redis.connect();
    const ask: Ask = (name, ...args) => redis.call(name, args).catch(throwAsOurs) as Promise<Reply>;
    // waits in the client, and leaves with its greeting
    const identity = identify(ask);
    await connected;
    await verifyIdentity(ask, await identity, node, this.options.addressRemap);
    if (onConnect !== undefined) await runConnectionHook(onConnect, node, 'leased', ask);
  }

  private leaseOf(redis: Redis, node: ClusterNode): Lease {
    let ended = false;
    const { generation } = this;
    const once = (dispose: () => void) => (): void => {
      if (ended) return;
      ended = true;
      dispose();
      this.giveBack(node);
    };
    return {
      redis,
      release: once(() => {
        const idle = this.idle.get(node.name);
        if (this.closed || generation !== this.generation) end(redis);
        else if (idle === undefined) this.idle.set(node.name, [redis]);
        else idle.push(redis);
      }),
      discard: once(() => end(redis)),
    };
  }
}

/** At once: ioredis' own way waits 2 s for the other side, even for a socket that is closed already. */
function end(redis: Redis): void {
  if (redis.stream === undefined) redis.disconnect();
  else redis.stream.destroy();
}
