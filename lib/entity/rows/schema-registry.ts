import { unixMs } from '../../cluster/common/timers.js';
import { SchemaError } from '../common/entity-errors.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import {
  type EntitySubscriberMethods,
  type SubscribedClass,
  checkSubscriber,
} from '../schema/entity-subscriber.js';
import { checkUnselected } from './entity-check.js';
import { RowMapper } from './row-mapper.js';
import { SchemaBuilder } from '../schema/schema-builder.js';
import type { EntityClass } from '../decorators/shape.js';

/** A subscriber, and the class whose entities it sees. */
interface Subscription {
  readonly type: SubscribedClass;
  readonly subscriber: EntitySubscriberMethods<never>;
}

/** The schemas of the classes of one registry. Registries share no schemas. */
export class SchemaRegistry {
  private readonly mappers = new Map<unknown, RowMapper>();
  private readonly classesByName = new Map<string, EntityClass>();
  private subscriptions: readonly Subscription[] = [];

  /** @param now returns the time by which rows expire. */
  constructor(private readonly now: () => number = unixMs) {}

  /**
   * Builds the schemas of classes that are not registered yet, and of those they are related to: all of them, or none.
   *
   * @throws SchemaError with every fault of every class.
   */
  register(types: readonly (EntityClass | undefined)[]): void {
    const builder = new SchemaBuilder();
    const built = new Map<EntityClass, RowMapper>();
    const names = new Map(this.classesByName);
    const all = [...types];
    for (const [index, type] of all.entries()) {
      if (typeof type !== 'function') {
        builder.faults.push(
          `Entity ${index + 1} of ${types.length} is ${String(type)}: probably a circular import; ` +
            'move one of the classes to a file that imports neither, or refer to it by a function',
        );
        continue;
      }
      if (this.mappers.has(type) || built.has(type)) continue;
      const schema = builder.build(type);
      if (!schema) continue;
      const other = names.get(schema.name);
      if (other)
        builder.faults.push(
          type.name === other.name
            ? `There are two classes ${type.name}, entities with the same name '${schema.name}': is one file loaded twice?`
            : `${type.name} and ${other.name} are two entities with the same name '${schema.name}'`,
        );
      names.set(schema.name, type);
      built.set(type, new RowMapper(schema, this.now));
      all.push(...schema.relations.map((relation) => relation.type));
    }
    if (builder.faults.length > 0) throw new SchemaError(builder.faults);
    for (const [type, mapper] of built) {
      this.mappers.set(type, mapper);
      this.classesByName.set(mapper.schema.name, type);
    }
    if (this.subscriptions.length > 0) this.setSubscriptions(this.subscriptions);
  }

  /**
   * Calls a subscriber for the entities of a class, and of registered classes that extend it, now or later.
   *
   * @returns a function that ends it.
   * @throws InvalidArgumentError
   */
  subscribe(type: SubscribedClass, subscriber: EntitySubscriberMethods<never>): () => void {
    checkSubscriber(type, subscriber);
    const subscription = { type, subscriber };
    this.setSubscriptions([...this.subscriptions, subscription]);
    return () => this.setSubscriptions(this.subscriptions.filter((other) => other !== subscription));
  }

  /** Returns whether a class is registered, or one that extends it. */
  covers(type: SubscribedClass): boolean {
    return this.all().some((schema) => isKindOf(schema.type, type));
  }

  private setSubscriptions(subscriptions: readonly Subscription[]): void {
    this.subscriptions = subscriptions;
    for (const { type, hooks } of this.all()) {
      const seen = subscriptions.filter((subscription) => isKindOf(type, subscription.type));
      // an object that sees a class in two ways is called once
      hooks.setSubscribers([...new Set(seen.map(({ subscriber }) => subscriber))]);
    }
  }

  /**
   * Returns the mapper of a class. It registers the class if needed.
   *
   * @throws SchemaError
   */
  mapper(type: EntityClass): RowMapper {
    if (!this.mappers.has(type)) this.register([type]);
    return this.mappers.get(type)!;
  }

  /** Returns all registered schemas. */
  all(): EntitySchema[] {
    return [...this.mappers.values()].map(({ schema }) => schema);
  }

  /** Returns the registered schemas of the classes in a partition. */
  inPartition(tag: string): EntitySchema[] {
    return this.all().filter(({ partitionName }) => tag.startsWith(`{${partitionName}:`));
  }

  /**
   * Returns the mapper of an entity's class.
   *
   * @throws SchemaError, or InvalidArgumentError for what was read with `select`.
   */
  mapperOf(entity: object): RowMapper {
    checkUnselected('an entity', entity);
    return this.mapper(entity.constructor as EntityClass);
  }
}

const isKindOf = (type: EntityClass, parent: SubscribedClass): boolean =>
  type === parent || type.prototype instanceof parent;
