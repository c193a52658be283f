import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject } from '../common/argument-checks.js';
import type { CounterSchema, EntitySchema } from '../schema/entity-schema.js';
import { entityOptions, propertiesBelow } from '../decorators/metadata.js';
import type { EntityClass } from '../decorators/shape.js';

/**
 * @throws InvalidArgumentError for an object of another entity's class, or of a subclass whose properties would be
 * lost.
 */
export function checkClass({ type, name }: EntitySchema, entity: unknown): void {
  checkObject('entity', entity);
  const { constructor } = entity;
  if (constructor === type || typeof constructor !== 'function') return;
  // Objects of classes without @ClusterEntity are accepted, such as plain objects and subclasses that add nothing.
  if (!entityOptions(constructor)) return checkDerived(type, name, constructor as EntityClass);
  const hint =
    entity instanceof type ? `: it has rows of its own, use the repository of ${constructor.name}` : '';
  throw new InvalidArgumentError('entity', `An object of ${constructor.name} is not a ${name}${hint}`);
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
