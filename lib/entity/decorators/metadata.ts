import type { CollectionKind } from './collection-kind.js';
import type { HookMetadata } from './lifecycle-hooks.js';
import type { EntityClass } from './shape.js';
import type { StoredOptions } from './stored-options.js';
import type { IdGenerator } from './id-generators.js';

/** The role of a property in its entity. */
export type PropertyRole =
  | 'primary key'
  | 'partition key'
  | 'property'
  | 'version'
  | 'counter'
  | 'creation time'
  | 'update time'
  | 'expiry time'
  | 'deletion time'
  | 'related rows'
  | 'related row'
  | CollectionKind;

/** What a decorator says of a property besides its role. */
export interface RoleOptions extends StoredOptions {
  generate?: IdGenerator | undefined;
  /** The related class, and the options of the relation. */
  relation?: { readonly type: unknown; readonly options: unknown } | undefined;
}

/** What a decorator declares about one property. */
export interface PropertyMetadata {
  readonly property: string;
  readonly role: PropertyRole;
  readonly options: RoleOptions;
  /** The type that TypeScript emitted for the property, if any. */
  readonly emittedType: unknown;
}

/** What happens to writes of a value while its unique constraint is being built. */
export type WhileBuilding = 'refuse' | 'write';

/** What `@Index` or `@Unique` declares. */
export interface IndexMetadata {
  readonly kind: 'index' | 'unique';
  /** The decorated property. */
  readonly on: string;
  readonly name: string;
  readonly fields: readonly string[];
  /** `'partition'` by default. */
  readonly scope?: 'partition' | 'global' | undefined;
  readonly buckets?: number | undefined;
  readonly whileBuilding?: WhileBuilding | undefined;
  readonly caseInsensitive?: boolean | undefined;
  readonly nulls?: boolean | undefined;
  readonly elements?: boolean | undefined;
}

/** Options of `@ClusterEntity`. */
export interface ClusterEntityOptions {
  /**
   * The entity's name in every key: letters, digits, `_`, `-` and `.`. Rows that were stored under another name are not
   * found.
   */
  name: string;
  /** The entity whose partition this one lives in. By default every row is a partition of its own. */
  partition?: (() => EntityClass) | undefined;
  /**
   * How long a row lives after its insert or upsert, unless its `@ExpiresAt()` has a value: milliseconds, or a whole
   * number with a unit, such as `'90s'`, `'15m'`, `'12h'` or `'30d'`.
   */
  ttl?: number | string | undefined;
  /**
   * `'window'` remembers increments, deletes and transactions for a minute in two keys of the partition. If a reply is
   * lost, such a write can then be sent again without being applied twice; without the window it fails with
   * `OutcomeUnknownError`. Each such write also writes these two keys.
   */
  idempotency?: 'window' | undefined;
  /**
   * Keeps a global index of all rows, so that a query without conditions finds, pages and counts all of them, by their
   * ids. Inserts and deletes then take the steps of a global index.
   */
  listed?: boolean | undefined;
  /**
   * Records every change in a stream, in the same commit, for `changes()`. There is one stream per slot and owner of
   * partitions; it keeps about `maxLength` changes, 1,000 by default. Each write also writes this stream. With
   * `values: true`, the stream has the old and new values of changed properties; without it, it has none.
   */
  changes?: boolean | { maxLength?: number | undefined; values?: boolean | undefined } | undefined;
  /**
   * Allows reads by key to come from the cache of the client: `findOne(key, { cache: true })`. The client needs its
   * option `cache`. `maxAgeMs` limits how old a kept row may be, in ms; `true` leaves it to the client. Not for classes
   * with collections, which are keys of their own.
   */
  cache?: boolean | { maxAgeMs: number } | undefined;
  /**
   * Properties of older versions that the class no longer has. Name them only if the same version adds a property of
   * the same stored form; otherwise the class is rejected, because that looks like a rename without `renamedFrom`.
   */
  dropped?: readonly string[] | undefined;
}

/** What the decorators of one class declare, without those of its parents. */
export interface ClassMetadata {
  entity?: ClusterEntityOptions | undefined;
  readonly properties: PropertyMetadata[];
  readonly indexes: IndexMetadata[];
  readonly hooks: HookMetadata[];
  /** What is wrong in the options of decorators. If it concerns a property, it begins with a dot and the property. */
  readonly faults: string[];
}

// Keyed by the class: no entry outlives its class. Applications in one process share the declarations of a class, but
// not the schemas that they build from them.
const classes = new WeakMap<object, ClassMetadata>();

/** Returns the metadata of a class, to which its decorators add. */
export function ownMetadata(type: object): ClassMetadata {
  let metadata = classes.get(type);
  if (!metadata) classes.set(type, (metadata = { properties: [], indexes: [], hooks: [], faults: [] }));
  return metadata;
}

/**
 * Returns the properties, indexes and hooks of a class and its parents. Declarations of a subclass replace those of its
 * parents for the same property.
 */
export function inheritedMetadata(type: EntityClass): Omit<ClassMetadata, 'entity'> {
  const lineage: ClassMetadata[] = [];
  for (let level: unknown = type; typeof level === 'function'; level = Object.getPrototypeOf(level)) {
    const metadata = classes.get(level);
    if (metadata) lineage.unshift(metadata);
  }
  const properties: PropertyMetadata[] = [];
  for (const level of lineage) {
    const redeclared = new Set(level.properties.map(({ property }) => property));
    const kept = properties.filter(({ property }) => !redeclared.has(property));
    properties.splice(0, properties.length, ...kept, ...level.properties);
  }
  // Likewise for the indexes that are declared on a property.
  const indexes: IndexMetadata[] = [];
  for (const level of lineage) {
    const redeclared = new Set(level.indexes.map(({ on }) => on));
    const kept = indexes.filter(({ on }) => !redeclared.has(on));
    indexes.splice(0, indexes.length, ...kept, ...level.indexes);
  }
  return {
    properties,
    indexes,
    hooks: lineage.flatMap(({ hooks }) => hooks),
    faults: lineage.flatMap(({ faults }) => faults),
  };
}

/** Returns the decorated properties that a subclass adds to its base class; none if it is not a subclass. */
export function propertiesBelow(derived: EntityClass, base: EntityClass): string[] {
  if (!(derived.prototype instanceof base)) return [];
  const known = new Set(inheritedMetadata(base).properties.map(({ property }) => property));
  const all = inheritedMetadata(derived).properties.map(({ property }) => property);
  return all.filter((property) => !known.has(property));
}

/** Returns the options of `@ClusterEntity` on this class. A subclass of an entity needs its own decorator. */
export function entityOptions(type: object): ClusterEntityOptions | undefined {
  return classes.get(type)?.entity;
}
