import { removedField } from '../keys/stored-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import type { Stored } from '../codec/codec.js';
import type { EntitySchema, FieldSchema } from '../schema/entity-schema.js';
import { givenValue, plainCopy } from '../common/given-value.js';
import type { SnapshotValue } from './row-snapshot.js';
import { isValidDate } from '../codec/scalar-codecs.js';
import { type RowChanges, rowChanges } from './row-changes.js';
import { RowLoader } from './row-loader.js';
import { checkLength, checkOptional, encodeField, removeField, setField } from './field-storage.js';

/** Converts between entities and rows of one schema. */
export class RowMapper {
  private readonly fieldsByName: ReadonlyMap<string, FieldSchema>;
  private readonly globalFields: ReadonlySet<string>;
  /** The names of the properties that an entity is created with. */
  readonly creatable: ReadonlySet<string>;
  /** Converts rows to entities. */
  readonly loader: RowLoader;

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
    this.loader = new RowLoader(schema, now);
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
}

const PATCHABLE = 'a patch accepts properties of @Property(), @Embedded() and @ExpiresAt()';
/** A field, and the value that it must have; undefined if it must be absent. */
export type Guard = readonly [field: string, value: string | undefined];
