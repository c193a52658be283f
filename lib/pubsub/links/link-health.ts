import { backoffMs } from '../../cluster/retry/backoff.js';
import { monotonicMs } from '../../cluster/common/timers.js';

/** Tracks which links, by name (kind and node), have failed recently and are in backoff. */
export class LinkHealth {
  private readonly failing = new Map<string, { failures: number; backoffUntil: number }>();

  /** The node could not be reached, or does not answer. */
  failed(name: string): void {
    const failures = this.failuresOf(name) + 1;
    this.failing.set(name, { failures, backoffUntil: monotonicMs() + backoffMs(failures) });
  }

  /** The connection ended. Only a repeated end counts as a failure of the node. */
  disconnected(name: string): void {
    if (this.failuresOf(name) > 0) this.failed(name);
    else this.failing.set(name, { failures: 1, backoffUntil: 0 });
  }

  /** The connection has worked for a while. */
  succeeded(name: string): void {
    this.failing.delete(name);
  }

  /** Forgets links to nodes that have left, so that changing addresses do not accumulate. */
  retain(isKnown: (node: string) => boolean): void {
    for (const name of this.failing.keys()) {
      const [, node] = name.split(' ');
      if (!isKnown(node)) this.failing.delete(name);
    }
  }

  /** Whether no link has failed recently. */
  get isFlawless(): boolean {
    return this.failing.size === 0;
  }

  /** Returns false while the link is in backoff. */
  isAvailable(name: string): boolean {
    return monotonicMs() >= (this.failing.get(name)?.backoffUntil ?? 0);
  }

  private failuresOf(name: string): number {
    return this.failing.get(name)?.failures ?? 0;
  }
}
