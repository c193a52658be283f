import { endNow, type LeasedConnection } from './leased-connection.js';
import { monotonicMs, setTimeout } from '../common/timers.js';

/** How long an unused connection is kept, in ms. */
const KEPT_MS = 60_000;

interface Idle {
  readonly node: string;
  readonly connection: LeasedConnection;
  readonly since: number;
  readonly leave: () => void;
}

/** Released connections that wait for the next caller, the longest idle first. */
export class IdleConnections {
  private readonly list = new Set<Idle>();
  private timer: NodeJS.Timeout | undefined = undefined;

  get size(): number {
    return this.list.size;
  }

  /** How many wait for a caller of one node. */
  sizeOf(node: string): number {
    let size = 0;
    for (const idle of this.list) if (idle.node === node) size++;
    return size;
  }

  add(node: string, connection: LeasedConnection): void {
    const { redis } = connection;
    if (redis.status !== 'ready') return endNow(redis);
    const leave = (): void => {
      this.list.delete(idle);
      redis.off('end', leave);
    };
    const idle: Idle = { node, connection, since: monotonicMs(), leave };
    redis.once('end', leave);
    this.list.add(idle);
    this.timer ??= setTimeout(() => this.sweep(), KEPT_MS).unref();
  }

  /** Removes and returns the connection to a node that was used last, with how long it was idle, in ms. */
  take(node: string): { connection: LeasedConnection; idleMs: number } | undefined {
    const idle = [...this.list].findLast((one) => one.node === node);
    if (idle === undefined) return undefined;
    idle.leave();
    return { connection: idle.connection, idleMs: monotonicMs() - idle.since };
  }

  /** Ends the longest idle connections, until this many are left. */
  shrink(size: number): void {
    for (const idle of this.list) {
      if (this.list.size <= size) return;
      this.end(idle);
    }
  }

  /** Ends all connections, or those to one node. */
  clear(node?: string): void {
    for (const idle of this.list) if (node === undefined || idle.node === node) this.end(idle);
  }

  private sweep(): void {
    const before = monotonicMs() - KEPT_MS;
    for (const idle of this.list) if (idle.since <= before) this.end(idle);
    const [oldest] = this.list;
    const rest = oldest === undefined ? undefined : Math.max(1, oldest.since - before);
    this.timer = rest === undefined ? undefined : setTimeout(() => this.sweep(), rest).unref();
  }

  private end(idle: Idle): void {
    idle.leave();
    endNow(idle.connection.redis);
  }
}
