import { backoffMs } from '../cluster/backoff.js';

/** Which nodes have failed lately, and are to be left alone for a moment. */
export class NodeHealth {
  private readonly failing = new Map<string, { failures: number; restsUntil: number }>();

  /** The node could not be reached, or was lost. */
  failed(name: string): void {
    const failures = (this.failing.get(name)?.failures ?? 0) + 1;
    this.failing.set(name, { failures, restsUntil: performance.now() + backoffMs(failures) });
  }

  succeeded(name: string): void {
    this.failing.delete(name);
  }

  /** False while the node rests after a failure. */
  isFit(name: string): boolean {
    const node = this.failing.get(name);
    return node === undefined || performance.now() >= node.restsUntil;
  }
}
