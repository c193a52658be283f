import type { Redis } from 'ioredis';
import type { ClusterClient } from '../../client/cluster-client.js';
import { nodeName, type NodeAddress } from '../../cluster/topology/topology.js';
import { NodeProbe, type NodeAnswer } from './node-probe.js';

/** An answer, and how old it is. */
export interface DatedAnswer extends NodeAnswer {
  readonly topologyVersion: number;
}

/** The connections of the dashboard to all nodes of a cluster. They are opened when they are first used. */
export class NodeProbes {
  /** The latest answer of each node, by name, and the version of the topology when it was asked. */
  readonly answers = new Map<string, DatedAnswer>();
  private readonly probes = new Map<string, NodeProbe>();
  private readonly reading = new Set<string>();
  private closed = false;

  constructor(private readonly client: ClusterClient) {}

  /** Begins to ask every node that has answered the last time. Connects the client, if it is not. */
  read(): void {
    if (this.closed) return;
    const templates = new Map(
      this.client.nodes('all').map((redis) => [nodeName(redis.options as NodeAddress), redis]),
    );
    this.forget((name) => templates.has(name));
    for (const [name, template] of templates) if (!this.reading.has(name)) void this.readNode(name, template);
  }

  /** Returns, for each of these nodes, its busiest slots; undefined if one of them does not count them. */
  async busiestSlots(names: readonly string[], limit: number): Promise<Map<number, number>[] | undefined> {
    const found = await Promise.all(names.map((name) => this.probes.get(name)?.busiestSlots(limit)));
    return found.includes(undefined) ? undefined : (found as Map<number, number>[]);
  }

  close(): void {
    this.closed = true;
    this.forget(() => false);
  }

  private async readNode(name: string, template: Redis): Promise<void> {
    this.reading.add(name);
    const topologyVersion = this.client.topology.version;
    const answer = await this.probe(name, template).read();
    this.reading.delete(name);
    if (this.probes.has(name)) this.answers.set(name, { ...answer, topologyVersion });
  }

  private probe(name: string, template: Redis): NodeProbe {
    let probe = this.probes.get(name);
    if (probe === undefined || probe.ended) this.probes.set(name, (probe = new NodeProbe(template)));
    return probe;
  }

  private forget(isKept: (name: string) => boolean): void {
    for (const [name, probe] of this.probes) {
      if (isKept(name)) continue;
      probe.close();
      this.probes.delete(name);
      this.answers.delete(name);
    }
  }
}
