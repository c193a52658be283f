import { AuthenticationError, TopologyError } from '../../cluster/common/errors.js';
import type { ResolvedClusterOptions } from '../../cluster/options/options.js';
import { nodeName, type NodeAddress } from '../../cluster/topology/topology.js';
import { readFacts, type NodeFacts } from './node-facts.js';
import { NodeLink } from './node-link.js';

/** An address that clients are told, and cannot use. */
export interface UnusableAddress {
  readonly id: string;
  readonly announced: NodeAddress;
  /** The nodes that announce it. */
  readonly announcedBy: readonly string[];
  readonly reason: string;
  /** Where the node was found instead. */
  readonly reachable: NodeAddress | undefined;
}

/** All that could be learned about a cluster from here. */
export interface ClusterFacts {
  /** The nodes that answered, each once. */
  readonly nodes: readonly NodeFacts[];
  readonly unusable: readonly UnusableAddress[];
  /** The given nodes that did not answer, with the reasons. */
  readonly silentSeeds: ReadonlyMap<string, string>;
  close(): void;
}

/** Nodes that the cluster itself cannot reach are no fault of their addresses. */
const KNOWN_DOWN = ['fail', 'pfail', 'noaddr', 'handshake'] as const;

/**
 * Asks the given nodes, and all nodes that they announce.
 * @throws the most telling error, if no given node is one of a cluster
 */
export async function collectFacts(options: ResolvedClusterOptions): Promise<ClusterFacts> {
  return new Collector(options).collect();
}

class Collector {
  private readonly byId = new Map<string, NodeFacts>();
  private readonly addressOf = new Map<string, NodeAddress>();
  private readonly links: NodeLink[] = [];
  private readonly attempts = new Map<string, Promise<NodeFacts>>();

  constructor(private readonly options: ResolvedClusterOptions) {}

  async collect(): Promise<ClusterFacts> {
    try {
      const { nodes: seeds } = this.options;
      const results = await Promise.all(seeds.map((seed) => this.reach(seed).catch((error: Error) => error)));
      const errors = results.filter((result) => result instanceof Error);
      if (errors.length === results.length) throw mostTelling(errors, this.options);
      const silentSeeds = new Map(
        results.flatMap((result, i) =>
          result instanceof Error ? [[nodeName(seeds[i]), result.message]] : [],
        ),
      );
      const unusable = await this.followAnnounced();
      return { nodes: this.nodesInOrder(), unusable, silentSeeds, close: () => this.close() };
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Connects to every announced address; what is found may announce more. */
  private async followAnnounced(): Promise<UnusableAddress[]> {
    const unusable: UnusableAddress[] = [];
    const followed = new Set<string>();
    for (;;) {
      const news = this.announcements().filter(({ id, announced }) => !followed.has(keyOf(id, announced)));
      if (news.length === 0) return unusable;
      for (const { id, announced } of news) followed.add(keyOf(id, announced));
      const found = await Promise.all(news.map((announcement) => this.follow(announcement)));
      unusable.push(...found.filter((one) => one !== undefined));
    }
  }

  private announcements(): Omit<UnusableAddress, 'reason' | 'reachable'>[] {
    const found = new Map<string, { id: string; announced: NodeAddress; announcedBy: string[] }>();
    for (const { name, announced, seen } of this.byId.values()) {
      const down = new Set(
        seen.filter(({ flags }) => KNOWN_DOWN.some((flag) => flags.has(flag))).map(({ id }) => id),
      );
      for (const [id, address] of announced) {
        if (down.has(id)) continue;
        const key = keyOf(id, address);
        const known = found.get(key) ?? { id, announced: address, announcedBy: [] };
        known.announcedBy.push(name);
        found.set(key, known);
      }
    }
    return [...found.values()];
  }

  private async follow(
    announcement: Omit<UnusableAddress, 'reason' | 'reachable'>,
  ): Promise<UnusableAddress | undefined> {
    const { id, announced } = announcement;
    const reason = await this.whyNot(id, announced);
    if (reason === undefined) return undefined;
    return { ...announcement, reason, reachable: await this.find(id, announced) };
  }

  /** Returns why an address does not lead to the node; undefined if it does. */
  private async whyNot(id: string, address: NodeAddress): Promise<string | undefined> {
    try {
      const facts = await this.reach(address);
      return facts.id === id ? undefined : `another node answers there, ${facts.id}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Looks for a node on the hosts that did answer, as behind a forwarded port. */
  private async find(id: string, { port }: NodeAddress): Promise<NodeAddress | undefined> {
    const known = this.addressOf.get(id);
    if (known !== undefined) return known;
    for (const host of new Set(this.options.nodes.map((seed) => seed.host))) {
      if ((await this.whyNot(id, { host, port })) === undefined) return { host, port };
    }
    return undefined;
  }

  /** Reads the facts of the node at an address, once. */
  private reach(address: NodeAddress): Promise<NodeFacts> {
    const name = nodeName(address);
    let attempt = this.attempts.get(name);
    if (attempt === undefined) this.attempts.set(name, (attempt = this.read(address)));
    return attempt;
  }

  private async read(address: NodeAddress): Promise<NodeFacts> {
    const link = await NodeLink.open(address, this.options);
    this.links.push(link);
    const facts = await readFacts(link, this.options.tls !== undefined);
    if (this.byId.has(facts.id)) return facts;
    this.byId.set(facts.id, facts);
    this.addressOf.set(facts.id, address);
    return facts;
  }

  private nodesInOrder(): NodeFacts[] {
    return [...this.byId.values()].toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  }

  private close(): void {
    for (const link of this.links) link.close();
  }
}

const keyOf = (id: string, address: NodeAddress): string => `${id} ${nodeName(address)}`;

function mostTelling(errors: readonly Error[], { tls }: ResolvedClusterOptions): Error {
  const final = errors.find(
    (error) => error instanceof AuthenticationError || error instanceof TopologyError,
  );
  if (final !== undefined) return final;
  const reasons = errors.map(({ message }) => message).join('; ');
  const hint =
    tls === undefined ? 'if they use TLS, add --tls or --cacert' : 'if they do not use TLS, leave --tls out';
  return new TopologyError(
    'NO_NODE_REACHABLE',
    `No node answers: ${reasons}. Check the addresses, and that the servers run; ${hint}`,
  );
}
