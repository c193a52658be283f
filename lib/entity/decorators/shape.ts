import type { CollectionHandle } from './collection-kind.js';
import type { RelationNames } from './related.js';

/**
 * The name of a type-only member that tells the compiler what the decorators of an entity class declare.
 *
 * ```ts
 * declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'sku' | 'status'; counters: 'views' };
 * ```
 *
 * - `key`: the properties of the key, that is, the partition key and the primary key
 * - `partition`: the partition key
 * - `indexed`: the properties of indexes and unique constraints, which queries can name
 * - `global`: those of them that a query without a partition can name
 * - `counters`: the properties of `@Counter()`
 * - `fixed`: properties that cannot be created or patched: `@Version()` and getters
 *
 * Every part is optional, and so is the member itself; what it leaves out is checked at run time. In a test,
 * `assertShape` compares it with the decorators.
 */
export const Shape: unique symbol = Symbol('keyslot.shape');

/**
 * An entity class. Keyslot calls `new Entity()` for each row it loads, so the constructor must work without
 * arguments.
 */
export type EntityClass<E extends object = object> = new (...args: never[]) => E;

/** The type of a primary key or a partition key. */
export type EntityId = string | number | bigint;

type ShapePart<E, Part extends string> = E extends { readonly [Shape]: { readonly [P in Part]: infer Names } }
  ? Extract<Names, keyof E & string>
  : never;

/** The properties of the entity's key that its `Shape` names; `never` without one. */
export type KeyNames<E> = ShapePart<E, 'key'>;

/** The partition key that the entity's `Shape` names; `never` without one. */
export type PartitionNames<E> = ShapePart<E, 'partition'>;

/** The properties of global indexes and unique constraints that the entity's `Shape` names; `never` without any. */
export type GlobalNames<E> = ShapePart<E, 'global'>;

/** The properties that can be neither created nor patched, as the entity's `Shape` names them; `never` without any. */
export type FixedNames<E> = ShapePart<E, 'fixed'>;

/** The properties with an index or a unique constraint that the entity's `Shape` names; `never` without any. */
export type IndexedNames<E> = ShapePart<E, 'indexed'>;

/** The properties of `@Counter()` that the entity's `Shape` names; `never` without any. */
export type CounterNames<E> = ShapePart<E, 'counters'>;

type IsNever<T> = [T] extends [never] ? true : false;
export type IsUnion<T, Whole = T> = T extends unknown ? ([Whole] extends [T] ? false : true) : never;
type HasShape<E> = E extends { readonly [Shape]: unknown } ? true : false;

type BareKey<E, Name> = Name extends keyof E ? NonNullable<E[Name]> : never;

/** The key of an entity: its bare id if the key has one property, else an object of the key's properties. */
export type KeyOf<E> =
  IsNever<KeyNames<E>> extends true
    ? EntityId | Partial<Pick<E, DataNames<E>>>
    : IsUnion<KeyNames<E>> extends true
      ? { readonly [Name in KeyNames<E>]-?: NonNullable<E[Name]> }
      : BareKey<E, KeyNames<E>>;

/** The id of a partition, with the type of the entity's key. */
export type PartitionKeyOf<E> =
  IsNever<KeyNames<E>> extends true
    ? EntityId
    : BareKey<E, IsNever<PartitionNames<E>> extends true ? KeyNames<E> : PartitionNames<E>>;

/** The names of the collections, such as those of `@SetOf`. They are not part of the row. */
export type CollectionNames<E> = {
  [Name in keyof E & string]-?: [NonNullable<E[Name]>] extends [never]
    ? never
    : NonNullable<E[Name]> extends CollectionHandle
      ? Name
      : never;
}[keyof E & string];

/** The names of the properties stored in the row, without methods, collections and relations. */
export type DataNames<E> = Exclude<
  {
    [Name in keyof E & string]-?: E[Name] extends (...args: never[]) => unknown ? never : Name;
  }[keyof E & string],
  CollectionNames<E> | RelationNames<E>
>;

/** The argument of `create`: any properties of the entity, without methods and counters. */
export type EntityData<E> = {
  [Name in Exclude<DataNames<E>, CounterNames<E> | FixedNames<E>>]?: E[Name] | undefined;
};

type PatchNames<E> = Exclude<DataNames<E>, KeyNames<E> | CounterNames<E> | FixedNames<E>>;

/** The patch of `update`: properties other than keys and counters. `null` removes an optional property. */
export type Patch<E> = {
  [Name in PatchNames<E>]?: E[Name] | (undefined extends E[Name] ? null : never) | undefined;
};

/** The condition of `update`: the values that properties must have now. `null` means no value. */
export type Demand<E> = { [Name in PatchNames<E>]?: E[Name] | null | undefined };

/** The name of a counter that the `Shape` names; without a `Shape`, the name of any numeric property. */
export type CounterOf<E> =
  HasShape<E> extends true
    ? CounterNames<E>
    : { [Name in keyof E & string]: NonNullable<E[Name]> extends number | bigint ? Name : never }[keyof E &
        string];
