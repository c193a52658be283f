import { encodingName } from '../keys/stored-names.js';
import type { IndexSchema, IndexedField } from '../schema/entity-schema.js';
import type { FieldCondition } from './query-condition.js';
import type { QueryOrder } from './query-order.js';

/** The conditions of a query by the names of their encodings. */
export type Conditions = ReadonlyMap<string, FieldCondition>;

/** The order of a query. */
export interface FitOrder extends QueryOrder {
  /** Whether the results are not merged with those of other alternatives. */
  readonly isAlone: boolean;
}

/** How an index serves a query. */
export interface IndexFit<Index extends IndexSchema = IndexSchema> {
  readonly index: Index;
  /** The conditions on the first fields, each of single values. */
  readonly exact: readonly FieldCondition[];
  /** The condition on the next field. */
  readonly ranged?: FieldCondition;
  /** The number of fields after `exact` that the results are sorted by. */
  readonly ordered: number;
  /** The conditions that the index does not cover. */
  readonly residual: readonly FieldCondition[];
}

/**
 * Returns the index that serves a query best: a unique constraint takes one lookup; else the smallest index.
 *
 * @param isScan whether an index may leave conditions uncovered. It must contain every row that the query may find then,
 * and the one that covers most conditions is the best.
 */
export function bestFit<Index extends IndexSchema>(
  indexes: readonly Index[],
  conditions: Conditions,
  order: FitOrder,
  isScan: boolean,
): IndexFit<Index> | undefined {
  const fits = indexes.flatMap((index) => {
    const fit = (index.kind === 'unique' ? fitOfUnique : fitOfIndex)(index, conditions, order);
    if (!fit) return [];
    if (!isScan) return fit.residual.length === 0 ? [fit] : [];
    return hasAllRows(index, conditions, order) ? [fit] : [];
  });
  const rank = ({ index: { kind, fields }, exact, ranged }: IndexFit): number => {
    const covered = isScan ? 2 * exact.length + (ranged ? 1 : 0) : 0;
    return (kind === 'unique' ? -1_000 : fields.length) - covered * 100;
  };
  return (fits as IndexFit<Index>[]).sort((a, b) => rank(a) - rank(b))[0];
}

/** Returns how a unique constraint serves a query that names single values of all its fields. */
function fitOfUnique(index: IndexSchema, conditions: Conditions, order: FitOrder): IndexFit | undefined {
  const exact = index.fields.map((field) => conditionOn(index, field, conditions));
  if (!exact.every((condition) => condition?.isExact === true)) return undefined;
  const isOne = exact.every((condition) => condition!.spans.length <= 1);
  if (!order.isAlone && (order.by.length > 0 || order.isByKey)) return undefined;
  // Values are looked up in the order of the fields.
  const isInOrder = !order.isByKey && order.by.every((property, i) => index.fields[i]?.property === property);
  if (!isOne && !isInOrder) return undefined;
  const covered = exact as FieldCondition[];
  return { index, exact: covered, ordered: 0, residual: without(conditions, covered) };
}

function fitOfIndex(index: IndexSchema, conditions: Conditions, order: FitOrder): IndexFit | undefined {
  const { fields } = index;
  const isPinned = (field: IndexedField): boolean =>
    order.isAlone && isOneValue(conditions.get(encodingName(field)));
  // A property of which all rows have the same value does not matter, unless other alternatives have other values.
  const by = order.by.filter((property) => !order.isAlone || !isOneValue(conditions.get(property)));
  let known = fields.findIndex((field) => conditionOn(index, field, conditions)?.isExact !== true);
  if (known < 0) known = fields.length;
  const begin = by.length === 0 ? known : fields.findIndex(({ property }) => property === by[0]);
  if (begin < 0 || begin > known) return undefined;
  if (!by.every((property, i) => isPlain(fields[begin + i]) && fields[begin + i].property === property))
    return undefined;
  const after = begin + by.length;
  // Lists of values are read in the order of the values.
  const isSorted = order.isAlone && by.length > 0 && after <= known && fields.slice(0, begin).every(isPinned);
  if (isSorted && !order.isByKey) return fitOfIndex(index, conditions, { ...order, by: [] });
  if (order.isByKey && !fields.slice(after).every(isPinned)) return undefined;
  // An array has several entries, of which a query may find only one.
  if (fields.slice(begin).some(({ form }) => form === 'elements')) return undefined;
  const exact = fields.slice(0, begin).map((field) => conditions.get(encodingName(field))!);
  const ranged = begin < fields.length ? conditionOn(index, fields[begin], conditions) : undefined;
  const covered = ranged ? [...exact, ranged] : exact;
  const ordered = by.length + (order.isByKey ? fields.length - after + 1 : 0);
  return { index, exact, ranged, ordered, residual: without(conditions, covered) };
}

/** An order by a text is not that of its form without regard to case. */
const isPlain = (field: IndexedField | undefined): field is IndexedField => field?.form === 'plain';

/** Returns the condition that an index can serve on one of its fields. */
function conditionOn(
  { nulls = false }: IndexSchema,
  field: IndexedField,
  conditions: Conditions,
): FieldCondition | undefined {
  const condition = conditions.get(encodingName(field));
  return condition?.findsAbsent === true && !nulls ? undefined : condition;
}

/** Returns whether an index contains all rows that a query may find. Most indexes lack rows without a value. */
function hasAllRows(
  { fields, nulls = false }: IndexSchema,
  conditions: Conditions,
  { by }: FitOrder,
): boolean {
  if (nulls) return true;
  const all = [...conditions.values()];
  return fields.every(
    ({ property }) =>
      by.includes(property) ||
      all.some(({ field, findsAbsent }) => field.property === property && !findsAbsent),
  );
}

const isOneValue = (condition: FieldCondition | undefined): boolean =>
  condition !== undefined && condition.isExact && condition.spans.length <= 1;

const without = (conditions: Conditions, covered: readonly FieldCondition[]): FieldCondition[] =>
  [...conditions.values()].filter((condition) => !covered.includes(condition));
