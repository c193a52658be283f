// The compiler emits types through Reflect.defineMetadata, which must exist before any entity class.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { markMade } from '../../cluster/common/package-copies.js';
import { SchemaError } from '../common/entity-errors.js';
import type { IdGenerator } from './id-generators.js';
import type { HookEvent } from './lifecycle-hooks.js';
import { type DecoratorName, noteOptionFaults } from './decorator-options.js';
import {
  type ClusterEntityOptions,
  type PropertyRole,
  type RoleOptions,
  type WhileBuilding,
  ownMetadata,
} from './metadata.js';
import type { PropertyType } from './property-type.js';
import type { StoredOptions } from './stored-options.js';
import type { EntityId } from './shape.js';

/** A decorator for properties of type `T`. On any other property it does not compile. */
export type TypedPropertyDecorator<T> = <Target extends object, Name extends keyof Target & string>(
  target: Target,
  property: [Exclude<Target[Name], null | undefined>] extends [T] ? Name : never,
) => void;

/** Declares an entity class. Each row is a Redis hash; all rows of a partition share a slot. */
export function ClusterEntity(options: ClusterEntityOptions): ClassDecorator {
  return (type: unknown) => {
    if (typeof type !== 'function') throw new SchemaError(['@ClusterEntity() can decorate only a class']);
    noteOptionFaults('ClusterEntity', options, type);
    ownMetadata(type).entity = objectOf(options);
    markMade(type);
  };
}

/** Options of `@PartitionKey`. */
export interface KeyOptions {
  /** The type of the id. You need it only if your compiler emits no decorator metadata. */
  type?: typeof String | typeof Number | typeof BigInt | undefined;
}

/** Options of `@PrimaryKey`. */
export interface PrimaryKeyOptions extends KeyOptions {
  /** Generates an id for an entity that has none: `'uuidv7'`, `'ulid'`, or a function. */
  generate?: IdGenerator | undefined;
}

/** Declares the id of an entity. It is unique within its partition and cannot change after the entity is loaded. */
export function PrimaryKey(options: PrimaryKeyOptions = {}): TypedPropertyDecorator<EntityId> {
  return roleDecorator('PrimaryKey', 'primary key', options);
}

/** Declares the id of the partition an entity lives in: the primary key of the entity that `partition` names. */
export function PartitionKey(options: KeyOptions = {}): TypedPropertyDecorator<EntityId> {
  return roleDecorator('PartitionKey', 'partition key', options);
}

/**
 * Declares a stored property. Without a type, Keyslot uses the one that TypeScript emits for a string, number, bigint,
 * boolean, Date or Buffer. For any other property, name the type.
 *
 * @param typeOrOptions a type, a function that returns one, or options, such as `{ type, enum, transformer }`.
 */
export function Property(typeOrOptions?: PropertyType | StoredOptions): PropertyDecorator {
  const isOptions = typeof typeOrOptions === 'object' && !Array.isArray(typeOrOptions);
  if (isOptions) return roleDecorator('Property', 'property', typeOrOptions as StoredOptions);
  const options = arguments.length === 0 ? {} : { type: typeOrOptions as PropertyType };
  return roleDecorator('Property', 'property', options);
}

/** Declares a value of a class that has its own `@Property` decorators. It is stored as JSON in one field. */
export function Embedded(type: () => new (...args: never[]) => object): PropertyDecorator {
  return roleDecorator('Embedded', 'property', { type }, arguments[1] ?? {});
}

/**
 * Shows the version of the row as it was last loaded or written. The version is a whole number that starts at the
 * server's clock when the row is inserted and grows with every write. Every save checks it, with or without this
 * property.
 */
export function Version(): TypedPropertyDecorator<number> {
  return roleDecorator('Version', 'version', {}, arguments[0] ?? {});
}

/**
 * Declares a whole number that only `increment` changes. No save overwrites it, and no increment conflicts with a save.
 * It is zero until the first increment and has at most 18 digits. Inserts and saves do not write counters, so they
 * reject an entity whose counter was assigned.
 */
export function Counter(
  options: { type?: typeof Number | typeof BigInt } = {},
): TypedPropertyDecorator<number | bigint> {
  return roleDecorator('Counter', 'counter', options);
}

/**
 * Sets when the row was inserted, by this process's clock, unless the entity has a value already. An `upsert` of an
 * entity without a value keeps the row's time, unless a global index covers the property: then it sets a new time.
 */
export function CreatedAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('CreatedAt', 'creation time', { type: Date }, arguments[0] ?? {});
}

/** Sets when the row was last written, by this process's clock. Increments do not change it. */
export function UpdatedAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('UpdatedAt', 'update time', { type: Date }, arguments[0] ?? {});
}

/**
 * Shows and sets when the row expires; undefined means never. After that time, no read or query returns the row. A
 * value that you set before an insert takes precedence over the entity's `ttl`. A save writes the time if you changed
 * it, and removes it if you set null or undefined.
 */
export function ExpiresAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('ExpiresAt', 'expiry time', { type: Date }, arguments[0] ?? {});
}

/** Shows when the row was deleted softly, by `softRemove()` or `softDelete()`. Reads leave such rows out. */
export function DeletedAt(): TypedPropertyDecorator<Date> {
  return roleDecorator('DeletedAt', 'deletion time', { type: Date }, arguments[0] ?? {});
}

/** Options that indexes and unique constraints share. */
export interface IndexOptions {
  /** The name of the index; by default the name of the property. */
  name?: string | undefined;
  /**
   * The indexed properties; by default the decorated one alone. The order matters: a query names the first of them, and
   * only the last one that it names can be a range.
   */
  fields?: readonly string[] | undefined;
  /**
   * `'partition'`, the default, covers the rows of one partition. `'global'` covers all partitions: its entries are in
   * other slots, so a write of a row takes several round trips.
   */
  scope?: 'partition' | 'global' | undefined;
  /**
   * Has the decorated string in one case, for conditions with `ignoreCase: true`. Declare a second index, with another
   * name, for conditions with regard to case.
   */
  caseInsensitive?: boolean | undefined;
}

/** Options of `@Index`. */
export interface GlobalIndexOptions extends IndexOptions {
  /**
   * How many keys hold the entries of one value, from 1 (the default) to 16. More keys distribute the writes of a value
   * that many rows share; a query by value then reads as many keys. Choose this number once: entries that were written
   * before a change are not found.
   */
  buckets?: number | undefined;
  /**
   * Also has rows without a value of its properties, so that a query finds them with `{ isNull: true }` and by an order.
   * They come first in ascending order. Only in a partition.
   */
  nulls?: boolean | undefined;
  /**
   * Has one entry for each element of the decorated array, up to 1,000 different ones, so that a query finds the arrays
   * with an element by `{ contains: element }`. Only in a partition.
   */
  elements?: boolean | undefined;
}

/** Options of `@Unique`. */
export interface UniqueOptions extends IndexOptions {
  /**
   * What happens to writes of a value while the unique constraint is being built, after you added it to existing
   * rows. `'refuse'`, the default: they fail with `IndexNotReadyError`, so two rows never have the same value.
   * `'write'`: they succeed, and `reindex()` reports the second row, so that you can change it.
   */
  whileBuilding?: WhileBuilding | undefined;
}

/** Declares an index over one or more properties, for queries such as `findBy`, in one partition or in all. */
export function Index(options: GlobalIndexOptions = {}): PropertyDecorator {
  return indexDecorator('Index', 'index', options);
}

/**
 * Declares a unique constraint: no two entities of a partition, or of all partitions, have the same value. Absent
 * values do not count. Queries can use it like an index.
 */
export function Unique(options: UniqueOptions = {}): PropertyDecorator {
  return indexDecorator('Unique', 'unique', options);
}

/** Runs the method before an insert. Its changes are written; if it fails, nothing is. It may be asynchronous. */
export function BeforeInsert(): HookDecorator {
  return hookDecorator('BeforeInsert', 'before insert', arguments[0]);
}

/** Runs the method after an insert, at most once: if the process dies first, it does not run. */
export function AfterInsert(): HookDecorator {
  return hookDecorator('AfterInsert', 'after insert', arguments[0]);
}

/** Runs the method before an update. A save without changes does not run it. */
export function BeforeUpdate(): HookDecorator {
  return hookDecorator('BeforeUpdate', 'before update', arguments[0]);
}

/** Runs the method after an update. */
export function AfterUpdate(): HookDecorator {
  return hookDecorator('AfterUpdate', 'after update', arguments[0]);
}

/** Runs the method before `remove`. `delete(key)` has no entity, so it runs no hooks. */
export function BeforeRemove(): HookDecorator {
  return hookDecorator('BeforeRemove', 'before remove', arguments[0]);
}

/** Runs the method after `remove`. */
export function AfterRemove(): HookDecorator {
  return hookDecorator('AfterRemove', 'after remove', arguments[0]);
}

/** Runs the method after an entity was loaded. If it changes stored properties, the next save writes them. */
export function AfterLoad(): HookDecorator {
  return hookDecorator('AfterLoad', 'after load', arguments[0]);
}

/** A decorator for methods without arguments. */
type HookDecorator = <Method extends () => unknown>(
  target: object,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

function hookDecorator(name: DecoratorName, event: HookEvent, given: unknown): HookDecorator {
  return (target, method) => {
    const own = propertyName(target, method);
    noteOptionFaults(name, given ?? {}, target.constructor, own);
    ownMetadata(target.constructor).hooks.push({ event, method: own });
  };
}

function indexDecorator(
  decorator: DecoratorName,
  kind: 'index' | 'unique',
  options: GlobalIndexOptions & UniqueOptions,
): PropertyDecorator {
  return (target, property) => {
    const own = propertyName(target, property);
    noteOptionFaults(decorator, options, target.constructor, own);
    const { name, fields, ...others } = objectOf(options);
    const index = {
      kind,
      on: own,
      name: name ?? own,
      fields: fields ?? [own],
      ...others,
    };
    ownMetadata(target.constructor).indexes.push(index);
  };
}

/**
 * Returns a property decorator that records the property's role and the type that TypeScript emitted.
 *
 * @param given the options that the decorator was given, where they are not the options of the property.
 */
export function roleDecorator(
  decorator: DecoratorName,
  role: PropertyRole,
  options: RoleOptions,
  given: unknown = options,
) {
  return (target: object, property: string | symbol, descriptor?: unknown): void => {
    const name = propertyName(target, property, descriptor);
    noteOptionFaults(decorator, given, target.constructor, name);
    ownMetadata(target.constructor).properties.push({
      property: name,
      role,
      options: objectOf(options),
      emittedType: Reflect.getMetadata('design:type', target, name) as unknown,
    });
  };
}

/** Options that are not an object are noted as a fault, and read as none. */
const objectOf = <Options extends object>(options: Options): Options =>
  typeof options === 'object' && options !== null ? options : ({} as Options);

function propertyName(target: object, property: string | symbol, descriptor?: unknown): string {
  const isMethod = typeof (descriptor as PropertyDescriptor | undefined)?.value === 'function';
  if (typeof property === 'string' && typeof target !== 'function' && !isMethod) return property;
  throw new SchemaError([whyNot(property, isMethod)]);
}

function whyNot(property: unknown, isMethod: boolean): string {
  // In TypeScript 5's standard decorators, the second argument is a context.
  if (typeof property === 'object')
    return 'Entity decorators need "experimentalDecorators": true in tsconfig.json';
  if (property === undefined)
    return 'A property decorator cannot decorate a class or a constructor parameter';
  if (isMethod) return `${String(property)} is a method, which cannot be stored`;
  return `${String(property)} is static or a symbol, which cannot be stored`;
}
