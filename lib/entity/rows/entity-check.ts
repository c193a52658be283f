import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject } from '../common/argument-checks.js';
import { isPlain } from '../common/given-value.js';
import type { CounterSchema, EntitySchema } from '../schema/entity-schema.js';
import { checkRelations } from '../schema/relation-values.js';
import { entityOptions, propertiesBelow } from '../decorators/metadata.js';
import type { EntityClass } from '../decorators/shape.js';
import { isSelected } from '../decorators/selected.js';

/** What the checks of given objects need. */
interface CheckedClass {
  readonly schema: EntitySchema;
  readonly creatable: ReadonlySet<string>;
}

/**
 * @throws InvalidArgumentError for an object of another entity's class, or of a subclass whose properties would be
 * lost.
 */
export function checkClass({ schema, creatable }: CheckedClass, entity: unknown): void {
  checkObject('entity', entity);
  if (Array.isArray(entity))
    throw new InvalidArgumentError('entity', 'entity is a list: use saveMany() to save several entities');
  checkRelations(schema, entity);
  checkUnselected(schema.name, entity);
  const { constructor } = entity;
  const { type, name } = schema;
  if (constructor === type) return;
  if (isPlain(entity)) {
    for (const [property, value] of Object.entries(entity))
      if (value !== undefined && !creatable.has(property) && !isShown(schema, property))
        throw notStored(schema, creatable, property);
    return;
  }
  if (typeof constructor !== 'function') return;
  // Objects of classes without @ClusterEntity are accepted, such as subclasses that add nothing.
  if (!entityOptions(constructor)) return checkDerived(type, name, constructor as EntityClass);
  const hint =
    entity instanceof type ? `: it has rows of its own, use the repository of ${constructor.name}` : '';
  throw new InvalidArgumentError('entity', `An object of ${constructor.name} is not a ${name}${hint}`);
}

/** @throws InvalidArgumentError for what was read with `select`: a write would lose the other properties. */
export function checkUnselected(entity: string, given: object): void {
  if (!isSelected(given)) return;
  throw new InvalidArgumentError(
    'entity',
    `This object was read with select and has only some properties of a row, so ${entity} cannot be written or removed ` +
      'with it: use update(key, patch) or delete(key), or read the row without select',
  );
}

/** @throws InvalidArgumentError where data for a new entity has what would be dropped. */
export function checkCreatable({ schema, creatable }: CheckedClass, data: object): void {
  for (const property of Object.keys(data)) {
    const value: unknown = Reflect.get(data, property);
    if (value === undefined || creatable.has(property)) continue;
    if (!isShown(schema, property)) throw notStored(schema, creatable, property);
    const counter = schema.counters.find((known) => known.property === property);
    if (counter && !isZero(value)) throw counterAssigned(schema, counter);
    // A copy of an entity has its version, which the first write replaces. Relations are checked elsewhere.
    if (
      counter ||
      property === schema.version ||
      !schema.collections.some((one) => one.property === property)
    )
      continue;
    throw new InvalidArgumentError(
      property,
      `${schema.name}.${property} is a collection: leave it out of a new entity, and fill the collection after the ` +
        'entity is saved',
    );
  }
}

/** Whether it is a property of the class, though not one that an entity is created with. */
const isShown = ({ version, counters, collections, relations }: EntitySchema, name: string): boolean =>
  name === version || [...counters, ...collections, ...relations].some(({ property }) => property === name);

function notStored(
  { name }: EntitySchema,
  creatable: ReadonlySet<string>,
  property: string,
): InvalidArgumentError {
  return new InvalidArgumentError(
    property,
    `${name}.${property} is not a stored property${suggestionFor(property, [...creatable])}: decorate it with ` +
      '@Property() in the class, or leave it out',
  );
}

/** @throws InvalidArgumentError if a subclass without @ClusterEntity has properties that would not be stored. */
function checkDerived(type: EntityClass, name: string, derived: EntityClass): void {
  const added = propertiesBelow(derived, type);
  if (added.length === 0) return;
  throw new InvalidArgumentError(
    'entity',
    `${derived.name} has no @ClusterEntity decorator; saved as ${name} it would lose ${added.join(', ')}`,
  );
}

/** Returns the values of an entity's counters. */
export function shownCounters({ counters }: EntitySchema, entity: object): readonly unknown[] {
  if (counters.length === 0) return NO_COUNTERS;
  return counters.map(({ property }): unknown => Reflect.get(entity, property));
}

const NO_COUNTERS: readonly unknown[] = [];

/**
 * Checks that no counter was assigned, because writes of an entity do not store counters. A counter of a new entity
 * must be zero.
 *
 * @throws InvalidArgumentError if a counter was assigned.
 */
export function checkCounters(schema: EntitySchema, entity: object, known?: readonly unknown[]): void {
  for (const [i, counter] of schema.counters.entries()) {
    const shown: unknown = Reflect.get(entity, counter.property);
    if (known ? shown !== known[i] : !isZero(shown)) throw counterAssigned(schema, counter);
  }
}

// oxlint-disable-next-line eqeqeq -- number or bigint
const isZero = (shown: unknown): boolean => shown === undefined || shown === null || shown == 0;

function counterAssigned({ name }: EntitySchema, { property }: CounterSchema): InvalidArgumentError {
  return new InvalidArgumentError(
    property,
    `${name}.${property} is a counter and was assigned, but saves do not write counters: leave it as it was loaded ` +
      `(0 in a new entity), and use increment(key, '${property}', by)`,
  );
}
