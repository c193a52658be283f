import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { checkList } from '../common/argument-checks.js';
import type { EntityClass } from '../decorators/shape.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { SchemaRegistry } from '../rows/schema-registry.js';
import type { FollowedClasses } from './outbox-entry.js';

/**
 * Returns the classes whose changes a stream has.
 *
 * @param schema a class whose partitions are followed.
 * @param types the classes, or `'all'` for every registered class that lives there; by default the class itself.
 * @throws InvalidArgumentError if a class lives in other partitions, or does not record its changes.
 */
export function followedClasses(
  schemas: SchemaRegistry,
  schema: EntitySchema,
  types?: readonly EntityClass[] | 'all',
): FollowedClasses {
  const { partitionName } = schema;
  const listed = types === undefined ? [schema] : listedClasses(schemas, partitionName, types);
  const stranger = listed.find((one) => one.partitionName !== partitionName);
  if (stranger)
    throw new InvalidArgumentError(
      'classes',
      `${stranger.name} does not live in the partitions of ${partitionName}: follow it by a call of its own`,
    );
  const classes = { partitionName, schemas: listed };
  checkRecorded(classes);
  return classes;
}

function listedClasses(
  schemas: SchemaRegistry,
  partitionName: string,
  types: readonly EntityClass[] | 'all',
): EntitySchema[] {
  if (types === 'all') return schemas.all().filter((one) => one.partitionName === partitionName);
  checkList('classes', types);
  if (types.length === 0)
    throw new InvalidArgumentError(
      'classes',
      "classes must name at least one class, or be 'all'; got an empty list",
    );
  return types.map((type) => schemas.mapper(type).schema);
}

/** @throws InvalidArgumentError, because a stream without the changes of a class would be incomplete unnoticed. */
export function checkRecorded({ schemas }: FollowedClasses): void {
  const silent = schemas.filter(({ changes }) => !changes).map(({ name }) => name);
  if (silent.length > 0)
    throw new InvalidArgumentError(
      'changes',
      `${silent.join(' and ')} ${silent.length === 1 ? 'does' : 'do'} not record changes: declare the class with ` +
        '@ClusterEntity({ changes: true }), or name the classes to follow without it',
    );
}
