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

// A query without a partition needs a global index. Only `partition` says which of two names is the partition key.
type InPartition<E> = [PartitionNames<E>] extends [never]
  ? IsUnion<KeyNames<E>> extends true
    ? { readonly [Name in KeyNames<E>]?: E[Name] & EntityId }
    : [IndexedNames<E>] extends [never]
      ? { readonly [Name in string]?: never } // a row that is its own partition is found only by its key
      : unknown
  : [GlobalNames<E>] extends [never]
    ? { readonly [Name in PartitionNames<E>]-?: E[Name] & EntityId }
    : { readonly [Name in PartitionNames<E>]?: E[Name] & EntityId };

type WithShape<E> = InPartition<E> & {
  readonly [Name in Exclude<IndexedNames<E>, CollectionNames<E>>]?: Condition<NonNullable<E[Name]>>;
};

/** A query: the partition key, and conditions on properties with an index or a unique constraint. */
export type Where<E> = [KeyNames<E>] extends [never] ? WithoutShape<E> : WithShape<E>;
