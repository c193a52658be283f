import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClass } from '../decorators/shape.js';
import { ClusterRepository } from './cluster-repository.js';

/** A repository class of an application: a subclass of `ClusterRepository`. */
export type RepositoryClass<E extends object = object> = new (...args: never[]) => ClusterRepository<E>;

const entities = new WeakMap<object, EntityClass>();

/** Names the entity of a repository class. Subclasses inherit it. */
export function setEntityOf(repository: RepositoryClass, entity: EntityClass): void {
  entities.set(repository, entity);
}

/** Returns whether a value is a subclass of `ClusterRepository`. */
export function isRepositoryClass(value: unknown): value is RepositoryClass {
  return typeof value === 'function' && value.prototype instanceof ClusterRepository;
}

/**
 * Returns the entity of a repository class, its own or that of the class it extends.
 *
 * @throws InvalidArgumentError without `@ClusterRepositoryOf()`.
 */
export function entityOf(repository: RepositoryClass): EntityClass {
  for (let type: object | null = repository; type !== null; type = Object.getPrototypeOf(type)) {
    const entity = entities.get(type);
    if (entity) return entity;
  }
  throw new InvalidArgumentError(
    'repository',
    `${repository.name} extends ClusterRepository but names no entity. Decorate it with @ClusterRepositoryOf(Entity)`,
  );
}
