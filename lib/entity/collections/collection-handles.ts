import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { ClusterHash } from './cluster-hash.js';
import { ClusterList } from './cluster-list.js';
import { ClusterSet } from './cluster-set.js';
import { ClusterSortedSet } from './cluster-sorted-set.js';
import { ClusterStream } from './cluster-stream.js';
import { type CollectionAccess, type CollectionWriter, StoredCollection } from './collection-access.js';
import type { CollectionSchema } from '../schema/collection-schema.js';
import type { CollectionKind } from '../decorators/collection-kind.js';
import type { EntityClient } from '../common/entity-client.js';
import { EntityNotSavedError } from '../common/entity-errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';

const HANDLES: Record<CollectionKind, new (access: CollectionAccess) => object> = {
  set: ClusterSet,
  list: ClusterList,
  'sorted set': ClusterSortedSet,
  hash: ClusterHash,
  stream: ClusterStream,
};

/** Creates the handles of collections. */
export class CollectionHandles {
  constructor(private readonly client: EntityClient) {}

  /**
   * Adds its handles to an entity. They are not enumerable, so copying, comparing and printing skip them.
   *
   * @param keyOf returns the key of the entity's row, or undefined while there is none.
   * @param writer returns the writer of the collections.
   */
  attach(
    schema: EntitySchema,
    entity: object,
    keyOf: () => EntityKey | undefined,
    writer: () => CollectionWriter,
  ): void {
    for (const collection of schema.collections) {
      const place = () => {
        const key = keyOf();
        if (key) return { schema, collection, key };
        throw new EntityNotSavedError(schema.name, collection.property);
      };
      const value = handleOf(collection, new StoredCollection(this.client, writer, place));
      Object.defineProperty(entity, collection.property, {
        value,
        enumerable: false, // explicit, as a class field may have defined the property already
        writable: false,
        configurable: true,
      });
    }
  }

  /** Returns the handle of a row's collection by name, whether or not the row exists. */
  at(schema: EntitySchema, key: EntityKey, property: string, writer: CollectionWriter): object {
    const collection = collectionOf(schema, property);
    const place = () => ({ schema, collection, key });
    return handleOf(collection, new StoredCollection(this.client, () => writer, place));
  }
}

/** Creates the handle for a collection. */
export const handleOf = ({ kind }: CollectionSchema, access: CollectionAccess): object =>
  new HANDLES[kind](access);

/**
 * Returns the collection with this name.
 *
 * @throws InvalidArgumentError if the class has none.
 */
export function collectionOf(schema: EntitySchema, property: string): CollectionSchema {
  const collection = schema.collections.find((known) => known.property === property);
  if (collection) return collection;
  throw new InvalidArgumentError('property', `${schema.name} has no collection of this name`);
}
