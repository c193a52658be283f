import type { Redis } from 'ioredis';
import type { Subscription } from 'rxjs';
import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { createLazyNodeClient } from '../../cluster/node-client/lazy-node-client.js';
import { nodeClientOptions } from '../../cluster/node-client/node-client.js';
import { nodeName, type ClusterNode, type ClusterTopology } from '../../cluster/topology/topology.js';
import { ROLES, type NodeRole } from '../target/cluster-target.js';

/** The roles of this package and of ioredis. */
export type NodeClientRole = NodeRole | 'master' | 'slave';

const ROLE_OF: Readonly<Record<NodeClientRole, NodeRole>> = {
  all: 'all',
  primaries: 'primaries',
  replicas: 'replicas',
  master: 'primaries',
  slave: 'replicas',
};

/**
 * ioredis clients of single nodes, for callers who know `nodes()` of its cluster. There is one client per node.
 * It is created when first needed, ends when its node leaves the cluster or this client closes, and is replaced
 * after its connection has ended.
 */
export class NodeClients {
  private readonly clients = new Map<string, Redis>();
  /** Clients of the option `nodes`, which the cluster may know by other names, or not at all. */
  private readonly provisional = new Set<Redis>();
  private following: Subscription | undefined = undefined;

  constructor(private readonly engine: ClusterEngine) {}

  /** Returns the clients of a role. @throws InvalidArgumentError for an unknown role */
  of(role: NodeClientRole): Redis[] {
    if (!Object.hasOwn(ROLE_OF, role)) {
      const known = Object.keys(ROLE_OF).join(', ');
      throw new InvalidArgumentError('role', `A role must be one of ${known}, got ${describeOther(role)}`);
    }
    if (this.engine.state === 'closing' || this.engine.state === 'end') return [];
    // connect as a command would; callers that wait for the connection get the error
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

  /** The nodes that are known before the topology is. As in ioredis, the option `nodes` counts as primaries. */
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
      { ...nodeClientOptions(node, options), db: options.database, readOnly },
      options.credentials,
    );
    // its commands reject with the error, which ioredis would also write to the console
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

  /** Switches the READONLY mode of a client. A replica redirects reads until it is in that mode. */
  private followRole(client: Redis, readOnly: boolean): void {
    if (client.options.readOnly === readOnly) return;
    client.options.readOnly = readOnly;
    if (client.status === 'ready') client[readOnly ? 'readonly' : 'readwrite']().catch(() => {});
  }

  private end(): void {
    for (const client of this.clients.values()) client.disconnect();
  }
}

/** Ends a client once it has the replies to its calls. */
function leave(client: Redis): void {
  client.quit().catch(() => client.disconnect());
}
