import { describeKind } from '../../cluster/common/describe-value.js';
import { notOurs } from '../../cluster/common/package-copies.js';
import type { Codec } from '../codec/codec.js';
import { buildCollections, isCollection } from './collection-schema.js';
import { type EmbeddedField, embeddedCodec } from '../codec/composite-codecs.js';
import type { CounterSchema, EntitySchema, FieldSchema, KeyProperty, KeyType } from './entity-schema.js';
import { EntityHooks } from './entity-hooks.js';
import {
  type PropertyMetadata,
  type PropertyRole,
  entityOptions,
  inheritedMetadata,
} from '../decorators/metadata.js';
import { buildCache, buildChanges, buildTtl } from './schema-changes.js';
import { buildDeletion } from './deletion-schema.js';
import { buildRelations } from './relation-schema.js';
import { droppedOf, fieldRules, lifetimesOf } from './field-rules.js';
import { buildIndexes } from './schema-indexes.js';
import { GENERATOR_NAMES, isIdGenerator } from '../decorators/id-generators.js';
import { ROW_OPTIONS } from '../decorators/stored-options.js';
import { TypeFault, resolveCodec } from '../decorators/property-type.js';
import { hasDefault, trialObject } from './trial-object.js';
import type { EntityClass } from '../decorators/shape.js';

/** Builds schemas from the metadata of classes. It collects all faults instead of stopping at the first. */
export class SchemaBuilder {
  readonly faults: string[] = [];
  private readonly embedded = new Map<EntityClass, Codec>();

  /** Builds the schema of a class. Returns undefined if it has a fault. */
  build(type: EntityClass): EntitySchema | undefined {
    const faultsBefore = this.faults.length;
    const options = entityOptions(type);
    if (!options) {
      this.faults.push(notOurs(type, `${type.name} has no @ClusterEntity decorator`));
      return undefined;
    }
    if (typeof options.name !== 'string' || !NAME.test(options.name))
      this.fault(
        type,
        `has the name ${JSON.stringify(options.name)}: it must be a string of letters, digits, _ - and .`,
      );
    const note = (what: string): void => this.fault(type, what);
    const { properties, indexes, hooks, faults } = inheritedMetadata(type);
    for (const fault of faults) this.fault(type, fault);
    this.checkNames(type, properties);
    const owner = options.partition === undefined ? undefined : this.partitionOwner(type, options.partition);
    const fields = this.fields(type, properties);
    const schema: Partial<EntitySchema> = {
      type,
      name: options.name,
      partitionName: owner?.name ?? options.name,
      primaryKey: this.keyProperty(type, this.only(type, properties, 'primary key')),
      partitionKey: this.partitionKey(type, properties, options.partition !== undefined, owner?.keyType),
      fields,
      ...buildIndexes(options.name, indexes, fields, options.partition !== undefined, options.listed, note),
      counters: this.counters(type, properties),
      collections: buildCollections(properties, (metadata) => this.codec(type, metadata), note),
      relations: buildRelations(
        {
          properties,
          partitionName: owner?.name ?? options.name,
          isOwner: options.partition === undefined,
        },
        note,
      ),
      createdAt: this.typed(type, properties, 'creation time'),
      updatedAt: this.typed(type, properties, 'update time'),
      expiresAt: this.typed(type, properties, 'expiry time'),
      lifetimes: lifetimesOf(fields),
      ttlMs: buildTtl(options.ttl, note),
      hasWindow: this.hasWindow(type, options.idempotency),
      changes: buildChanges(options.changes, note),
      cachedForMs: buildCache(
        options.cache,
        properties.some(({ role }) => isCollection(role)),
        note,
      ),
      dropped: droppedOf(options.dropped, note),
      hooks: new EntityHooks(hooks),
      version: this.typed(type, properties, 'version'),
    };
    const deletedAt = this.typed(type, properties, 'deletion time');
    const deletion = buildDeletion(deletedAt, schema, note);
    return this.faults.length === faultsBefore ? ({ ...schema, deletion } as EntitySchema) : undefined;
  }

  /** @param what the fault; if it concerns a property, it begins with a dot and the property. */
  private fault(type: EntityClass, what: string): void {
    this.faults.push(what.startsWith('.') ? type.name + what : `${type.name} ${what}`);
  }

  private checkNames(type: EntityClass, properties: readonly PropertyMetadata[]): void {
    const roles = new Map<string, PropertyRole>();
    for (const { property, role } of properties) {
      const other = roles.get(property);
      if (other) this.fault(type, `.${property} is decorated twice, as ${other} and as ${role}`);
      roles.set(property, role);
      if (property.startsWith('~') || UNUSABLE_NAMES.has(property))
        this.fault(type, `.${property} has a name that no stored property can have`);
    }
  }

  /** Returns the only property with a role. */
  private only(
    type: EntityClass,
    properties: readonly PropertyMetadata[],
    role: PropertyRole,
  ): PropertyMetadata | undefined {
    const found = properties.filter((metadata) => metadata.role === role);
    if (found.length > 1)
      this.fault(type, `has more than one ${role}: ${found.map(({ property }) => property).join(', ')}`);
    if (found.length === 0 && role === 'primary key')
      this.fault(type, 'has no primary key: decorate a property with @PrimaryKey()');
    return found[0];
  }

  private keyProperty(type: EntityClass, metadata: PropertyMetadata | undefined): KeyProperty | undefined {
    if (!metadata) return undefined;
    const { property, role, options } = metadata;
    const keyType = keyTypeOf(metadata);
    if (!keyType)
      this.fault(type, `.${property} is a ${role}, and ${typeFault(metadata, 'string, number or bigint')}`);
    if (options.generate && keyType && keyType !== 'string')
      this.fault(type, `.${property} is generated as a string and declared as a ${keyType}`);
    if (options.generate !== undefined && !isIdGenerator(options.generate))
      this.fault(type, `.${property} has an unknown generator of ids: there are ${GENERATOR_NAMES}`);
    return { property, type: keyType ?? 'string', generate: options.generate };
  }

  private partitionKey(
    type: EntityClass,
    properties: readonly PropertyMetadata[],
    wanted: boolean,
    ownerKeyType: KeyType | undefined,
  ): KeyProperty | undefined {
    const key = this.keyProperty(type, this.only(type, properties, 'partition key'));
    if (wanted && !key) this.fault(type, 'lives in a partition and has no property with @PartitionKey()');
    if (!wanted && key)
      this.fault(type, `.${key.property} is a partition key, and @ClusterEntity names no partition`);
    if (key && ownerKeyType && key.type !== ownerKeyType)
      this.fault(
        type,
        `.${key.property} is a ${key.type}, and the primary key it refers to a ${ownerKeyType}`,
      );
    return key;
  }

  /** Returns the name of a partition's owner, and the type of its key. */
  private partitionOwner(
    type: EntityClass,
    partition: () => EntityClass | undefined,
  ): { name: string; keyType?: KeyType } | undefined {
    if (typeof partition !== 'function') {
      this.fault(type, `must give its partition as a function, () => Owner, got ${describeKind(partition)}`);
      return undefined;
    }
    if (entityOptions(partition)) {
      this.fault(type, `has the class ${partition.name} as its partition: write () => ${partition.name}`);
      return undefined;
    }
    const owner = partition();
    if (typeof owner !== 'function') {
      this.fault(type, `has a partition() that returns ${String(owner)}: probably a circular import`);
      return undefined;
    }
    const options = entityOptions(owner);
    if (!options) {
      this.fault(type, `lives in the partition of ${owner.name}, which has no @ClusterEntity decorator`);
      return undefined;
    }
    if (options.partition) {
      this.fault(
        type,
        `lives in the partition of ${owner.name}, which itself lives in another partition: name ` +
          'the owner of that partition',
      );
      return undefined;
    }
    const primaryKey = inheritedMetadata(owner).properties.find(({ role }) => role === 'primary key');
    return { name: options.name, keyType: primaryKey && keyTypeOf(primaryKey) };
  }

  private fields(type: EntityClass, properties: readonly PropertyMetadata[]): FieldSchema[] {
    const trial = trialObject(type, properties, (what) => this.fault(type, what));
    const fields: FieldSchema[] = [];
    for (const metadata of properties) {
      const { property, role } = metadata;
      if (role.startsWith('related') && hasDefault(trial, property))
        this.fault(type, `.${property} is a relation, which cannot have a value: remove its initializer`);
      if (!STORED_ROLES.has(role)) continue;
      const codec = this.codec(type, metadata);
      if (!codec) continue;
      const hasInitializer = hasDefault(trial, property);
      const rules = fieldRules(
        metadata,
        codec,
        hasInitializer,
        properties.map((other) => other.property),
        (options) => this.codec(type, { ...metadata, options, emittedType: undefined }),
        (what) => this.fault(type, what),
      );
      fields.push({ property, codec, hasDefault: hasInitializer || rules.default !== undefined, ...rules });
    }
    return fields;
  }

  private codec(type: EntityClass, { property, options, emittedType }: PropertyMetadata): Codec | undefined {
    try {
      return resolveCodec(options, emittedType, (embedded) => this.embeddedCodec(embedded));
    } catch (error) {
      if (!(error instanceof TypeFault)) throw error;
      this.fault(type, `.${property} ${error.message}`);
      return undefined;
    }
  }

  private embeddedCodec(type: EntityClass): Codec | undefined {
    const known = this.embedded.get(type);
    if (known) return known;
    const { properties, faults } = inheritedMetadata(type);
    if (properties.length === 0) return undefined;
    for (const fault of faults) this.fault(type, fault);
    const fields: EmbeddedField[] = [];
    const codec = embeddedCodec(type, fields);
    this.embedded.set(type, codec); // before its fields are known: a class may embed itself
    for (const { property, role, options } of properties) {
      if (role !== 'property')
        this.fault(type, `.${property} is a ${role}, which an embedded value cannot have`);
      for (const option of ROW_OPTIONS)
        if (options[option] !== undefined)
          this.fault(type, `.${property} has ${option}, which a property of an embedded value cannot have`);
    }
    fields.push(...this.fields(type, properties));
    return codec;
  }

  private counters(type: EntityClass, properties: readonly PropertyMetadata[]): CounterSchema[] {
    const counters = properties.filter(({ role }) => role === 'counter');
    for (const metadata of counters)
      if (!COUNTER_TYPES.includes(typeOf(metadata)))
        this.fault(
          type,
          `.${metadata.property} is a counter, and ${typeFault(metadata, 'number or bigint')}`,
        );
    return counters.map((metadata) => ({ property: metadata.property, bigint: typeOf(metadata) === BigInt }));
  }

  private hasWindow(type: EntityClass, idempotency: unknown): boolean {
    if (idempotency !== undefined && idempotency !== 'window')
      this.fault(type, `has the idempotency ${JSON.stringify(idempotency)}; the only value is 'window'`);
    return idempotency === 'window';
  }

  /** Returns the property with a role that requires one type. */
  private typed(
    type: EntityClass,
    properties: readonly PropertyMetadata[],
    role: keyof typeof ROLE_TYPES,
  ): string | undefined {
    const metadata = this.only(type, properties, role);
    const wanted = ROLE_TYPES[role];
    // Without an emitted type, only the compiler has checked it.
    if (metadata?.emittedType !== undefined && metadata.emittedType !== wanted)
      this.fault(type, `.${metadata.property} is the ${role}, and its type is not ${wanted.name}`);
    return metadata?.property;
  }
}

const ROLE_TYPES = {
  version: Number,
  'creation time': Date,
  'update time': Date,
  'expiry time': Date,
  'deletion time': Date,
};
const NAME = /^[\w.-]+$/;
const STORED_ROLES: ReadonlySet<PropertyRole> = new Set([
  'property',
  'creation time',
  'update time',
  'deletion time',
] as const);
const UNUSABLE_NAMES = new Set(['__proto__', 'constructor', 'prototype']);
const KEY_TYPES = new Map<unknown, KeyType>([
  [String, 'string'],
  [Number, 'number'],
  [BigInt, 'bigint'],
]);
const COUNTER_TYPES: readonly unknown[] = [Number, BigInt];

/** Returns the type given to the decorator, or else the one that TypeScript emitted. */
const typeOf = ({ options, emittedType }: PropertyMetadata): unknown => options.type ?? emittedType;

const keyTypeOf = (metadata: PropertyMetadata): KeyType | undefined => KEY_TYPES.get(typeOf(metadata));

const typeFault = (metadata: PropertyMetadata, wanted: string): string =>
  typeOf(metadata) === undefined
    ? 'its type is not known: give { type }, or compile with emitDecoratorMetadata'
    : `its type is not ${wanted}`;
