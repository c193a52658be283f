import { backoffMs } from '../../cluster/common/backoff.js';
import { monotonicMs } from '../../cluster/common/timers.js';

/** Which links have failed lately, by their names (a kind and a node), and are to be left alone for a moment. */
export class LinkHealth {
  private readonly failing = new Map<string, { failures: number; backoffUntil: number }>();

  /** The node could not be reached, or does not answer. */
  failed(name: string): void {
    const failures = this.failuresOf(name) + 1;
    this.failing.set(name, { failures, backoffUntil: monotonicMs() + backoffMs(failures) });
  }

  /** The connection ended. That may have had reasons of its own, unless it happens again and again. */
  disconnected(name: string): void {
    if (this.failuresOf(name) > 0) this.failed(name);
    else this.failing.set(name, { failures: 1, backoffUntil: 0 });
  }

  /** It has served for a while. */
  succeeded(name: string): void {
    this.failing.delete(name);
  }

  /** Forgets links to nodes that are no more, as addresses may change without end. */
  retain(isKnown: (node: string) => boolean): void {
    for (const name of this.failing.keys()) {
      const [, node] = name.split(' ');
      if (!isKnown(node)) this.failing.delete(name);
    }
  }

  /** False while it rests after a failure. */
  isAvailable(name: string): boolean {
    return monotonicMs() >= (this.failing.get(name)?.backoffUntil ?? 0);
  }

  private failuresOf(name: string): number {
    return this.failing.get(name)?.failures ?? 0;
  }
}
