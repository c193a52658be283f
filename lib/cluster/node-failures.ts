import { ClusterError, ConnectionError } from './errors.js';

/** How often the trouble of one node is told at most, in ms: it may be tried many times a second. */
const REPEAT_MS = 10_000;

/**
 * Tells of connections that could not be made, or were lost: the first of a node at once, and while that goes on, once in
 * a while.
 */
export class NodeFailures {
  private readonly quietUntil = new Map<string, number>();

  constructor(private readonly tell: (error: Error, node: string) => void) {}

  report(node: string, error: Error, now: number): void {
    for (const [name, until] of this.quietUntil) if (until <= now) this.quietUntil.delete(name);
    if (this.quietUntil.has(node)) return;
    this.quietUntil.set(node, now + REPEAT_MS);
    // what a credentialsProvider throws is the caller's, and may hold what it knows
    const ours = error instanceof ClusterError;
    this.tell(ours ? error : new ConnectionError(node, 'its credentials could not be had'), node);
  }
}
