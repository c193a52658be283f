import { ClusterClient } from '../client/cluster-client.js';
import type { EntityClass } from '../entity/decorators/shape.js';
import { EntityRegistry } from '../entity/repository/entity-registry.js';
import { MemoryCluster, type MemoryClusterOptions } from './memory/memory-cluster.js';

/** Repositories on a cluster in memory of their own. */
export class MemoryRepositories extends EntityRegistry {
  /** The cluster in which the repositories store their rows. Its clock decides what has expired. */
  readonly memory: MemoryCluster;
  /** The client of the repositories, for tests that look at what is stored. */
  readonly client: ClusterClient;

  /** @throws InvalidArgumentError for an unknown option, or one of the wrong type */
  constructor(options: MemoryClusterOptions = {}) {
    const memory = new MemoryCluster(options);
    const client = new ClusterClient({ nodes: memory.nodes });
    super(client);
    this.memory = memory;
    this.client = client;
  }

  /** Deletes everything, for the next test. */
  clear(): void {
    this.memory.clear();
  }

  /** Closes the client, and frees the memory. */
  async close(): Promise<void> {
    await this.client.close();
    this.memory.close();
  }

  /** Calls `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Creates repositories in memory, for unit tests without a server. They run the same scripts as on a cluster, and so
 * accept, reject and return the same.
 *
 * ```ts
 * const registry = createMemoryRepositories([Order, OrderItem]);
 * const orders = registry.repository(Order);
 * ```
 *
 * @throws SchemaError with all faults of the classes; InvalidArgumentError for an unknown option.
 */
export function createMemoryRepositories(
  entities: readonly (EntityClass | undefined)[],
  options: MemoryClusterOptions = {},
): MemoryRepositories {
  return new MemoryRepositories(options).register(entities);
}
