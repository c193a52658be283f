import type { Redis } from 'ioredis';
import type { Subscription } from 'rxjs';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { createLazyNodeClient } from '../../cluster/node-client/lazy-node-client.js';
import { nodeClientOptions } from '../../cluster/node-client/node-client.js';
import { nodeName, type ClusterNode, type ClusterTopology } from '../../cluster/topology/topology.js';
import { ROLES, type NodeRole } from '../target/cluster-target.js';

/** Roles in ioredis' words, and in ours. */
export type NodeClientRole = NodeRole | 'master' | 'slave';

const ROLE_OF: Readonly<Record<NodeClientRole, NodeRole>> = {
  all: 'all',
  primaries: 'primaries',
  replicas: 'replicas',
  master: 'primaries',
  slave: 'replicas',
};

/**
 * ioredis' clients of single nodes, for callers who know `nodes()` of its cluster. One a node, made when asked for,
 * ended when the node leaves the cluster or the client is closed, and made anew once its connection was lost.
 */
export class NodeClients {
  private readonly clients = new Map<string, Redis>();
  /** Those of nodes to start from, which the cluster may know by other names, or not at all. */
  private readonly provisional = new Set<Redis>();
  private following: Subscription | undefined = undefined;

  constructor(private readonly engine: ClusterEngine) {}

  /** @throws InvalidArgumentError for what is no role */
  of(role: NodeClientRole): Redis[] {
    if (!Object.hasOwn(ROLE_OF, role)) {
      throw new InvalidArgumentError('role', `A role is one of ${Object.keys(ROLE_OF).join(', ')}`);
    }
    if (this.engine.state === 'closing' || this.engine.state === 'end') return [];
    // as a command would; failing is told to whoever waits for it
    this.engine.connect().catch(() => {});
    this.following ??= this.engine.topology$.subscribe({
      next: (topology) => this.follow(topology),
      complete: () => this.end(),
    });
    const { topology } = this.engine;
    if (topology.nodes.length > 0) return ROLES[ROLE_OF[role]](topology).map((node) => this.clientOf(node));
    const clients = this.seeds(ROLE_OF[role]).map((node) => this.clientOf(node));
    for (const client of clients) this.provisional.add(client);
    return clients;
  }

  /** What is known before the cluster is: as ioredis does, the nodes to start from count as primaries. */
  private seeds(role: NodeRole): readonly ClusterNode[] {
    if (role === 'replicas') return [];
    return this.engine.options.nodes.map((address) => ({
      ...address,
      id: '',
      name: nodeName(address),
      role: 'primary',
      slots: [],
    }));
  }

  private clientOf(node: ClusterNode): Redis {
    const known = this.clients.get(node.name);
    if (known !== undefined) return known;
    const { options } = this.engine;
    const readOnly = node.role === 'replica';
    const client = createLazyNodeClient(
      { ...nodeClientOptions(node, options), readOnly },
      options.credentials,
    );
    // its commands tell what is wrong, and ioredis would write it to the console
    client.on('error', () => {});
    client.once('end', () => {
      if (this.clients.get(node.name) === client) this.clients.delete(node.name);
    });
    this.clients.set(node.name, client);
    return client;
  }

  private follow(topology: ClusterTopology): void {
    for (const [name, client] of this.clients) {
      const node = topology.node(name);
      if (node !== undefined) this.followRole(client, node.role === 'replica');
      else if (this.provisional.has(client)) leave(client);
      else client.disconnect();
    }
    if (topology.nodes.length > 0) this.provisional.clear();
  }

  /** A replica redirects reads until it is told that they are wanted. */
  private followRole(client: Redis, readOnly: boolean): void {
    if (client.options.readOnly === readOnly) return;
    client.options.readOnly = readOnly;
    if (client.status === 'ready') client[readOnly ? 'readonly' : 'readwrite']().catch(() => {});
  }

  private end(): void {
    for (const client of this.clients.values()) client.disconnect();
  }
}

/** Ends a client once it has the replies to what was just called. */
function leave(client: Redis): void {
  client.quit().catch(() => client.disconnect());
}
