import type { Condition } from './query-condition.js';
import type { EntityId, IndexedNames, KeyNames } from './shape.js';

type WithoutShape<E> = { readonly [Name in keyof E & string]?: Condition<NonNullable<E[Name]>> };

type WithShape<E> = { readonly [Name in KeyNames<E>]?: E[Name] & EntityId } & {
  readonly [Name in IndexedNames<E>]?: Condition<NonNullable<E[Name]>>;
};

/** What `findBy` takes: the key of the partition, and conditions on properties that are indexed or unique. */
export type Where<E> = [KeyNames<E>] extends [never] ? WithoutShape<E> : WithShape<E>;
