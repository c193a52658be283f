import { ClusterError, ConnectionError } from '../common/errors.js';

/**
 * The shortest time between two reports of the same failure of a node, in ms: a node may be tried many times a
 * second.
 */
const REPEAT_MS = 10_000;

/** How many different failures of a node are reported in that time: the texts of some hold changing numbers. */
const TEXTS = 5;

/**
 * Reports connections that could not be opened, or were lost: each failure of a node at once, and again from
 * time to time while it lasts.
 */
export class NodeFailures {
  private readonly reported = new Map<string, { until: number; readonly texts: Set<string> }>();

  constructor(private readonly onFailure: (error: Error, node: string) => void) {}

  report(node: string, error: Error, now: number): void {
    for (const [name, { until }] of this.reported) if (until <= now) this.reported.delete(name);
    const reported = this.reported.get(node) ?? { until: now + REPEAT_MS, texts: new Set() };
    if (reported.texts.has(error.message) || reported.texts.size >= TEXTS) return;
    reported.texts.add(error.message);
    this.reported.set(node, reported);
    // an error of a credentialsProvider may contain secrets
    const isOurs = error instanceof ClusterError;
    this.onFailure(isOurs ? error : new ConnectionError(node, 'its credentials could not be read'), node);
  }
}
