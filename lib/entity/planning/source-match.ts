import { ABSENT } from '../keys/stored-names.js';
import type { IndexSchema } from '../schema/entity-schema.js';
import { meets } from './query-condition.js';
import type { QuerySource } from './query-plan.js';

/**
 * Returns what checks whether entities meet the conditions of a source. Rows that an index lists one after the other often
 * have the same value: the last one that met a condition is not checked again.
 */
export function conditionsCheck({ conditions }: QuerySource): (entity: object) => boolean {
  const met = conditions.map((): unknown => NONE);
  return (entity) =>
    conditions.every((condition, i) => {
      const value: unknown = Reflect.get(entity, condition.field.property);
      if (Object.is(value, met[i])) return true;
      if (!meets(value, condition)) return false;
      if (typeof value !== 'object') met[i] = value; // the content of an object may change
      return true;
    });
}

/** No value of an entity. */
const NONE = Symbol('none');

/** Returns whether an entity meets the conditions of a source. */
const meetsAll = ({ conditions }: QuerySource, entity: object): boolean =>
  conditions.every((condition) => meets(Reflect.get(entity, condition.field.property), condition));

/** Returns whether a source finds an entity: it has an entry in the index, and meets the conditions. */
export function isFoundBy(source: QuerySource, entity: object): boolean {
  const { index } = source;
  const isIndexed =
    index.nulls || index.fields.every(({ property }) => isPresent(Reflect.get(entity, property)));
  return isIndexed && meetsAll(source, entity);
}

/** Returns the encodings of an entity's entry in an index without arrays; undefined if it has no entry. */
export function encodingsOf({ fields, nulls = false }: IndexSchema, entity: object): string[] | undefined {
  const values = fields.map(({ property }): unknown => Reflect.get(entity, property));
  if (!nulls && !values.every(isPresent)) return undefined;
  return fields.map(({ codec }, i) => (isPresent(values[i]) ? codec.order(values[i]) : ABSENT));
}

export const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
