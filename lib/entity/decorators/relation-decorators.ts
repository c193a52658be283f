import { type TypedPropertyDecorator, roleDecorator } from './decorators.js';
import type { RelationMark } from './related.js';
import type { EntityClass } from './shape.js';

/** Options of `@HasMany`. */
export interface HasManyOptions {
  /**
   * The property of the related class that holds the id of this row. It needs an `@Index()` in which it comes first.
   * Leave it out in the class that owns the partition: all rows of the related class are related then.
   */
  by?: string | undefined;
  /**
   * `'delete'` deletes the related rows with this one, in the same commit. By default they stay. A row that expires
   * deletes no others.
   */
  cascade?: 'delete' | undefined;
}

/** Options of `@BelongsTo`. */
export interface BelongsToOptions {
  /**
   * The property of this class that holds the id of the related row. Leave it out for the row that owns the partition.
   */
  by?: string | undefined;
}

/**
 * Declares the rows of another class in the same partition that belong to this row. The property is
 * `Related<OrderItem[]>`. It is not stored; `findOne`, `findOneOrFail` and `findMany` load it by `{ with: ['items'] }`.
 *
 * ```ts
 * @HasMany(() => OrderItem, { cascade: 'delete' }) items!: Related<OrderItem[]>;
 * ```
 */
export function HasMany<T extends object>(
  type: () => EntityClass<T>,
  options: HasManyOptions = {},
): TypedPropertyDecorator<RelationMark<T[]>> {
  return roleDecorator('HasMany', 'related rows', { relation: { type, options } }, options);
}

/**
 * Declares the row in the same partition that this row belongs to. The property is `Related<Order | null>`: null if
 * there is no such row. It is not stored, and loaded like a relation of `@HasMany`.
 *
 * ```ts
 * @BelongsTo(() => Project, { by: 'projectId' }) project!: Related<Project | null>;
 * ```
 */
export function BelongsTo<T extends object>(
  type: () => EntityClass<T>,
  options: BelongsToOptions = {},
): TypedPropertyDecorator<RelationMark<T | null>> {
  return roleDecorator('BelongsTo', 'related row', { relation: { type, options } }, options);
}
