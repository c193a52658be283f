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

/** Makes the handles of collections. */
export class CollectionHandles {
  constructor(private readonly client: EntityClient) {}

  /**
   * Gives an entity its handles. They are not enumerable: what copies, compares or prints an entity passes them over.
   *
   * @param keyOf the key of the entity's row; undefined while there is none.
   * @param writer gives what makes their writes.
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
        enumerable: false, // a class field may have made the property already
        writable: false,
        configurable: true,
      });
    }
  }

  /** The collection of a row by its name, whether or not the row is there. */
  at(schema: EntitySchema, key: EntityKey, property: string, writer: CollectionWriter): object {
    const collection = collectionOf(schema, property);
    const place = () => ({ schema, collection, key });
    return handleOf(collection, new StoredCollection(this.client, () => writer, place));
  }
}

/** The handle that fits a collection. */
export const handleOf = ({ kind }: CollectionSchema, access: CollectionAccess): object =>
  new HANDLES[kind](access);

/**
 * The collection of a name.
 *
 * @throws InvalidArgumentError where there is none.
 */
export function collectionOf(schema: EntitySchema, property: string): CollectionSchema {
  const collection = schema.collections.find((known) => known.property === property);
  if (collection) return collection;
  throw new InvalidArgumentError('property', `${schema.name} has no collection of this name`);
}
