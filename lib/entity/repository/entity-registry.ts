import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { LockingContext } from './partition-lock.js';
import { checkList } from '../common/argument-checks.js';
import { CollectionHandles } from '../collections/collection-handles.js';
import { ChangeFeed } from '../changes/change-feed.js';
import type { ClusterRepository } from './cluster-repository.js';
import { Cascades } from '../commit/cascades.js';
import { Committer } from '../commit/committer.js';
import { type EntityClient, nowOf, primaryOf } from '../common/entity-client.js';
import { ExpirySweeper } from '../maintenance/expiry-sweeper.js';
import { KeyWalker } from '../keys/key-walker.js';
import { EntityTracker } from '../rows/entity-tracker.js';
import { LockRunner } from '../locks/lock-runner.js';
import { RECEIVE_PARTS, type RepositoryParts } from './repository-parts.js';
import { entityOf, isRepositoryClass } from './repository-of.js';
import { RepositorySet } from './repository-set.js';
import { checkFieldExpiry } from '../records/field-expiry.js';
import { type EntityOverview, overviewOf } from '../records/entity-overview.js';
import { SchemaRecords } from '../records/schema-records.js';
import { SchemaRegistry } from '../rows/schema-registry.js';
import type { EntityClass } from '../decorators/shape.js';
import type { EntitySubscriberMethods, SubscribedClass } from '../schema/entity-subscriber.js';
import { WritePlanner } from '../commit/write-planner.js';

/**
 * The entities of one client. Repositories of one registry recognize each other's entities, share the queue of
 * contended partitions, and require distinct entity names. Use one registry per client.
 */
export class EntityRegistry {
  private readonly context: LockingContext;
  private readonly repositories: RepositorySet;

  constructor(given: EntityClient) {
    const client = given.withPlainReplies?.() ?? given;
    const collections = new CollectionHandles(client);
    const primary = primaryOf(client);
    const records = new SchemaRecords(primary);
    const schemas = new SchemaRegistry(() => nowOf(client));
    const cascades = new Cascades(primary, schemas, records);
    const committer = new Committer(client, records, undefined, cascades);
    const entities = new EntityTracker(collections, committer);
    const keys = new KeyWalker(client);
    this.context = {
      client,
      primary,
      collections,
      entities,
      schemas,
      planner: new WritePlanner(entities),
      committer,
      keys,
      feed: new ChangeFeed(client, keys),
      records,
      locks: new LockRunner(client),
      groups: new Set(),
      underLock: (fence) =>
        new RepositorySet({ ...this.context, committer: new Committer(client, records, fence, cascades) }),
      sweepPartition: (schema, tag) => new ExpirySweeper(this.context, schema).sweep(tag, Infinity),
    };
    this.repositories = new RepositorySet(this.context);
  }

  /**
   * Adds entity classes. Classes that were added before are accepted again.
   *
   * @throws SchemaError with all faults of all classes. None is added then.
   */
  register(entities: readonly (EntityClass | undefined)[]): this {
    checkList('entities', entities);
    this.context.schemas.register(entities);
    return this;
  }

  /**
   * Compares every class with its schema record, and records what is new. An index that was added to existing rows is
   * being built from then on: every write maintains it, and queries can use it after `reindex()`. `ClusterModule`
   * calls this method when the application starts.
   *
   * @throws SchemaRecordError if stored rows do not fit a class; UnsupportedServerFeatureError if a property has a `ttl`
   *   and a server is too old for it.
   */
  async checkSchemas(): Promise<void> {
    await checkFieldExpiry(this.context.primary, this.context.schemas.all());
    await Promise.all(this.context.schemas.all().map((schema) => this.context.records.check(schema)));
  }

  /**
   * Returns the repository of an entity class, the same one on every call.
   *
   * @throws SchemaError if the class has faults.
   */
  repository<E extends object>(entity: EntityClass<E>): ClusterRepository<E> {
    return this.repositories.repository(entity);
  }

  /**
   * Connects a repository of your own class to this registry. Without Nest, call it once after `new`; with Nest,
   * `ClusterModule.forFeature` does it.
   *
   * ```ts
   * const orders = registry.bind(new OrderRepository(mailer));
   * ```
   *
   * @returns the same repository.
   * @throws InvalidArgumentError without `@ClusterRepositoryOf()`, SchemaError if the entity class is invalid.
   */
  bind<E extends object, R extends object>(repository: R & ClusterRepository<E>): R {
    if (!isRepositoryClass(repository?.constructor)) {
      throw new InvalidArgumentError(
        'repository',
        `bind() needs an object of a class that extends ClusterRepository, got ${describeKind(repository)}`,
      );
    }
    const entity = entityOf(repository.constructor);
    repository[RECEIVE_PARTS] = () => this.register([entity]).parts(entity);
    return repository;
  }

  /**
   * Calls the methods of a subscriber before and after writes of the entities of a class, and after loads. They run
   * after the hooks of the class itself; several subscribers run one after the other, in the order they were added. A
   * subscriber of a class that entities extend sees the entities of all these classes. With Nest, decorate the
   * subscriber with `@EntitySubscriber(Order)` instead.
   *
   * ```ts
   * const end = registry.subscribe(Order, { afterInsert: (order) => mailer.confirm(order) });
   * ```
   *
   * @returns a function that removes the subscriber.
   * @throws InvalidArgumentError if the subscriber has no method that an event calls, or one with a misspelled name.
   */
  subscribe<E extends object>(
    entity: SubscribedClass<E>,
    subscriber: EntitySubscriberMethods<NoInfer<E>>,
  ): () => void {
    return this.context.schemas.subscribe(entity, subscriber);
  }

  /** @internal Returns whether this class is registered, or one that extends it. */
  covers(entity: SubscribedClass): boolean {
    return this.context.schemas.covers(entity);
  }

  /** @internal Describes the registered classes, with the state of their indexes. */
  overview(): Promise<EntityOverview[]> {
    const { schemas, records } = this.context;
    return Promise.all(
      schemas.all().map(async (schema) => overviewOf(schema, await records.readyIndexes(schema))),
    );
  }

  /** @internal Returns what a repository of this class works with. */
  parts(entity: EntityClass): RepositoryParts {
    return this.repositories.parts(entity);
  }
}

/**
 * Creates a registry of entity classes, for use without Nest.
 *
 * ```ts
 * const orders = createRepositories(cluster, [Order, OrderItem]).repository(Order);
 * ```
 *
 * @throws InvalidArgumentError for what is not a client
 * @throws SchemaError with all faults of the classes
 */
export function createRepositories(
  client: EntityClient,
  entities: readonly (EntityClass | undefined)[],
): EntityRegistry {
  if (typeof (client as Partial<EntityClient> | undefined)?.with !== 'function')
    throw new InvalidArgumentError(
      'client',
      `createRepositories() needs a ClusterClient as its first argument, got ${describeKind(client)}`,
    );
  return new EntityRegistry(client).register(entities);
}
