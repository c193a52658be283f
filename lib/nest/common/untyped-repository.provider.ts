import { Scope, type Provider } from '@nestjs/common';
import { INQUIRER } from '@nestjs/core';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { ClusterRepository } from '../../entity/repository/cluster-repository.js';

/**
 * Says what to do if a class injects `ClusterRepository` by its type alone. It is transient, so Nest calls it only for
 * such a class.
 */
export const untypedRepositoryProvider: Provider = {
  provide: ClusterRepository,
  scope: Scope.TRANSIENT,
  inject: [INQUIRER],
  useFactory: (inquirer: object | undefined) => {
    throw new InvalidArgumentError(
      'repository',
      `${inquirer?.constructor.name ?? 'A provider'} injects ClusterRepository by its type, which names no entity: add ` +
        '@InjectClusterRepository(Entity) before the parameter, and ClusterModule.forFeature([Entity]) to the imports of ' +
        'its module',
    );
  },
};
