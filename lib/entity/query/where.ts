import type { Condition } from './query-condition.js';
import type {
  CollectionNames,
  EntityId,
  GlobalNames,
  IndexedNames,
  IsUnion,
  KeyNames,
  PartitionNames,
} from '../decorators/shape.js';

type WithoutShape<E> = {
  readonly [Name in Exclude<keyof E & string, CollectionNames<E>>]?: Condition<NonNullable<E[Name]>>;
};

// A query without a partition is for global indexes. Which of two names is the partition key, only `partition` tells.
type InPartition<E> = [PartitionNames<E>] extends [never]
  ? IsUnion<KeyNames<E>> extends true
    ? { readonly [Name in KeyNames<E>]?: E[Name] & EntityId }
    : [IndexedNames<E>] extends [never]
      ? { readonly [Name in string]?: never } // a partition of its own is found by its key
      : unknown
  : [GlobalNames<E>] extends [never]
    ? { readonly [Name in PartitionNames<E>]-?: E[Name] & EntityId }
    : { readonly [Name in PartitionNames<E>]?: E[Name] & EntityId };

type WithShape<E> = InPartition<E> & {
  readonly [Name in Exclude<IndexedNames<E>, CollectionNames<E>>]?: Condition<NonNullable<E[Name]>>;
};

/** What `findBy` takes: the key of the partition, and conditions on properties that are indexed or unique. */
export type Where<E> = [KeyNames<E>] extends [never] ? WithoutShape<E> : WithShape<E>;
