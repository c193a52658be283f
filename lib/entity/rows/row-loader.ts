import { SchemaMismatchError } from '../common/entity-errors.js';
import { LATEST_DATE_MS } from '../common/argument-checks.js';
import type { Stored } from '../codec/codec.js';
import type { EntityKey } from '../keys/entity-key.js';
import { ROW_FIELDS, removedField } from '../keys/stored-names.js';
import type { EntitySchema, FieldSchema } from '../schema/entity-schema.js';
import { counterValue } from './counter.js';
import { type StoredValue, fieldsRead, storedIn, valueOf } from './field-storage.js';
import { DefaultSnapshot, FormerSnapshot, type SnapshotValue } from './row-snapshot.js';
import { copyOf, fieldOf, isEmpty } from './stored-row.js';

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

/** The values of some fields of a row, in their order; null or undefined for an absent field. */
export type RowValues = readonly (Stored | null | undefined)[];

type Properties = Record<string, unknown>;

/** The place of the first property among the fields that a mapper reads. */
const FIRST_PROPERTY = 2;

const isAbsent = (value: Stored | null | undefined): value is null | undefined =>
  value === null || value === undefined;

/** Converts rows of one schema to entities. */
export class RowLoader {
  /** Whether rows can be read as text, which is much cheaper than reading bytes. */
  readonly isText: boolean;
  /**
   * The fields of a row to read: the version, the expiry, the properties in the order of the schema, and
   * others. These include neither the tokens of the row's writes nor the encodings of its indexes.
   */
  readonly names: readonly string[];
  /** The places of the counters among them, and of the deletion time. */
  private readonly counterPlaces: readonly number[];
  private readonly deletionPlace: number;

  /** @param now returns the time by which rows expire, in milliseconds since 1970. */
  constructor(
    private readonly schema: EntitySchema,
    private readonly now: () => number,
  ) {
    const { fields, counters, deletion } = schema;
    this.isText = fields.every(({ codec }) => codec.form !== 'bytes');
    const names = [ROW_FIELDS.version, ROW_FIELDS.expiresAt, ...fields.map(({ property }) => property)];
    const more = [...counters.map(({ property }) => property), ...(deletion ? [deletion.property] : [])];
    this.names = [...new Set([...names, ...more, ...fields.flatMap(fieldsRead)])];
    this.counterPlaces = counters.map(({ property }) => this.names.indexOf(property));
    this.deletionPlace = deletion ? this.names.indexOf(deletion.property) : -1;
  }

  /** Returns the values of a row that was read whole; null if there is none. */
  valuesOf(stored: Readonly<Record<string, Stored>>): RowValues | null {
    if (isEmpty(stored)) return null;
    const values: (Stored | undefined)[] = [];
    for (let i = 0; i < this.names.length; i++) values.push(fieldOf(stored, this.names[i]));
    return values;
  }

  /** Returns whether the values are those of a row that is deleted softly. */
  isDeleted(values: RowValues): boolean {
    return this.deletionPlace >= 0 && !isAbsent(values[this.deletionPlace]);
  }

  /**
   * Converts a row to an entity.
   *
   * @param values the values of the fields in `names`. Other fields of the row are ignored.
   * @returns null if the row has expired.
   * @throws SchemaMismatchError
   */
  load(key: EntityKey, values: RowValues): LoadedRow | null {
    const { fields, counters, primaryKey, partitionKey, version: versionProperty, type } = this.schema;
    const expiresAt = this.expiresAt(key, values[1]);
    if (expiresAt !== undefined && expiresAt <= this.now()) return null;
    const entity = new (type as new () => Properties)();
    entity[primaryKey.property] = key.id;
    if (partitionKey) entity[partitionKey.property] = key.partition;
    const version = this.version(key, values[0]);
    if (versionProperty) entity[versionProperty] = version;
    const { expiresAt: expiryProperty } = this.schema;
    if (expiryProperty) entity[expiryProperty] = expiresAt === undefined ? undefined : new Date(expiresAt);
    const snapshot: SnapshotValue[] = new Array<SnapshotValue>(fields.length);
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      const bytes = values[FIRST_PROPERTY + i];
      if (field.former || (field.hasDefault && isAbsent(bytes))) {
        snapshot[i] = this.loadField(key, entity, field, values);
        continue;
      }
      const value = isAbsent(bytes) ? undefined : this.decode(key, field, bytes);
      entity[field.property] = value;
      snapshot[i] = isAbsent(bytes) || field.codec.immutable ? value : copyOf(bytes);
    }
    const counterTexts = counters.map((counter, i) => {
      const text = values[this.counterPlaces[i]]?.toString() ?? '';
      entity[counter.property] = counterValue(this.schema, key, counter, text);
      return text;
    });
    return { entity, version, snapshot, counters: counterTexts, expiresAt };
  }

  /** Loads a property that may be stored in another way, or have a default. Returns its snapshot. */
  private loadField(
    key: EntityKey,
    entity: Properties,
    field: FieldSchema,
    values: RowValues,
  ): SnapshotValue {
    const stored: Record<string, Stored> = Object.create(null) as Record<string, Stored>;
    for (const name of fieldsRead(field)) {
      const value = values[this.names.indexOf(name)];
      if (!isAbsent(value)) stored[name] = value;
    }
    const found = storedIn(field, stored);
    if (found === undefined) return this.loadAbsent(entity, field, stored);
    const value = found.former ? this.convert(key, field, found) : this.decode(key, field, found.bytes);
    entity[field.property] = value;
    const { immutable } = field.codec;
    if (!found.former) return immutable ? value : copyOf(found.bytes);
    return new FormerSnapshot(immutable ? value : field.codec.encode(value));
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

  private decode(key: EntityKey, field: FieldSchema, stored: Stored): unknown {
    try {
      return field.codec.decode(stored);
    } catch {
      throw this.mismatch(key, field);
    }
  }

  private convert(key: EntityKey, field: FieldSchema, stored: StoredValue): unknown {
    try {
      return valueOf(field, stored);
    } catch {
      throw this.mismatch(key, field);
    }
  }

  /** Without the cause, because the error of JSON.parse quotes the value. */
  private mismatch({ row }: EntityKey, { codec, property }: FieldSchema): SchemaMismatchError {
    return new SchemaMismatchError(this.schema.name, property, row, codec.expects);
  }

  private expiresAt(key: EntityKey, stored: Stored | null | undefined): number | undefined {
    if (isAbsent(stored)) return undefined;
    const text = stored.toString();
    if (/^\d{1,16}$/.test(text) && Number(text) <= LATEST_DATE_MS) return Number(text);
    throw new SchemaMismatchError(this.schema.name, ROW_FIELDS.expiresAt, key.row, 'a time of expiry');
  }

  private version(key: EntityKey, stored: Stored | null | undefined): number {
    const version = isAbsent(stored) ? 0 : Number(stored); // rows of other programs have none
    if (Number.isSafeInteger(version) && version >= 0) return version;
    throw new SchemaMismatchError(this.schema.name, ROW_FIELDS.version, key.row, 'a version');
  }
}
