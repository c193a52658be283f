import type { Condition } from './query-condition.js';
import type { CollectionNames, EntityId, IndexedNames, KeyNames } from './shape.js';

type WithoutShape<E> = {
  readonly [Name in Exclude<keyof E & string, CollectionNames<E>>]?: Condition<NonNullable<E[Name]>>;
};

type WithShape<E> = { readonly [Name in KeyNames<E>]?: E[Name] & EntityId } & {
  readonly [Name in Exclude<IndexedNames<E>, CollectionNames<E>>]?: Condition<NonNullable<E[Name]>>;
};

/** What `findBy` takes: the key of the partition, and conditions on properties that are indexed or unique. */
export type Where<E> = [KeyNames<E>] extends [never] ? WithoutShape<E> : WithShape<E>;
