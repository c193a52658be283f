import type { Condition } from './condition.js';
import type {
  CollectionNames,
  CounterNames,
  DataNames,
  EntityId,
  FixedNames,
  GlobalNames,
  IndexedNames,
  IsUnion,
  KeyNames,
  PartitionNames,
} from '../decorators/shape.js';

type Conditions<E, Names> = {
  readonly [Name in Names & keyof E & string]?: Condition<NonNullable<E[Name]>>;
};

/** Alternatives: rows that meet the conditions of any of them. In a class with a property `or`, it is that property. */
type Alternatives<E, Names> = 'or' extends keyof E
  ? unknown
  : [Names] extends [never]
    ? unknown
    : { readonly or?: readonly Conditions<E, Names>[] };

type WithoutShape<E> = Conditions<E, Exclude<keyof E, CollectionNames<E>>> &
  Alternatives<E, Exclude<keyof E, CollectionNames<E>>>;

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

type QueryNames<E> = Exclude<IndexedNames<E>, CollectionNames<E>>;

type WithShape<E> = InPartition<E> & Conditions<E, QueryNames<E>> & Alternatives<E, QueryNames<E>>;

/** A query: the partition key, and conditions on properties with an index or a unique constraint. */
export type Where<E> = [KeyNames<E>] extends [never] ? WithoutShape<E> : WithShape<E>;

type ScanNames<E> = Exclude<DataNames<E>, KeyNames<E> | CounterNames<E> | FixedNames<E>>;

/** A query with `{ scan: true }`: the partition key, and conditions on any properties. */
export type ScanWhere<E> = [KeyNames<E>] extends [never]
  ? WithoutShape<E>
  : InPartition<E> & Conditions<E, ScanNames<E>> & Alternatives<E, ScanNames<E>>;

type OrderNames<E> = [KeyNames<E>] extends [never] ? DataNames<E> : QueryNames<E> | KeyNames<E>;

/**
 * The order of results: a direction alone, for the order of the index that the query uses, or the properties that an
 * index sorts by, all in one direction.
 */
export type Order<E> =
  | 'asc'
  | 'desc'
  | { readonly [Name in OrderNames<E>]?: 'asc' }
  | { readonly [Name in OrderNames<E>]?: 'desc' };
