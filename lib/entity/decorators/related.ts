declare const RELATED: unique symbol;

/** Stands for related rows in the type of an entity that was loaded without them. Nothing can be read from it. */
export interface RelationMark<T> {
  // a function type, so that the type argument must be the same on both sides
  readonly [RELATED]: (value: T) => T;
}

/**
 * The type of a relation in an entity class: `Related<OrderItem[]>` with `@HasMany`, `Related<Order | null>` with
 * `@BelongsTo`. Only the result of a call that loads the relation has the related rows:
 *
 * ```ts
 * const order = await orders.findOneOrFail(id, { with: ['items'] });
 * order.items.length;
 * ```
 */
export type Related<T extends object | null> = RelationMark<T> | Extract<T, null>;

/** The names of an entity's relations. */
export type RelationNames<E> = {
  [Name in keyof E & string]-?: [NonNullable<E[Name]>] extends [never]
    ? never
    : NonNullable<E[Name]> extends { readonly [RELATED]: unknown }
      ? Name
      : never;
}[keyof E & string];

type Loaded<T> = T extends readonly (infer Row)[] ? readonly Row[] : T;

/** The related rows of a relation, as they are loaded: a read-only array, or one entity or null. */
export type RelatedRows<R> =
  NonNullable<R> extends { readonly [RELATED]: (value: never) => infer T } ? Loaded<T> : never;

/** An entity that was loaded with these relations. */
export type WithRelations<E, Names extends keyof E> = [Names] extends [never]
  ? E
  : E & { readonly [Name in Names]-?: RelatedRows<E[Name]> };
