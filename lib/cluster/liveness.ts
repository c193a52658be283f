import { ConnectionError } from './errors.js';
import type { NodeChannel } from './node-channel.js';
import type { Router } from './router.js';

/** How often deadlines and silence are looked at while commands are under way, in ms. */
const TICK_MS = 50;

/**
 * Watches over what is under way: answers commands whose deadline has passed, and nodes that owe replies and are
 * silent. Such a node is suspected, not condemned: it may be executing a long script. It is given up once the other
 * nodes name another primary in its place, or once it cannot be reached.
 */
export class Liveness {
  private ticking: NodeJS.Timeout | undefined = undefined;

  constructor(
    private readonly router: Router,
    private readonly refresh: () => void,
  ) {}

  /** To be called with every command; ticks until nothing is under way. */
  watch(): void {
    this.ticking ??= setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
  }

  /** True while a primary that commands wait for does not answer. */
  get primaryMissing(): boolean {
    for (const channel of this.router.allChannels) {
      if (!this.router.isPrimary(channel.name)) continue;
      if (channel.suspected || (channel.lastFailure !== undefined && channel.allowance.commands > 0))
        return true;
    }
    return false;
  }

  private tick(): void {
    const now = performance.now();
    for (const channel of this.router.allChannels) {
      channel.expire(now);
      if (channel.suspected) this.suspect(channel);
      // it may have been suspected a moment ago, and have held back what waits
      else channel.flush();
    }
    this.router.waitingRoom.expire(now);
    if (this.router.outstanding === 0) this.stop();
  }

  private suspect(channel: NodeChannel): void {
    if (!this.router.isPrimary(channel.name)) {
      channel.drop(new ConnectionError(channel.name, 'silent, and not the primary of its slots any more'));
      return;
    }
    this.refresh();
    void channel.probe();
  }
}
