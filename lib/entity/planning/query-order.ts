import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntitySchema } from '../schema/entity-schema.js';

/** The direction in which results are read. */
export type Direction = 'asc' | 'desc';

/** The order that a query asks for. */
export interface QueryOrder {
  readonly direction: Direction;
  /** The properties that the results are sorted by; none for the order of the index that the query uses. */
  readonly by: readonly string[];
  /** Whether rows with the same values must be in the order of their ids. */
  readonly isByKey: boolean;
}

const DIRECTIONS: ReadonlySet<unknown> = new Set<Direction>(['asc', 'desc']);
const FORM = "'asc', 'desc', or an object such as { createdAt: 'desc' }";

/**
 * Parses the option `order`.
 *
 * @throws InvalidArgumentError
 */
export function readOrder({ name, primaryKey }: EntitySchema, given: unknown): QueryOrder {
  if (given === undefined) return { direction: 'asc', by: [], isByKey: false };
  if (DIRECTIONS.has(given)) return { direction: given as Direction, by: [], isByKey: false };
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InvalidArgumentError('order', `order must be ${FORM}, got ${describeOther(given)}`);
  const entries = Object.entries(given) as [property: string, direction: unknown][];
  if (entries.length === 0)
    throw new InvalidArgumentError('order', `order names no property; it must be ${FORM}`);
  const [[, direction]] = entries;
  for (const [property, one] of entries) {
    if (!DIRECTIONS.has(one))
      throw new InvalidArgumentError(
        'order',
        `order has ${property} with a direction other than 'asc' or 'desc'`,
      );
    if (one !== direction)
      throw new InvalidArgumentError(
        'order',
        'order mixes asc and desc: an index is read in one direction, so name the same one for each property',
      );
  }
  const names = entries.map(([property]) => property);
  const keyAt = names.indexOf(primaryKey.property);
  if (keyAt >= 0 && keyAt < names.length - 1)
    throw new InvalidArgumentError(
      'order',
      `order names a property after ${primaryKey.property}, the id of ${name}`,
    );
  if (keyAt >= 0 && primaryKey.type !== 'string')
    throw new InvalidArgumentError(
      'order',
      `order names ${name}.${primaryKey.property}, a ${primaryKey.type}: indexes sort ids as text, so store the number ` +
        'in a @Property() with an index too',
    );
  return {
    direction: direction as Direction,
    by: keyAt < 0 ? names : names.slice(0, -1),
    isByKey: keyAt >= 0,
  };
}

/** Returns the opposite direction. */
export const opposite = (direction: Direction): Direction => (direction === 'asc' ? 'desc' : 'asc');
