// What the compiler emits of types is kept by Reflect.defineMetadata, which must be there before any entity class.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { markMade } from '../../cluster/common/package-copies.js';
import { SchemaError } from '../common/entity-errors.js';
import type { IdGenerator } from './id-generators.js';
import type { HookEvent } from './lifecycle-hooks.js';
import { type ClusterEntityOptions, type PropertyRole, type WhileBuilding, ownMetadata } from './metadata.js';
import type { PropertyOptions, PropertyType } from './property-type.js';
import type { EntityId } from './shape.js';

/** A decorator that only fits properties of type `T`; on any other it does not compile. */
export type TypedPropertyDecorator<T> = <Target extends object, Name extends keyof Target & string>(
  target: Target,
  property: [Exclude<Target[Name], null | undefined>] extends [T] ? Name : never,
) => void;

/** Makes a class an entity: a Redis hash a row, all rows of a partition in one slot. */
export function ClusterEntity(options: ClusterEntityOptions): ClassDecorator {
  return (type: unknown) => {
    if (typeof type !== 'function') throw new SchemaError(['@ClusterEntity() stands on a class']);
    ownMetadata(type).entity = options;
    markMade(type);
  };
}

/** The type of an id, for compilers that emit none. */
export interface KeyOptions {
  type?: typeof String | typeof Number | typeof BigInt | undefined;
}

export interface PrimaryKeyOptions extends KeyOptions {
  /** Makes ids for entities that have none. */
  generate?: IdGenerator | undefined;
}

/** The id of an entity, unique inside its partition. Immutable once loaded. */
export function PrimaryKey(options: PrimaryKeyOptions = {}): TypedPropertyDecorator<EntityId> {
  return roleDecorator('primary key', options);
}

/** The id of the partition an entity lives in: the primary key of the entity that `partition` names. */
export function PartitionKey(options: KeyOptions = {}): TypedPropertyDecorator<EntityId> {
  return roleDecorator('partition key', options);
}

/**
 * A stored property. Without a type it is what TypeScript emits for the declaration, where that says enough (string,
 * number, bigint, boolean, Date, Buffer).
 *
 * @param typeOrOptions a type, a function that returns one, or `{ type, enum, transformer }`.
 */
export function Property(typeOrOptions?: PropertyType | PropertyOptions): PropertyDecorator {
  const isOptions = typeof typeOrOptions === 'object' && !Array.isArray(typeOrOptions);
  const options =
    arguments.length === 0 ? {} : isOptions ? (typeOrOptions as PropertyOptions) : { type: typeOrOptions };
  return roleDecorator('property', options as PropertyOptions);
}

/** A value of a class with `@Property` decorators of its own, stored as JSON in one field. */
export function Embedded(type: () => new (...args: never[]) => object): PropertyDecorator {
  return roleDecorator('property', { type });
}

/**
 * Shows the version of the row as it was loaded or written: a whole number, seeded from the server's clock when the
 * row is inserted, greater with every write. It is checked on every save, with or without this property.
 */
export function Version(): TypedPropertyDecorator<number> {
  return roleDecorator('version');
}

/**
 * A whole number that is only ever changed by `increment`: no save overwrites it, and no increment conflicts with a
 * save. It is zero until the first increment, and stays within 18 digits. Inserts and saves refuse an entity whose
 * counter was assigned, for they would not write it.
 */
export function Counter(
  options: { type?: typeof Number | typeof BigInt } = {},
): TypedPropertyDecorator<number | bigint> {
  return roleDecorator('counter', options);
}

/**
 * When the row was inserted, by this process's clock; an entity that has it already keeps it. An `upsert` of an entity
 * without it keeps that of the row, unless a global index has the property: then it sets the time anew.
 */
export function CreatedAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('creation time', { type: Date });
}

/** When the row was last written, by this process's clock. Increments are no such writes. */
export function UpdatedAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('update time', { type: Date });
}

/**
 * When the row expires; undefined for never. From then on no read or query gives it. Set before an insert it wins over
 * the entity's `ttl`; a save keeps it unless it was changed, and removes it where it was made null or undefined.
 */
export function ExpiresAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('expiry time', { type: Date });
}

/** What an index or a unique is over. */
export interface IndexOptions {
  /** By default the property's. */
  name?: string | undefined;
  /** By default the property alone. The order counts: a where names the first ones, and a range may be on the last. */
  fields?: readonly string[] | undefined;
  /**
   * `'global'` is over all partitions, in keys of its own, and so no part of the atomic write of a row: it is kept by
   * a protocol of several round trips. By default it is over the rows of one partition.
   */
  scope?: 'partition' | 'global' | undefined;
}

/** Options of `@Index`. */
export interface GlobalIndexOptions extends IndexOptions {
  /**
   * In how many keys the entries of one value are, from 1 (the default) to 16. More of them spread the writes of a
   * value that many rows have over the cluster; a query by value then reads so many keys. To be chosen once: entries
   * that were written before a change are not found.
   */
  buckets?: number | undefined;
}

/** What a unique is over, and what is done while it is being built. */
export interface UniqueOptions extends IndexOptions {
  /**
   * What becomes of writes that would take a value while the unique is being built, because it was added to rows that
   * are there already. `'refuse'`, the default: they fail with `IndexNotReadyError`, so that there is never a second
   * row with one value. `'write'`: they are made, and `reindex()` reports the second row, for you to change it.
   */
  whileBuilding?: WhileBuilding | undefined;
}

/** Finds the entities of a partition, or of all of them, by a property, or several; see `findBy`. */
export function Index(options: GlobalIndexOptions = {}): PropertyDecorator {
  return indexDecorator('index', options);
}

/**
 * No two entities of a partition, or of all of them, have the same value; absent values do not count. Found by it, too.
 */
export function Unique(options: UniqueOptions = {}): PropertyDecorator {
  return indexDecorator('unique', options);
}

/** Runs before an entity is inserted. What it changes is written; if it fails, nothing is. It may be asynchronous. */
export const BeforeInsert = (): HookDecorator => hookDecorator('before insert');
/** Runs after an entity was inserted. It runs once at most: not at all if the process dies before. */
export const AfterInsert = (): HookDecorator => hookDecorator('after insert');
/** Runs before changes of an entity are written; a save without changes does not run it. */
export const BeforeUpdate = (): HookDecorator => hookDecorator('before update');
/** Runs after changes of an entity were written. */
export const AfterUpdate = (): HookDecorator => hookDecorator('after update');
/** Runs before the row of an entity is removed. `delete(key)` has no entity, and runs none. */
export const BeforeRemove = (): HookDecorator => hookDecorator('before remove');
/** Runs after the row of an entity was removed. */
export const AfterRemove = (): HookDecorator => hookDecorator('after remove');
/** Runs after an entity was read. What it changes of stored properties, the next save writes. */
export const AfterLoad = (): HookDecorator => hookDecorator('after load');

/** A decorator of methods without arguments. */
type HookDecorator = <Method extends () => unknown>(
  target: object,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

function hookDecorator(event: HookEvent): HookDecorator {
  return (target, method) => {
    ownMetadata(target.constructor).hooks.push({ event, method: propertyName(target, method) });
  };
}

function indexDecorator(
  kind: 'index' | 'unique',
  { name, fields, scope, buckets, whileBuilding }: GlobalIndexOptions & UniqueOptions,
): PropertyDecorator {
  return (target, property) => {
    const own = propertyName(target, property);
    const index = {
      kind,
      on: own,
      name: name ?? own,
      fields: fields ?? [own],
      scope,
      buckets,
      whileBuilding,
    };
    ownMetadata(target.constructor).indexes.push(index);
  };
}

/** What every property decorator does: note its role and the type that TypeScript emitted. */
export function roleDecorator(
  role: PropertyRole,
  options: PropertyOptions & { generate?: IdGenerator } = {},
) {
  return (target: object, property: string | symbol, descriptor?: unknown): void => {
    const name = propertyName(target, property, descriptor);
    ownMetadata(target.constructor).properties.push({
      property: name,
      role,
      options,
      emittedType: Reflect.getMetadata('design:type', target, name) as unknown,
    });
  };
}

function propertyName(target: object, property: string | symbol, descriptor?: unknown): string {
  const isMethod = typeof (descriptor as PropertyDescriptor | undefined)?.value === 'function';
  if (typeof property === 'string' && typeof target !== 'function' && !isMethod) return property;
  throw new SchemaError([whyNot(property, isMethod)]);
}

function whyNot(property: unknown, isMethod: boolean): string {
  // By the newer standard of decorators, the second argument is a context.
  if (typeof property === 'object')
    return 'Entity decorators need "experimentalDecorators": true in tsconfig.json';
  if (property === undefined)
    return 'A decorator of properties stands on a class or on a parameter of its constructor';
  if (isMethod) return `${String(property)} is a method, and stored properties are none`;
  return `${String(property)} is static or a symbol, and stored properties are neither`;
}
