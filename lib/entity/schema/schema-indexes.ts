import {
  type FieldSchema,
  GLOBAL_LIST,
  type GlobalIndexSchema,
  INDEX_BUCKETS,
  type IndexForm,
  type IndexedField,
  type IndexSchema,
} from './entity-schema.js';
import { indexedAs } from './indexed-field.js';
import type { IndexMetadata } from '../decorators/metadata.js';

/** The indexes of a class: those of a partition, and those over all partitions. */
export interface SchemaIndexes {
  readonly indexes: IndexSchema[];
  readonly globals: GlobalIndexSchema[];
}

/** Builds the indexes of a class, and reports faults to `fault`. */
export function buildIndexes(
  entity: string,
  metadata: readonly IndexMetadata[],
  fields: readonly FieldSchema[],
  livesInPartition: boolean,
  listed: unknown,
  fault: (what: string) => void,
): SchemaIndexes {
  const names = new Set<string>();
  const built: SchemaIndexes = { indexes: [], globals: [] };
  for (const given of metadata) {
    const { kind, name, on, fields: properties, scope = 'partition', buckets = 1, whileBuilding } = given;
    const { nulls, elements, caseInsensitive } = given;
    const label = `${kind} '${name}'`;
    if (!SCOPES.has(scope)) fault(`has the ${label} of the scope ${JSON.stringify(scope)}: ${SCOPE_NAMES}`);
    if (!livesInPartition && scope === 'partition')
      fault(
        `has the ${label}, but each of its rows is its own partition, which needs no index; ` +
          `{ scope: 'global' } covers all partitions`,
      );
    if (!Number.isSafeInteger(buckets) || buckets < 1 || buckets > INDEX_BUCKETS)
      fault(
        `has the ${label} with buckets: ${String(buckets)}: it must be a whole number from 1 to ${INDEX_BUCKETS}`,
      );
    if (given.buckets !== undefined && (kind === 'unique' || scope !== 'global'))
      fault(`has the ${label} with buckets, which only a global index can have`);
    if (whileBuilding !== undefined && !WHILE_BUILDING.has(whileBuilding))
      fault(`has the ${label} with whileBuilding: ${JSON.stringify(whileBuilding)}: 'refuse' or 'write'`);
    if (whileBuilding !== undefined && kind !== 'unique')
      fault(`has the ${label} with whileBuilding, which only a unique constraint can have`);
    if (names.has(name)) fault(`has two indexes with the same name '${name}'`);
    names.add(name);
    if (!NAME.test(name)) fault(`has the ${label}: letters, digits, _ - and . are allowed in its name`);
    if (properties.length === 0 || new Set(properties).size < properties.length)
      fault(`has the ${label} over no fields, or over one field twice`);
    const expiring = fields.filter(
      ({ property, ttlMs }) => ttlMs !== undefined && properties.includes(property),
    );
    for (const { property } of expiring)
      fault(`has the ${label} over ${property}, which has a ttl: its entry would outlive the value`);
    for (const option of FLAGS)
      if (given[option] !== undefined && typeof given[option] !== 'boolean')
        fault(`has the ${label} with ${option}: ${JSON.stringify(given[option])}: true or false`);
    if (elements && (nulls || caseInsensitive))
      fault(
        `has the ${label} with elements beside nulls or caseInsensitive: declare another index for these`,
      );
    if (scope === 'global' && (elements || nulls))
      fault(`has the ${label} with elements or nulls, which only an index of a partition can have`);
    const form = elements ? 'elements' : caseInsensitive ? 'folded' : 'plain';
    if (form !== 'plain' && !properties.includes(on))
      fault(`has the ${label} with a form for .${on}, which is not one of its fields`);
    const indexed = properties.flatMap((property) =>
      indexedField(property, property === on ? form : 'plain', label, fields, fault),
    );
    const index: IndexSchema = { kind, name, fields: indexed, whileBuilding, ...(nulls && { nulls }) };
    if (scope === 'global') built.globals.push({ ...index, entity, buckets });
    else built.indexes.push(index);
  }
  if (listed !== undefined && typeof listed !== 'boolean')
    fault(`has the option listed: ${JSON.stringify(listed)}: true or false`);
  if (listed === true) {
    if (names.has(GLOBAL_LIST)) fault(`has an index '${GLOBAL_LIST}', the name of the list of all rows`);
    built.globals.push({
      kind: 'index',
      name: GLOBAL_LIST,
      fields: [],
      nulls: true,
      entity,
      buckets: INDEX_BUCKETS,
    });
  }
  return built;
}

const NAME = /^[\w.-]+$/;
const SCOPES: ReadonlySet<unknown> = new Set(['partition', 'global']);
const WHILE_BUILDING: ReadonlySet<unknown> = new Set(['refuse', 'write']);
const SCOPE_NAMES = "'partition' or 'global'";

const FLAGS = ['nulls', 'elements', 'caseInsensitive'] as const;

/** What the type of a property must be for a form that it does not have. */
const MISFITS: Record<IndexForm, string> = {
  plain: 'has no order',
  folded: 'is not a string without an enum or a transformer',
  elements: 'is not an array of values with an order',
};

function indexedField(
  property: string,
  form: IndexForm,
  label: string,
  fields: readonly FieldSchema[],
  fault: (what: string) => void,
): IndexedField[] {
  const field = fields.find((known) => known.property === property);
  if (!field) fault(`.${property} is in the ${label}, but has no @Property() decorator`);
  else {
    const indexed = indexedAs(field, form);
    if (indexed) return [indexed];
    fault(`.${property} is in the ${label}, and ${field.codec.expects} ${MISFITS[form]}`);
  }
  return [];
}
