import { ConnectionError } from '../common/errors.js';
import { within } from '../common/within.js';
import type { FlushScheduler } from '../connection/flush-scheduler.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { Router } from './router.js';
import { clearInterval, monotonicMs, setImmediate, setInterval } from '../common/timers.js';

/** How often deadlines and silence are looked at while commands are under way, in ms. */
const TICK_MS = 50;
/**
 * How long a silent primary that was replaced is given, in ms. One that was replaced as planned held its calls back,
 * and answers them now, with a redirect.
 */
const FAREWELL_MS = 200;
/** How long the other nodes may take to say what a node owns that answers again, in ms. */
const CONFIRMATION_MS = 1_000;

/** Reads of the topology. */
interface TopologyReads {
  requestRefresh(reason: string): void;
  refreshAnew(): Promise<void>;
}

/**
 * Watches over what is under way: answers commands whose deadline has passed, and nodes that owe replies and are
 * silent. Such a node is suspected, not condemned: it may be executing a long script. It is given up once the other
 * nodes name another primary in its place, or once it cannot be reached. If it answers again, the other nodes are asked
 * first: one that stood still does not know yet that a replica has taken over, and would accept what is then lost.
 */
export class Liveness {
  private ticking: NodeJS.Timeout | undefined = undefined;
  /** When silent nodes were first seen without their slots. */
  private readonly replacedAt = new WeakMap<NodeChannel, number>();
  private readonly confirming = new WeakSet<NodeChannel>();

  constructor(
    private readonly router: Router,
    private readonly scheduler: FlushScheduler,
    private readonly tracker: () => TopologyReads,
  ) {}

  /** To be called with every command; ticks until nothing is under way. */
  watch(): void {
    // where it was this process that stood still, the answers lie in the sockets, and are read before this is called
    this.ticking ??= setInterval(() => setImmediate(() => this.tick()), TICK_MS);
  }

  stop(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
  }

  /** True while a primary that commands wait for does not answer. */
  get primaryMissing(): boolean {
    for (const channel of this.router.pool.all) {
      if (!this.router.isPrimary(channel.name)) continue;
      if (channel.suspected || (channel.lastFailure !== undefined && channel.budget.commands > 0))
        return true;
    }
    return false;
  }

  private tick(): void {
    if (this.ticking === undefined) return;
    // the deadlines of calls of a long turn count from its end, which is now
    this.scheduler.flush();
    const now = monotonicMs();
    for (const channel of this.router.pool.all) {
      channel.expire(now);
      if (channel.suspected) this.suspect(channel, now);
      else {
        this.replacedAt.delete(channel);
        if (channel.unconfirmed) void this.confirm(channel);
        // it may have been suspected a moment ago, and have held back what waits
        else channel.flush();
      }
    }
    this.router.retryQueue.expire(now);
    if (this.router.outstanding === 0) this.stop();
  }

  private suspect(channel: NodeChannel, now: number): void {
    if (this.router.isPrimary(channel.name)) {
      this.replacedAt.delete(channel);
      channel.unconfirmed = true;
      this.tracker().requestRefresh('silent node');
      void channel.probe();
      return;
    }
    const since = this.replacedAt.get(channel) ?? now;
    this.replacedAt.set(channel, since);
    if (now - since < FAREWELL_MS) return;
    channel.drop(new ConnectionError(channel.name, 'silent, and not the primary of its slots any more'));
  }

  /** Sends what waits for a node that answers again, once the other nodes have said where it belongs. */
  private async confirm(channel: NodeChannel): Promise<void> {
    if (this.confirming.has(channel)) return;
    this.confirming.add(channel);
    await within(CONFIRMATION_MS, this.tracker().refreshAnew(), () => {}).catch(() => {});
    // they may be about to replace it
    this.tracker().requestRefresh('silent node');
    this.confirming.delete(channel);
    channel.unconfirmed = false;
    channel.flush();
  }
}
