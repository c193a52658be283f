import type { Codec } from '../codec/codec.js';
import type { CollectionSchema } from './collection-schema.js';
import type { Hooks } from '../decorators/lifecycle-hooks.js';
import type { ChangesSchema } from './schema-changes.js';
import type { WhileBuilding } from '../decorators/metadata.js';
import type { EntityClass } from '../decorators/shape.js';
import type { IdGenerator } from '../decorators/id-generators.js';

/** A stored property. */
export interface FieldSchema {
  readonly property: string;
  readonly codec: Codec;
  /** Whether a new object of the class has a value for it. */
  readonly hasDefault: boolean;
}

/** A property of `@Counter()`. */
export interface CounterSchema {
  readonly property: string;
  /** Whether it is a bigint; a number otherwise. */
  readonly bigint: boolean;
}

/** An index or a unique, over one field or several. */
export interface IndexSchema {
  readonly kind: 'index' | 'unique';
  readonly name: string;
  readonly fields: readonly IndexedField[];
  /** What becomes of writes that take a value of a unique that is being built; absent for the default. */
  readonly whileBuilding?: WhileBuilding;
}

/** An index or a unique over all partitions, in keys of its own. */
export interface GlobalIndexSchema extends IndexSchema {
  /** The name of the entity. */
  readonly entity: string;
  /** In how many buckets the entries of one value may be. */
  readonly buckets: number;
}

/** A field whose values have an order. */
export interface IndexedField extends FieldSchema {
  readonly codec: Codec & Required<Pick<Codec, 'order'>>;
}

/** What is known of an entity class once its decorators were found right. Immutable. */
export interface EntitySchema {
  readonly type: EntityClass;
  readonly name: string;
  /** The name in the hash tag: its own, or that of the entity whose partition it lives in. */
  readonly partitionName: string;
  readonly primaryKey: KeyProperty;
  /** Absent where every row is a partition of its own. */
  readonly partitionKey?: KeyProperty;
  readonly fields: readonly FieldSchema[];
  readonly counters: readonly CounterSchema[];
  readonly indexes: readonly IndexSchema[];
  /** Properties with a Redis key of their own. */
  readonly collections: readonly CollectionSchema[];
  /** The indexes and uniques over all partitions; none of them is in `indexes`. */
  readonly globals: readonly GlobalIndexSchema[];
  /** The fields of `@CreatedAt()` and `@UpdatedAt()`. */
  readonly createdAt?: string;
  readonly updatedAt?: string;
  /** The property that shows when the row expires. */
  readonly expiresAt?: string;
  /** How long rows live unless they say otherwise, in milliseconds. */
  readonly ttlMs?: number;
  /** Whether writes that a row cannot remember are remembered in the partition's token window. */
  readonly hasWindow: boolean;
  /** How its changes are recorded; absent where they are not. */
  readonly changes?: ChangesSchema;
  /** Methods that run before and after writes, and after loads. */
  readonly hooks: Hooks;
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
