import { INDEX_LISTS } from '../keys/stored-names.js';
import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject } from '../common/argument-checks.js';
import { UnindexedQueryError } from '../common/entity-errors.js';
import { partitionTag } from '../keys/entity-key.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import { type FieldCondition, LEAVE_OUT, readCondition } from './query-condition.js';
import { type Span } from '../keys/index-entry.js';

/** How a query in a partition is run. */
export interface QueryPlan {
  readonly tag: string;
  /** The conditions that each row must meet, whatever the index says. */
  readonly conditions: readonly FieldCondition[];
  /** Entries to look up in a unique constraint, each with at most one row; else the query reads `ranges`. */
  readonly uniques?: readonly string[];
  /** The index or unique constraint; without one, the ranges belong to the list of all rows. */
  readonly index?: IndexSchema;
  /** The name of the index or unique constraint; absent for the list of all rows. */
  readonly name?: string;
  /** Ranges of the index, in its order, without overlaps. */
  readonly ranges: readonly Span[];
}

/**
 * Finds the index or unique constraint that covers a query.
 *
 * @throws UnindexedQueryError if none does.
 * @throws InvalidArgumentError if the partition key is missing, or a condition is invalid.
 */
export function planQuery(schema: EntitySchema, where: object): QueryPlan {
  const { partitionKey, name } = schema;
  if (!partitionKey)
    throw new UnindexedQueryError(name, `${name} is a partition of its own and can only be found by its key`);
  const given = conditionsIn(name, where);
  if (!given.has(partitionKey.property))
    throw new InvalidArgumentError(
      partitionKey.property,
      `A query on ${name} must include the partition key \`${partitionKey.property}\``,
    );
  const tag = partitionTag(schema, given.get(partitionKey.property));
  given.delete(partitionKey.property);
  if (given.size === 0) return { tag, conditions: [], ranges: [rangeOf(INDEX_LISTS.rows)] };
  const conditions = conditionsOf(name, schema.indexes, given);
  const index = conditions.size === given.size && bestIndex(schema.indexes, conditions);
  if (!index) throw unindexed(schema, [...given.keys()]);
  const inOrder = index.fields.flatMap(({ property }) => conditions.get(property) ?? []);
  const entries = prefixes(index, inOrder);
  return index.kind === 'unique'
    ? { tag, name: index.name, index, conditions: inOrder, uniques: entries, ranges: [] }
    : {
        tag,
        name: index.name,
        index,
        conditions: inOrder,
        ranges: entries.flatMap((prefix) => rangesOf(prefix, inOrder.at(-1)!)),
      };
}

/**
 * Returns the conditions of a query by property.
 *
 * @throws InvalidArgumentError if a condition is undefined: every row would meet it.
 */
export function conditionsIn(entity: string, where: unknown): Map<string, unknown> {
  checkObject('where', where);
  if (Array.isArray(where))
    throw new InvalidArgumentError(
      'where',
      `A query on ${entity} must be one object, got a list: for any of several values of a property, use { in: [...] }`,
    );
  const given = new Map<string, unknown>(Object.entries(where));
  for (const [property, condition] of given)
    if (condition === undefined)
      throw new InvalidArgumentError(
        property,
        `${entity}.${property} is undefined in the query: ${LEAVE_OUT}`,
      );
  return given;
}

/** Returns the conditions on properties that one of the indexes covers. */
export function conditionsOf(
  entity: string,
  indexes: readonly IndexSchema[],
  given: ReadonlyMap<string, unknown>,
): Map<string, FieldCondition> {
  const conditions = new Map<string, FieldCondition>();
  for (const field of indexes.flatMap(({ fields }) => fields))
    if (given.has(field.property) && !conditions.has(field.property))
      conditions.set(field.property, readCondition(entity, field, given.get(field.property)));
  return conditions;
}

/** Returns a unique constraint whose fields are all named, because it takes one lookup; else the smallest index. */
export function bestIndex<Index extends IndexSchema>(
  indexes: readonly Index[],
  conditions: ReadonlyMap<string, FieldCondition>,
): Index | undefined {
  const fitting = indexes.filter(({ kind, fields }) => {
    const named = fields.slice(0, conditions.size);
    const allNamed =
      named.length === conditions.size && named.every(({ property }) => conditions.has(property));
    if (kind === 'unique')
      return (
        allNamed &&
        fields.length === named.length &&
        named.every(({ property }) => conditions.get(property)!.isExact)
      );
    return allNamed && named.slice(0, -1).every(({ property }) => conditions.get(property)!.isExact);
  });
  const rank = ({ kind, fields }: IndexSchema): number => (kind === 'unique' ? 0 : fields.length);
  return fitting.sort((a, b) => rank(a) - rank(b))[0];
}

/**
 * Returns the prefixes of matching entries: up to the last named field for an index, the whole entry for a unique
 * constraint.
 */
export function prefixes({ kind, name }: IndexSchema, conditions: readonly FieldCondition[]): string[] {
  const whole = kind === 'unique' ? conditions : conditions.slice(0, -1);
  let beginnings = [name];
  for (const { spans } of whole) {
    // The span of one value begins with its encoding and a separator.
    const encodings = spans.map(({ from }) => from.toString('utf8', 0, from.length - 1));
    beginnings = beginnings.flatMap((beginning) => encodings.map((encoding) => `${beginning}\0${encoding}`));
  }
  if (beginnings.length * (kind === 'unique' ? 1 : (conditions.at(-1)?.spans.length ?? 1)) > MAX_RANGES)
    throw new InvalidArgumentError(
      'in',
      `The lists of the query multiply to ${beginnings.length} lookups; the limit is ${MAX_RANGES}`,
    );
  return beginnings;
}

/** The maximum number of lookups that the lists of a query may multiply to. */
const MAX_RANGES = 1_000;

export function rangesOf(prefix: string, { spans }: FieldCondition): Span[] {
  const beginning = Buffer.from(`${prefix}\0`);
  return spans.map(({ from, to }) => ({
    from: Buffer.concat([beginning, from]),
    to: Buffer.concat([beginning, to]),
  }));
}

const rangeOf = (prefix: string): Span => ({
  from: Buffer.from(`${prefix}\0`),
  to: Buffer.from(`${prefix}\x01`),
});

export function unindexed(schema: EntitySchema, asked: readonly string[]): UnindexedQueryError {
  const { name, indexes, globals } = schema;
  const label = ({ kind, name: own, fields }: IndexSchema): string =>
    `${kind} '${own}' on ${fields.map(({ property }) => property).join(', ')}`;
  const known = [...indexes.map(label), ...globals.map((index) => `global ${label(index)}`)];
  const listed = known.join('; ') || 'it has none';
  return new UnindexedQueryError(
    name,
    `No index of ${name} covers a query on ${asked.join(', ')} (${listed}); ${adviceOn(schema, asked)}`,
  );
}

/** Returns the advice for a query that no index covers. */
function adviceOn({ primaryKey, fields }: EntitySchema, asked: readonly string[]): string {
  if (asked.includes(primaryKey.property)) return 'findOne() finds a row by its key';
  const unknown = asked.find((name) => !fields.some(({ property }) => property === name));
  if (unknown !== undefined) {
    const meant = suggestionFor(
      unknown,
      fields.map(({ property }) => property),
    );
    return `${unknown} is not one of its @Property() members${meant}`;
  }
  const names = asked.map((property) => `'${property}'`).join(', ');
  const index = asked.length === 1 ? `@Index() on ${asked[0]}` : `@Index({ name: '…', fields: [${names}] })`;
  return `declare ${index}, or read the rows with stream() and filter them`;
}
