import { Inject } from '@nestjs/common';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClass } from '../../entity/decorators/shape.js';
import {
  type RepositoryClass,
  isRepositoryClass,
  setEntityOf,
} from '../../entity/repository/repository-of.js';
import { RECEIVE_PARTS } from '../../entity/repository/repository-parts.js';
import { getRepositoryPartsToken } from './cluster.tokens.js';

/**
 * Names the entity of a repository class of your own. Pass both classes to `ClusterModule.forFeature`, or pass the
 * entity to `forFeature` and list the repository among the providers of the module that imports it. The constructor can
 * have dependencies. The repository's own methods work after the constructor: from `onModuleInit()` on.
 *
 * ```ts
 * @ClusterRepositoryOf(Order)
 * export class OrderRepository extends ClusterRepository<Order> {
 *   constructor(private readonly mailer: Mailer) {
 *     super();
 *   }
 * }
 * ```
 *
 * @throws InvalidArgumentError if `entity` is not a class, or the decorated class does not extend `ClusterRepository`.
 */
export function ClusterRepositoryOf<E extends object>(
  entity: EntityClass<E>,
): <R extends RepositoryClass<E>>(target: R) => void {
  if (typeof entity !== 'function' || isRepositoryClass(entity)) {
    const reason = entity === undefined ? '. Most likely, the two files import each other' : '';
    throw new InvalidArgumentError(
      'entity',
      `@ClusterRepositoryOf() needs an entity class, got ${describeKind(entity)}${reason}`,
    );
  }
  return (target) => {
    if (!isRepositoryClass(target)) {
      throw new InvalidArgumentError(
        'target',
        `${target.name} has @ClusterRepositoryOf(${entity.name}) but does not extend ClusterRepository. ` +
          `Declare it as "class ${target.name} extends ClusterRepository<${entity.name}>"`,
      );
    }
    setEntityOf(target, entity);
    // Nest sets properties in every scope, before any lifecycle hook.
    Inject(getRepositoryPartsToken(entity))(target.prototype, RECEIVE_PARTS);
  };
}
