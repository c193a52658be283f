import { CollectionHandles } from './collection-handles.js';
import { ChangeFeed } from './change-feed.js';
import { ClusterRepository } from './cluster-repository.js';
import { Committer } from './committer.js';
import type { EntityClient } from './entity-client.js';
import type { EntityContext } from './entity-context.js';
import { KeyWalker } from './key-walker.js';
import { LoadedEntities } from './loaded-entities.js';
import { SchemaRegistry } from './schema-registry.js';
import type { EntityClass } from './shape.js';
import { TransactionRunner } from './transaction-runner.js';
import { WritePlanner } from './write-planner.js';

/**
 * The entities of one client. Repositories of one registry know each other's entities, share a line for contended
 * partitions, and have entities of different names; so a client should have one.
 */
export class EntityRegistry {
  private readonly context: EntityContext;
  private readonly transactions: TransactionRunner;
  private readonly repositories = new Map<EntityClass, unknown>();

  constructor(client: EntityClient) {
    const collections = new CollectionHandles(client);
    const entities = new LoadedEntities(collections);
    const keys = new KeyWalker(client);
    this.context = {
      client,
      collections,
      entities,
      schemas: new SchemaRegistry(),
      planner: new WritePlanner(entities),
      committer: new Committer(client),
      keys,
      feed: new ChangeFeed(client, keys),
    };
    this.transactions = new TransactionRunner(this.context);
  }

  /**
   * Adds entity classes; those that are known already may be among them.
   *
   * @throws SchemaError with all that is wrong in any of them; none is added then.
   */
  register(entities: readonly (EntityClass | undefined)[]): this {
    this.context.schemas.register(entities);
    return this;
  }

  /**
   * The repository of an entity class; the same one on every call.
   *
   * @throws SchemaError where something is wrong in the class.
   */
  repository<E extends object>(entity: EntityClass<E>): ClusterRepository<E> {
    const known = this.repositories.get(entity);
    if (known) return known as ClusterRepository<E>;
    const repository = new ClusterRepository<E>(
      this.context,
      this.transactions,
      this.context.schemas.mapper(entity),
    );
    this.repositories.set(entity, repository);
    return repository;
  }
}

/**
 * A registry of entity classes, for use without Nest.
 *
 * ```ts
 * const orders = createRepositories(cluster, [Order, OrderItem]).repository(Order);
 * ```
 *
 * @throws SchemaError with all that is wrong in the classes.
 */
export function createRepositories(
  client: EntityClient,
  entities: readonly (EntityClass | undefined)[],
): EntityRegistry {
  return new EntityRegistry(client).register(entities);
}
