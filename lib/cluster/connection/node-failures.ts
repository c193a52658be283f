import { ClusterError, ConnectionError } from '../common/errors.js';

/** How often the trouble of one node is told at most, in ms: it may be tried many times a second. */
const REPEAT_MS = 10_000;

/** Different troubles of one node that are told of in that time: the texts of some hold numbers that change. */
const TEXTS = 5;

/**
 * Tells of connections that could not be made, or were lost: each trouble of a node at once, and while that goes on,
 * once in a while.
 */
export class NodeFailures {
  private readonly told = new Map<string, { until: number; readonly texts: Set<string> }>();

  constructor(private readonly tell: (error: Error, node: string) => void) {}

  report(node: string, error: Error, now: number): void {
    for (const [name, { until }] of this.told) if (until <= now) this.told.delete(name);
    const told = this.told.get(node) ?? { until: now + REPEAT_MS, texts: new Set() };
    if (told.texts.has(error.message) || told.texts.size >= TEXTS) return;
    told.texts.add(error.message);
    this.told.set(node, told);
    // what a credentialsProvider throws is the caller's, and may hold what it knows
    const ours = error instanceof ClusterError;
    this.tell(ours ? error : new ConnectionError(node, 'its credentials could not be had'), node);
  }
}
