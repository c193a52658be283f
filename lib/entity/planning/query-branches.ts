import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkObject } from '../common/argument-checks.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { LEAVE_OUT } from './query-condition.js';

/** What a query says about properties: pairs of a property and its condition, all of which must hold. */
export type GivenConditions = readonly (readonly [property: string, condition: unknown])[];

/** The maximum number of alternatives of a query. */
const MAX_BRANCHES = 32;

/**
 * Returns the alternatives of a query: one, or those of `or`, each with the conditions beside it.
 *
 * @throws InvalidArgumentError if a condition is undefined: every row would meet it.
 */
export function branchesOf(schema: EntitySchema, where: unknown): GivenConditions[] {
  const given = conditionsIn(schema.name, 'where', where);
  const at = hasOr(schema) ? given.findIndex(([property]) => property === 'or') : -1;
  if (at < 0) return [given];
  const [[, branches]] = given.splice(at, 1);
  if (!Array.isArray(branches))
    throw new InvalidArgumentError(
      'or',
      `or must be an array of conditions, such as [{ status: … }, { owner: … }], got ${describeKind(branches)}`,
    );
  if (branches.length > MAX_BRANCHES)
    throw new InvalidArgumentError(
      'or',
      `or has ${branches.length} alternatives; the limit is ${MAX_BRANCHES}`,
    );
  return branches.map((branch: unknown, i) => {
    const own = conditionsIn(schema.name, `or[${i}]`, branch);
    for (const [property] of own) {
      if (property === 'or')
        throw new InvalidArgumentError(
          'or',
          'or must not be inside another or: list all alternatives in one',
        );
      if (property === schema.partitionKey?.property)
        throw new InvalidArgumentError(property, `${schema.name}.${property} must be beside or, not in it`);
    }
    if (own.length === 0)
      throw new InvalidArgumentError('or', `or[${i}] has no condition, so every row would meet it`);
    return [...given, ...own];
  });
}

/** Returns whether `or` lists alternatives. In a class with a property of this name, it is the property. */
const hasOr = ({ fields }: EntitySchema): boolean => !fields.some(({ property }) => property === 'or');

function conditionsIn(entity: string, name: string, where: unknown): [string, unknown][] {
  checkObject(name, where);
  if (Array.isArray(where))
    throw new InvalidArgumentError(
      name,
      `A query on ${entity} must be one object, got a list: for any of several values of a property, use ` +
        '{ in: [...] }; for any of several conditions, use { or: [...] }',
    );
  const given = Object.entries(where) as [string, unknown][];
  for (const [property, condition] of given)
    if (condition === undefined)
      throw new InvalidArgumentError(
        property,
        `${entity}.${property} is undefined in the query: ${LEAVE_OUT}`,
      );
  return given;
}
