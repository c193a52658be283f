import type { FieldSchema, IndexSchema, IndexedField } from './entity-schema.js';
import type { IndexMetadata } from './metadata.js';

/** The indexes of a class; what is wrong in them is told to `fault`. */
export function buildIndexes(
  metadata: readonly IndexMetadata[],
  fields: readonly FieldSchema[],
  livesInPartition: boolean,
  fault: (what: string) => void,
): IndexSchema[] {
  const names = new Set<string>();
  return metadata.map(({ kind, name, fields: properties }) => {
    const label = `${kind} '${name}'`;
    if (!livesInPartition)
      fault(`has the ${label}, and is a partition of its own: a partition of one row has nothing to look up`);
    if (names.has(name)) fault(`has two indexes of the one name '${name}'`);
    names.add(name);
    if (!NAME.test(name)) fault(`has the ${label}: letters, digits, _ - and . are allowed in its name`);
    if (properties.length === 0 || new Set(properties).size < properties.length)
      fault(`has the ${label} over no fields, or over one field twice`);
    return {
      kind,
      name,
      fields: properties.flatMap((property) => indexedField(property, label, fields, fault)),
    };
  });
}

const NAME = /^[\w.-]+$/;

function indexedField(
  property: string,
  label: string,
  fields: readonly FieldSchema[],
  fault: (what: string) => void,
): IndexedField[] {
  const field = fields.find((known) => known.property === property);
  if (!field) fault(`.${property} is in the ${label} and is no property of @Property()`);
  else if (!hasOrder(field))
    fault(`.${property} is in the ${label}, and ${field.codec.expects} has no order`);
  else return [field];
  return [];
}

const hasOrder = (field: FieldSchema): field is IndexedField => field.codec.order !== undefined;
