import { monotonicMs } from '../common/timers.js';
import type { ReadFromZone } from '../options/read-from.js';
import type { ClusterNode } from '../topology/topology.js';

/** How long a node's report of its zone is used, in ms. `CONFIG SET` may change it. */
const REPORT_MS = 60_000;

/** Knows the zones of nodes: those that an option names, and those that the servers report. */
export class NodeZones {
  private readonly reports = new Map<string, { readonly zone: string | undefined; readonly at: number }>();
  /** Whether a read has been made that depends on zones that servers report. */
  private wanted = false;

  /** Whether a node is in the zone of a reader. */
  isIn(node: ClusterNode, { zone, zones }: ReadFromZone): boolean {
    if (zones !== undefined) return (zones[node.name] ?? zones[node.host]) === zone;
    this.wanted = true;
    return this.reports.get(node.name)?.zone === zone;
  }

  /** Whether the node should be asked for its zone. */
  isDue(node: ClusterNode): boolean {
    const report = this.reports.get(node.name);
    return this.wanted && (report === undefined || monotonicMs() - report.at >= REPORT_MS);
  }

  /**
   * Records what a node reports in INFO server. Valkey has `availability_zone` since 8.0.
   * @see {@link https://valkey.io/commands/info/ | INFO}
   */
  note(node: ClusterNode, info: string): void {
    const zone = /^availability_zone:(.+?)\r?$/m.exec(info)?.[1];
    this.reports.set(node.name, { zone, at: monotonicMs() });
  }

  /** Forgets nodes that are gone for good. */
  forget(isGone: (name: string) => boolean): void {
    for (const name of this.reports.keys()) if (isGone(name)) this.reports.delete(name);
  }
}
