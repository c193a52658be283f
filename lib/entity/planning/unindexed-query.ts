import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { UnindexedQueryError } from '../common/entity-errors.js';
import type { EntitySchema, IndexSchema } from '../schema/entity-schema.js';
import type { QueryOrder } from './query-order.js';

/** Returns the error for a query that no index serves, with what is declared and what would help. */
export function unindexedQuery(
  schema: EntitySchema,
  asked: readonly string[],
  order: QueryOrder,
): UnindexedQueryError {
  const { by, isByKey } = order;
  const { name, indexes, globals } = schema;
  const label = ({ kind, name: own, fields }: IndexSchema): string =>
    `${kind} '${own}' on ${fields.map(({ property }) => property).join(', ')}`;
  const known = [
    ...indexes.map(label),
    ...globals.filter(({ fields }) => fields.length > 0).map((index) => `global ${label(index)}`),
  ];
  const query = asked.length > 0 ? ` covers a query on ${asked.join(', ')}` : ' covers the query';
  const sortedBy = isByKey ? [...by, schema.primaryKey.property] : by;
  const what = sortedBy.length > 0 ? `${query} in the order of ${sortedBy.join(', ')}` : query;
  return new UnindexedQueryError(
    name,
    `No index of ${name}${what} (${known.join('; ') || 'it has none'}); ${adviceOn(schema, asked, order)}`,
  );
}

function adviceOn(
  { primaryKey, fields }: EntitySchema,
  asked: readonly string[],
  { by, isByKey }: QueryOrder,
): string {
  if (isByKey) return 'an index has rows in the order of their ids where all of its fields have one value';
  if (asked.includes(primaryKey.property)) return 'findOne() finds a row by its key';
  const names = [...new Set([...asked, ...by])];
  const unknown = names.find((name) => !fields.some(({ property }) => property === name));
  if (unknown !== undefined) {
    const known = fields.map(({ property }) => property);
    return `${unknown} is not one of its @Property() members${suggestionFor(unknown, known)}`;
  }
  const listed = names.map((property) => `'${property}'`).join(', ');
  const index = names.length === 1 ? `@Index() on ${names[0]}` : `@Index({ name: '…', fields: [${listed}] })`;
  const scan =
    by.length > 0 ? '' : ', or pass { scan: true } to read the rows of the partition and filter them';
  return `declare ${index}${scan}`;
}
