import type { FactoryProvider, Provider } from '@nestjs/common';
import { describeKind } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { EntityClass } from '../entity/decorators/shape.js';
import type { EntityRegistry } from '../entity/repository/entity-registry.js';
import { type RepositoryClass, entityOf, isRepositoryClass } from '../entity/repository/repository-of.js';
import {
  getClusterRepositoryToken,
  getEntityRegistryToken,
  getRepositoryPartsToken,
} from './common/cluster.tokens.js';
import type { EntityRegistrySource } from './common/entity-registry-source.js';
import { CircularImportError, UnknownClusterError } from './common/module-errors.js';

/**
 * Creates the providers of the repositories of these classes: entity classes, and repository classes of the
 * application. The repository class of an entity replaces the entity's plain repository.
 * @throws CircularImportError if one of them is undefined, InvalidArgumentError if one is not a class or two repository
 *   classes have the same entity
 */
export function createRepositoryProviders(classes: readonly EntityClass[], cluster: string): Provider[] {
  checkClasses(classes);
  const repositories = repositoriesByEntity(classes.filter(isRepositoryClass));
  const plain = classes.filter((type) => !isRepositoryClass(type));
  const entities = [...new Set([...plain, ...repositories.keys()])];
  const provide = (token: symbol, create: (registryOf: () => EntityRegistry) => object): FactoryProvider => ({
    provide: token,
    useFactory: (source?: EntityRegistrySource) => {
      if (source === undefined) throw new UnknownClusterError(cluster, 'ClusterModule.forFeature()');
      // registers all of them, so that the first error lists every fault; known classes cost nothing
      return create(() => source().register(entities));
    },
    inject: [{ token: getEntityRegistryToken(cluster), optional: true }],
  });
  return entities.flatMap((entity): Provider[] => {
    const token = getClusterRepositoryToken(entity, cluster);
    const repository = repositories.get(entity);
    return [
      provide(getRepositoryPartsToken(entity), (registryOf) => () => registryOf().parts(entity)),
      ...(repository
        ? [repository, { provide: token, useExisting: repository }]
        : [provide(token, (registryOf) => registryOf().repository(entity))]),
    ];
  });
}

function checkClasses(classes: readonly EntityClass[]): void {
  if (!Array.isArray(classes)) {
    throw new InvalidArgumentError(
      'entities',
      `ClusterModule.forFeature() needs a list of entity classes, got ${describeKind(classes)}`,
    );
  }
  if (classes.includes(undefined)) throw new CircularImportError('ClusterModule.forFeature()');
}

function repositoriesByEntity(repositories: readonly RepositoryClass[]): Map<EntityClass, RepositoryClass> {
  const byEntity = new Map<EntityClass, RepositoryClass>();
  for (const repository of new Set(repositories)) {
    const entity = entityOf(repository);
    const other = byEntity.get(entity);
    if (other) {
      throw new InvalidArgumentError(
        'entities',
        `ClusterModule.forFeature() got two repository classes of ${entity.name}: ${other.name} and ${repository.name}. ` +
          'Pass one of them here, and the other one in another module',
      );
    }
    byEntity.set(entity, repository);
  }
  return byEntity;
}
