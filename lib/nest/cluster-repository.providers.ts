import type { FactoryProvider } from '@nestjs/common';
import type { ClusterRepository } from '../entity/repository/cluster-repository.js';
import type { EntityClass } from '../entity/decorators/shape.js';
import { describeKind } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { EntityRegistrySource } from './cluster-entity.module.js';
import { getClusterRepositoryToken, getEntityRegistryToken } from './common/cluster.tokens.js';
import { CircularImportError, UnknownClusterError } from './common/module-errors.js';

/**
 * Creates the providers of these entities' repositories.
 * @throws CircularImportError if one of them is undefined
 */
export function createRepositoryProviders(
  entities: readonly EntityClass[],
  cluster: string,
): FactoryProvider<ClusterRepository<object>>[] {
  if (!Array.isArray(entities)) {
    throw new InvalidArgumentError(
      'entities',
      `ClusterModule.forFeature() needs a list of entity classes, got ${describeKind(entities)}`,
    );
  }
  if (entities.includes(undefined)) throw new CircularImportError('ClusterModule.forFeature()');
  return entities.map((entity: EntityClass) => ({
    provide: getClusterRepositoryToken(entity, cluster),
    useFactory: (registryOf?: EntityRegistrySource) => {
      if (registryOf === undefined) throw new UnknownClusterError(cluster, 'ClusterModule.forFeature()');
      // registers all of them, so that the first error lists every fault; known classes cost nothing
      return registryOf().register(entities).repository(entity);
    },
    inject: [{ token: getEntityRegistryToken(cluster), optional: true }],
  }));
}
