import { ROW_FIELDS, removedField } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { LATEST_DATE_MS } from '../common/argument-checks.js';
import type { Stored } from '../codec/codec.js';
import { counterValue } from './counter.js';
import { SchemaMismatchError } from '../common/entity-errors.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema, FieldSchema } from '../schema/entity-schema.js';
import { givenValue, plainCopy } from '../common/given-value.js';
import { DefaultSnapshot, FormerSnapshot, type SnapshotValue } from './row-snapshot.js';
import { isValidDate } from '../codec/scalar-codecs.js';
import { type RowChanges, rowChanges } from './row-changes.js';
import { copyOf, fieldOf, isEmpty } from './stored-row.js';
import {
  type StoredValue,
  checkLength,
  checkOptional,
  encodeField,
  removeField,
  setField,
  storedIn,
  valueOf,
} from './field-storage.js';

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

  /** @param now returns the time by which rows expire, in milliseconds since 1970. */
  constructor(
    readonly schema: EntitySchema,
    readonly now: () => number,
  ) {
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
    if (expiresAt !== undefined && expiresAt <= this.now()) return null;
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
      const found = storedIn(field, stored);
      if (found === undefined) {
        snapshot[i] = this.loadAbsent(entity, field, stored);
        continue;
      }
      const value = this.decode(key, field, found);
      entity[field.property] = value;
      const { immutable } = field.codec;
      if (!found.former) snapshot[i] = immutable ? value : copyOf(found.bytes);
      else snapshot[i] = new FormerSnapshot(immutable ? value : field.codec.encode(value));
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
    this.fillDefaults(entity);
    for (const { property, bigint } of this.schema.counters) Reflect.set(entity, property, bigint ? 0n : 0);
  }

  /** Gives a new entity the values of the option `default` where it has none. Null means no value. */
  fillDefaults(entity: object): void {
    for (const field of this.schema.fields)
      if (field.default && Reflect.get(entity, field.property) === undefined)
        Reflect.set(entity, field.property, field.default());
  }

  /**
   * Returns the changes that bring a row up to date with its entity.
   *
   * @param known the snapshot of the current row; without it, everything is written.
   * @throws InvalidArgumentError if a value does not have its property's type.
   */
  changes(entity: object, known?: readonly SnapshotValue[]): RowChanges {
    return rowChanges(this.schema, this.globalFields, entity, known);
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
      if (value === null) {
        checkOptional(this.schema.name, field);
        removeField(field, set, removed);
      } else if (value !== undefined) {
        checkLength(this.schema.name, field, value);
        setField(field, encodeField(this.schema.name, field, value), set, removed);
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
    throw new InvalidArgumentError(
      expiresAt!,
      `${name}.${expiresAt} must be a valid Date, got ${describeKind(value)}`,
    );
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
      if (field.former)
        throw new InvalidArgumentError(
          property,
          `${this.schema.name}.${property} cannot be a condition while it has renamedFrom or convertFrom, because rows ` +
            'may store it otherwise: use ifVersion, or a transaction',
        );
      return [[property, value === null ? undefined : String(encodeField(this.schema.name, field, value))]];
    });
  }

  /** Leaves a property without a stored value at its default, unless it was removed. @returns its snapshot. */
  private loadAbsent(
    entity: Properties,
    { property, codec, hasDefault, default: ofOption }: FieldSchema,
    stored: Readonly<Record<string, Stored>>,
  ): SnapshotValue {
    if (!hasDefault || fieldOf(stored, removedField(property)) !== undefined) {
      entity[property] = undefined;
      return undefined;
    }
    if (ofOption) entity[property] = ofOption();
    const value = entity[property];
    if (value === undefined || value === null) return undefined;
    try {
      return new DefaultSnapshot(codec.immutable ? value : codec.encode(value));
    } catch {
      return undefined; // the default does not have the property's type: the next save reports it
    }
  }

  private decode(key: EntityKey, field: FieldSchema, stored: StoredValue): unknown {
    try {
      return valueOf(field, stored);
    } catch {
      // Without the cause, because the error of JSON.parse quotes the value.
      const { codec, property } = field;
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
