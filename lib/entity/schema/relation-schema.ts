import { describeKind } from '../../cluster/common/describe-value.js';
import { type PropertyMetadata, entityOptions, inheritedMetadata } from '../decorators/metadata.js';
import type { EntityClass } from '../decorators/shape.js';

/** A property that shows related rows of the same partition. It is not stored. */
export interface RelationSchema {
  readonly property: string;
  /** `'rows'`: any number of rows; `'row'`: one row, or none. */
  readonly kind: 'rows' | 'row';
  readonly type: EntityClass;
  /**
   * The property with the id of the other side: in the related rows, or for one row in this class. Absent if the
   * partition relates them.
   */
  readonly by?: string;
  /** Whether a delete of this row deletes the related rows. */
  readonly cascades: boolean;
}

/** The class whose relations are built. */
interface RelatingClass {
  readonly properties: readonly PropertyMetadata[];
  readonly partitionName: string;
  /** Whether it owns its partition. */
  readonly isOwner: boolean;
}

/** Builds the relations of a class, and reports faults to `fault`. */
export function buildRelations(given: RelatingClass, fault: (what: string) => void): RelationSchema[] {
  return given.properties.flatMap((metadata) => {
    const { property, role, options, emittedType } = metadata;
    if (role !== 'related rows' && role !== 'related row') return [];
    const { type: typeOf, options: stated = {} } = options.relation ?? {};
    const decorator = DECORATORS[role];
    if (emittedType !== undefined && emittedType !== Object)
      fault(`.${property} is a relation, and its type is not Related<…>`);
    const { by, cascade } = Object(stated) as { by?: unknown; cascade?: unknown };
    if (cascade !== undefined && cascade !== 'delete')
      fault(`.${property} has the cascade ${JSON.stringify(cascade)}; the only value is 'delete'`);
    const type = relatedClass(typeOf, decorator, (what) => fault(`.${property} ${what}`));
    if (!type) return [];
    const why = misfit({ ...given, role, type, by, isCascading: cascade === 'delete' });
    if (why) fault(`.${property} ${why}`);
    const isOwn = by !== undefined && role === 'related rows' && given.isOwner;
    return [
      {
        property,
        kind: role === 'related rows' ? ('rows' as const) : ('row' as const),
        type,
        ...(by === undefined || isOwn ? {} : { by: by as string }),
        cascades: cascade === 'delete',
      },
    ];
  });
}

const DECORATORS = { 'related rows': '@HasMany()', 'related row': '@BelongsTo()' } as const;

function relatedClass(
  given: unknown,
  decorator: string,
  fault: (what: string) => void,
): EntityClass | undefined {
  if (typeof given !== 'function') {
    fault(`must name its class as a function, ${decorator} with () => Entity, got ${describeKind(given)}`);
    return undefined;
  }
  if (entityOptions(given)) {
    fault(`names the class ${given.name}: write () => ${given.name}`);
    return undefined;
  }
  const type = (given as () => unknown)();
  if (typeof type !== 'function') {
    fault(`names a class that is ${String(type)}: probably a circular import`);
    return undefined;
  }
  if (entityOptions(type)) return type as EntityClass;
  fault(`is related to ${type.name}, which has no @ClusterEntity decorator`);
  return undefined;
}

interface Relating extends RelatingClass {
  readonly role: keyof typeof DECORATORS;
  readonly type: EntityClass;
  readonly by: unknown;
  readonly isCascading: boolean;
}

/** Returns why rows of the two classes cannot be related, if so. */
function misfit({
  role,
  type,
  by,
  isCascading,
  isOwner,
  partitionName,
  properties,
}: Relating): string | undefined {
  const { name } = type;
  const owner = ownerOf(type);
  if ((owner ? entityOptions(owner)?.name : entityOptions(type)?.name) !== partitionName)
    return `is related to ${name}, whose rows are in other partitions: a relation stays inside a partition, and an @Index({ scope: 'global' }) finds rows of all partitions`;
  const own = properties.find((one) => one.role === 'primary key');
  const theirs = inheritedMetadata(type);
  if (role === 'related row') {
    if (isOwner) return `is related to ${name}, but a class that owns its partition belongs to no row of it`;
    if (by === undefined)
      return owner
        ? `is related to ${name}, which does not own the partition: name the property with its id, { by: '…' }`
        : undefined;
    if (!owner) return `is related to ${name}, which owns the partition: leave out by`;
    const holder = properties.find(({ property }) => property === by);
    if (holder?.options.convertFrom)
      return `is related to ${name} by ${String(by)}, which has convertFrom, so rows may hold an id of another type: declare the relation after migrate(), when convertFrom is removed`;
    const primaryKey = theirs.properties.find((one) => one.role === 'primary key');
    return holdsIdOf(properties, by, primaryKey, name);
  }
  if (!owner)
    return `is related to ${name}, which owns the partition: there is only one such row, use @BelongsTo()`;
  const key = theirs.properties.find((one) => one.role === 'partition key');
  if (isOwner)
    return by === undefined || by === key?.property
      ? undefined
      : `is related to all ${name} rows of the partition: leave out by`;
  if (by === undefined)
    return `is related to some of the ${name} rows in the partition: name the property with the id, { by: '…' }`;
  const listing = theirs.indexes.filter(
    ({ kind, scope, fields, on, elements, caseInsensitive }) =>
      kind === 'index' &&
      scope !== 'global' &&
      fields[0] === by &&
      !elements &&
      !(caseInsensitive && on === by),
  );
  if (listing.length === 0)
    return `is related by ${name}.${String(by)}, which comes first in no index: decorate it with @Index()`;
  // A cascade must find all related rows, and takes the smallest index.
  const [smallest] = listing.toSorted((one, other) => one.fields.length - other.fields.length);
  if (isCascading && smallest.fields.length > 1 && !smallest.nulls)
    return `deletes in cascade by the index '${smallest.name}' of ${name}, which leaves out rows that lack one of its properties: declare it with { nulls: true }, or index ${String(by)} alone`;
  return holdsIdOf(theirs.properties, by, own, name);
}

/** Returns why a property cannot hold the ids of a primary key, if so. */
function holdsIdOf(
  properties: readonly PropertyMetadata[],
  by: unknown,
  primaryKey: PropertyMetadata | undefined,
  name: string,
): string | undefined {
  const holder = properties.find(({ property }) => property === by);
  if (holder?.role !== 'property' || holder.options.transformer)
    return `is related to ${name} by ${String(by)}, which is no plain @Property()`;
  const types = [holder, primaryKey].flatMap((one) => one?.emittedType ?? []);
  if (types.length < 2 || types[0] === types[1]) return undefined;
  return `is related to ${name} by ${String(by)}, whose type is not that of the primary key`;
}

function ownerOf(type: EntityClass): EntityClass | undefined {
  const partition = entityOptions(type)?.partition;
  return typeof partition === 'function' && !entityOptions(partition) ? partition() : undefined;
}
