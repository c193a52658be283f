import { ROW_FIELDS, removedField } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { LATEST_DATE_MS } from '../common/argument-checks.js';
import { UnfitValue, whatFits, type Stored } from '../codec/codec.js';
import { counterValue } from './counter.js';
import { SchemaMismatchError } from '../common/entity-errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema, FieldSchema } from '../schema/entity-schema.js';
import { givenValue, plainCopy } from '../common/given-value.js';
import { hasRoundedNumber } from '../codec/lossy-numbers.js';
import { DefaultSnapshot, isNothing, isUnchanged, type SnapshotValue } from './row-snapshot.js';
import { isValidDate } from '../codec/scalar-codecs.js';
import { copyOf, fieldOf, isEmpty } from './stored-row.js';

/** The changes that a write makes to a row. */
export interface RowChanges {
  /** Alternating fields and values. */
  readonly set: Stored[];
  readonly removed: string[];
  /** The snapshot of the row after the write. */
  readonly snapshot: SnapshotValue[];
}

/** A row that was read. */
export interface LoadedRow<E extends object = object> {
  readonly entity: E;
  readonly version: number;
  readonly snapshot: SnapshotValue[];
  /** The texts of the counters, in the order of the schema; empty if absent. */
  readonly counters: string[];
  /** When the row expires, in milliseconds since 1970; undefined for never. */
  readonly expiresAt?: number;
}

type Properties = Record<string, unknown>;

/** Converts between entities and rows of one schema. */
export class RowMapper {
  private readonly fieldsByName: ReadonlyMap<string, FieldSchema>;
  private readonly globalFields: ReadonlySet<string>;
  /** The names of the properties that an entity is created with. */
  readonly creatable: ReadonlySet<string>;
  /** Whether rows can be read as text, which is much cheaper than reading bytes. */
  readonly isText: boolean;

  constructor(readonly schema: EntitySchema) {
    this.fieldsByName = new Map(schema.fields.map((field) => [field.property, field]));
    this.globalFields = new Set(
      schema.globals.flatMap(({ fields }) => fields).map(({ property }) => property),
    );
    const { primaryKey, partitionKey, expiresAt, fields } = schema;
    const others = [primaryKey.property, partitionKey?.property, expiresAt].filter(
      (name) => name !== undefined,
    );
    this.creatable = new Set([...others, ...fields.map(({ property }) => property)]);
    this.isText = schema.fields.every(({ codec }) => codec.form !== 'bytes');
  }

  /**
   * Converts a row to an entity.
   *
   * @param stored the reply of HGETALL. Fields that the schema does not know are ignored.
   * @returns null if there is no row, or it has expired.
   * @throws SchemaMismatchError
   */
  load(key: EntityKey, stored: Readonly<Record<string, Stored>>): LoadedRow | null {
    if (isEmpty(stored)) return null;
    const { fields, counters, primaryKey, partitionKey, version: versionProperty, type } = this.schema;
    const expiresAt = this.expiresAt(key, stored[ROW_FIELDS.expiresAt]);
    if (expiresAt !== undefined && expiresAt <= Date.now()) return null;
    const entity = Reflect.construct(type, []) as Properties;
    entity[primaryKey.property] = key.id;
    if (partitionKey) entity[partitionKey.property] = key.partition;
    const version = this.version(key, stored[ROW_FIELDS.version]);
    if (versionProperty) entity[versionProperty] = version;
    const { expiresAt: expiryProperty } = this.schema;
    if (expiryProperty) entity[expiryProperty] = expiresAt === undefined ? undefined : new Date(expiresAt);
    const snapshot: SnapshotValue[] = new Array<SnapshotValue>(fields.length);
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      const bytes = fieldOf(stored, field.property);
      if (bytes === undefined) {
        snapshot[i] = this.loadAbsent(entity, field, stored);
        continue;
      }
      const value = this.decode(key, field, bytes);
      entity[field.property] = value;
      snapshot[i] = field.codec.immutable ? value : copyOf(bytes);
    }
    const counterTexts = counters.map((counter) => {
      const text = fieldOf(stored, counter.property)?.toString() ?? '';
      entity[counter.property] = counterValue(this.schema, key, counter, text);
      return text;
    });
    return { entity, version, snapshot, counters: counterTexts, expiresAt };
  }

  /** Copies the schema's properties from `data` to an entity. */
  assign(entity: object, data: object): void {
    for (const name of this.creatable) {
      const value = givenValue(data, name);
      if (value !== undefined) Reflect.set(entity, name, value); // undefined keeps the default of the class
    }
    for (const { property, bigint } of this.schema.counters) Reflect.set(entity, property, bigint ? 0n : 0);
  }

  /**
   * Returns the changes that bring a row up to date with its entity.
   *
   * @param known the snapshot of the current row; without it, everything is written.
   * @throws InvalidArgumentError if a value does not have its property's type.
   */
  changes(entity: object, known?: readonly SnapshotValue[]): RowChanges {
    const { fields } = this.schema;
    const set: Stored[] = [];
    const removed: string[] = [];
    const defaults: Stored[] = [];
    const snapshot: SnapshotValue[] = new Array<SnapshotValue>(fields.length);
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      const value = (entity as Properties)[field.property];
      const before = known?.[i];
      if (value === undefined || value === null) {
        if (known && isNothing(field, before)) snapshot[i] = before;
        else this.remove(field, set, removed);
        continue;
      }
      const { immutable } = field.codec;
      if (immutable && known && before === value) {
        snapshot[i] = value;
        continue;
      }
      const encoded = this.encode(field, value);
      snapshot[i] = immutable ? value : encoded;
      const isDefault = before instanceof DefaultSnapshot;
      if (
        isDefault
          ? isUnchanged(field, before.value, value, encoded)
          : isUnchanged(field, before, value, encoded)
      ) {
        if (isDefault && this.globalFields.has(field.property)) defaults.push(field.property, encoded);
        snapshot[i] = before;
        continue;
      }
      if (!isDefault && before !== undefined) this.checkNumbers(field, before as Stored, encoded);
      set.push(field.property, encoded);
      if (field.hasDefault && before === undefined) removed.push(removedField(field.property));
    }
    // The row must contain the values of its entries in global indexes.
    if (set.length + removed.length > 0) set.push(...defaults);
    return { set, removed, snapshot };
  }

  /**
   * Returns the changes of a patch: undefined leaves a field unchanged, null removes it.
   *
   * @throws InvalidArgumentError if the patch names a property that cannot be patched.
   */
  patch(patch: object): Omit<RowChanges, 'snapshot'> & { readonly expireAt?: number | null } {
    const set: Stored[] = [];
    const removed: string[] = [];
    let expireAt: number | null | undefined;
    for (const [property, value] of Object.entries(patch)) {
      if (property === this.schema.expiresAt) {
        if (value !== undefined) expireAt = this.expiryOf(patch) ?? null;
        continue;
      }
      const field = this.fieldsByName.get(property);
      if (!field)
        throw new InvalidArgumentError(
          property,
          `${this.schema.name}.${property} cannot be patched: ${PATCHABLE}`,
        );
      if (value === null) this.remove(field, set, removed);
      else if (value !== undefined) {
        set.push(property, this.encode(field, value));
        if (field.hasDefault) removed.push(removedField(property));
      }
    }
    return { set, removed, expireAt };
  }

  /** Returns a patch as a plain object, even if it is an object of a class with accessors. */
  plain(patch: object): object {
    const { expiresAt } = this.schema;
    return plainCopy(patch, expiresAt ? [...this.fieldsByName.keys(), expiresAt] : this.fieldsByName.keys());
  }

  /**
   * Returns when the row of an entity or a patch expires, in milliseconds since 1970; undefined for never.
   *
   * @throws InvalidArgumentError
   */
  expiryOf(entity: object): number | undefined {
    const { name, expiresAt } = this.schema;
    const value: unknown = expiresAt === undefined ? undefined : Reflect.get(entity, expiresAt);
    if (value === undefined || value === null) return undefined;
    if (isValidDate(value)) return value.getTime();
    throw new InvalidArgumentError(expiresAt!, `${name}.${expiresAt} must be a valid Date`);
  }

  /**
   * Returns the values that fields must have for a row to meet conditions.
   *
   * @throws InvalidArgumentError if a condition names a property that cannot be compared.
   */
  guards(conditions: object): Guard[] {
    return Object.entries(conditions).flatMap(([property, value]: [string, unknown]) => {
      if (value === undefined)
        throw new InvalidArgumentError(
          property,
          `${this.schema.name}.${property} is undefined in the condition: leave it out for no condition, or use null for no value`,
        );
      const field = this.fieldsByName.get(property);
      if (!field?.codec.order)
        throw new InvalidArgumentError(
          property,
          `${this.schema.name}.${property} cannot be a condition: a condition needs a string, number, bigint, boolean, Date or enum of @Property()`,
        );
      return [[property, value === null ? undefined : String(this.encode(field, value))]];
    });
  }

  private remove({ property, hasDefault }: FieldSchema, set: Stored[], removed: string[]): void {
    removed.push(property);
    if (hasDefault) set.push(removedField(property), '');
  }

  /** Leaves a property without a stored value at its default, unless it was removed. @returns its snapshot. */
  private loadAbsent(
    entity: Properties,
    { property, codec, hasDefault }: FieldSchema,
    stored: Readonly<Record<string, Stored>>,
  ): SnapshotValue {
    if (!hasDefault || fieldOf(stored, removedField(property)) !== undefined) {
      entity[property] = undefined;
      return undefined;
    }
    const value = entity[property];
    if (value === undefined || value === null) return undefined;
    try {
      return new DefaultSnapshot(codec.immutable ? value : codec.encode(value));
    } catch {
      return undefined; // the default does not have the property's type: the next save reports it
    }
  }

  /** @throws InvalidArgumentError if the write contains a number that was rounded when it was read. */
  private checkNumbers({ property, codec }: FieldSchema, known: Stored, encoded: Stored): void {
    if (codec.form !== 'json' || !hasRoundedNumber(String(known), String(encoded))) return;
    throw new InvalidArgumentError(
      property,
      `${this.schema.name}.${property} is stored with a number that JavaScript cannot hold exactly, and saving it ` +
        'would round it: replace that number, or write the whole value with update()',
    );
  }

  private encode({ property, codec }: FieldSchema, value: unknown): Stored {
    try {
      return codec.encode(value);
    } catch (error) {
      if (!(error instanceof UnfitValue)) throw error;
      throw new InvalidArgumentError(
        property,
        `${this.schema.name}.${property} must be ${whatFits(codec.expects, value)}`,
      );
    }
  }

  private decode(key: EntityKey, { property, codec }: FieldSchema, stored: Stored): unknown {
    try {
      return codec.decode(stored);
    } catch {
      // Without the cause, because the error of JSON.parse quotes the value.
      throw new SchemaMismatchError(this.schema.name, property, key.row, codec.expects);
    }
  }

  private expiresAt(key: EntityKey, stored: Stored | undefined): number | undefined {
    if (stored === undefined) return undefined;
    const text = stored.toString();
    if (/^\d{1,16}$/.test(text) && Number(text) <= LATEST_DATE_MS) return Number(text);
    throw new SchemaMismatchError(this.schema.name, ROW_FIELDS.expiresAt, key.row, 'a time of expiry');
  }

  private version(key: EntityKey, stored: Stored | undefined): number {
    const version = stored === undefined ? 0 : Number(stored.toString()); // rows of other programs have none
    if (Number.isSafeInteger(version) && version >= 0) return version;
    throw new SchemaMismatchError(this.schema.name, ROW_FIELDS.version, key.row, 'a version');
  }
}

const PATCHABLE = 'a patch accepts properties of @Property(), @Embedded() and @ExpiresAt()';
/** A field, and the value that it must have; undefined if it must be absent. */
export type Guard = readonly [field: string, value: string | undefined];
