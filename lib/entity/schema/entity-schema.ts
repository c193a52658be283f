import type { Codec } from '../codec/codec.js';
import type { CollectionSchema } from './collection-schema.js';
import type { EntityHooks } from './entity-hooks.js';
import type { RelationSchema } from './relation-schema.js';
import type { ChangesSchema } from './schema-changes.js';
import type { WhileBuilding } from '../decorators/metadata.js';
import type { EntityClass } from '../decorators/shape.js';
import type { IdGenerator } from '../decorators/id-generators.js';

/** A stored property. */
export interface FieldSchema {
  readonly property: string;
  readonly codec: Codec;
  /** Whether a new entity has a value for this property, from an initializer or the option `default`. */
  readonly hasDefault: boolean;
  /** Returns the value of the option `default`. */
  readonly default?: (() => unknown) | undefined;
  /** Whether writes reject an entity without a value. */
  readonly required?: true | undefined;
  /** The greatest length that writes accept. */
  readonly maxLength?: number | undefined;
  /** How long a value lives after the write that stored it, in ms. */
  readonly ttlMs?: number | undefined;
  /** Where and in which type older versions stored the property, the latest first. */
  readonly former?: readonly FormerField[] | undefined;
  /** Whether writes also write the latest of these fields, rather than removing it. */
  readonly keepsFormer?: boolean | undefined;
}

/** A former name or type of a property. */
export interface FormerField {
  /** The field; the property's own name if only its type has changed. */
  readonly name: string;
  readonly codec: Codec;
  readonly convert: (value: unknown) => unknown;
}

/** A property of `@Counter()`. */
export interface CounterSchema {
  readonly property: string;
  /** Whether the property is a bigint; otherwise it is a number. */
  readonly bigint: boolean;
}

/** An index or a unique constraint over one or more fields. */
export interface IndexSchema {
  readonly kind: 'index' | 'unique';
  readonly name: string;
  readonly fields: readonly IndexedField[];
  /** Whether the index has rows that lack a value of a field. */
  readonly nulls?: boolean;
  /** What happens to writes of a value while the unique constraint is being built; absent for the default. */
  readonly whileBuilding?: WhileBuilding;
}

/** An index or a unique constraint over all partitions, in its own keys. */
export interface GlobalIndexSchema extends IndexSchema {
  /** The name of the entity. */
  readonly entity: string;
  /** How many buckets the entries of one value may be in. */
  readonly buckets: number;
}

/** How an index has the values of a field: as they are, in one case, or each element of an array on its own. */
export type IndexForm = 'plain' | 'folded' | 'elements';

/** A field whose values can be ordered. */
export interface IndexedField extends FieldSchema {
  readonly form: IndexForm;
  /** Orders values. If the index has one entry per element, the result is the encodings of all elements. */
  readonly codec: OrderedCodec;
  /** The codec of an element, if the index has one entry per element. */
  readonly element?: OrderedCodec;
  /** Whether values are strings, without an enum or a transformer. */
  readonly isText: boolean;
  /** Returns the encodings of the entries of a value. */
  encodings(value: unknown): string[];
}

/** A codec of values with an order. */
export type OrderedCodec = Codec & Required<Pick<Codec, 'order'>>;

/** How rows of a class are deleted softly: they stay, and reads leave them out. */
export interface DeletionSchema {
  /** The property of `@DeletedAt()`. A row that has a value for it is deleted. */
  readonly property: string;
  readonly field: IndexedField;
}

/** The validated schema of an entity class. Immutable, except that subscribers join its hooks. */
export interface EntitySchema {
  readonly type: EntityClass;
  readonly name: string;
  /** The name in the hash tag: the entity's own, or that of the entity that owns its partition. */
  readonly partitionName: string;
  readonly primaryKey: KeyProperty;
  /** Absent if every row is its own partition. */
  readonly partitionKey?: KeyProperty;
  readonly fields: readonly FieldSchema[];
  readonly counters: readonly CounterSchema[];
  readonly indexes: readonly IndexSchema[];
  /** Properties that have their own Redis key. */
  readonly collections: readonly CollectionSchema[];
  /** Properties that show rows of the same partition. */
  readonly relations: readonly RelationSchema[];
  /** The indexes and unique constraints over all partitions. They are not part of `indexes`. */
  readonly globals: readonly GlobalIndexSchema[];
  /** The fields of `@CreatedAt()` and `@UpdatedAt()`. */
  readonly createdAt?: string;
  readonly updatedAt?: string;
  /** The property that shows when the row expires. */
  readonly expiresAt?: string;
  /** How rows are deleted softly; absent if they are not. */
  readonly deletion?: DeletionSchema;
  /** How long values live, in milliseconds, by their properties; absent if none expires by itself. */
  readonly lifetimes?: ReadonlyMap<string, number>;
  /** The default time to live of rows, in milliseconds. */
  readonly ttlMs?: number;
  /** Whether the partition's token window records writes that a row cannot record itself. */
  readonly hasWindow: boolean;
  /** How old rows may be that reads by key take from the cache, in ms; absent if none may come from there. */
  readonly cachedForMs?: number;
  /** How changes are recorded; absent if they are not. */
  readonly changes?: ChangesSchema;
  /** Properties of older versions that the class no longer has, although it has a new one of their form. */
  readonly dropped: readonly string[];
  /** What runs before and after writes, and after loads. */
  readonly hooks: EntityHooks;
  /** The property that shows the version. */
  readonly version?: string;
}
/** The types of an id. */
export type KeyType = 'string' | 'number' | 'bigint';
/** A property that is part of the key. */
export interface KeyProperty {
  readonly property: string;
  readonly type: KeyType;
  readonly generate?: IdGenerator;
}
/** Keys that the entries of one global index are spread over. Part of the layout, as the next is: never changed. */
export const INDEX_BUCKETS = 16;
/** The name of the global index that lists all rows of a class. It has no fields. */
export const GLOBAL_LIST = '.all';
