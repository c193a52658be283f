import type { Type } from '@nestjs/common';
import { ClusterClient } from '../../client/cluster-client.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClass } from '../../entity/decorators/shape.js';
import { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';
import { checkClusterName } from './module-checks.js';
import { CircularImportError } from './module-errors.js';

/** The name of the cluster where none is given. */
export const DEFAULT_CLUSTER = 'default';

/**
 * The token of a cluster's client: `ClusterClient` itself for the default one. For `overrideProvider` and `app.get`.
 * @throws InvalidArgumentError for a name that is not text
 */
export function getClusterToken(name: string = DEFAULT_CLUSTER): Type<ClusterClient> | symbol {
  return name === DEFAULT_CLUSTER ? ClusterClient : namedToken('ClusterClient', name);
}

/**
 * The token of a cluster's pub/sub: `ClusterPubSub` itself for the default one.
 * @throws InvalidArgumentError for a name that is not text
 */
export function getPubSubToken(name: string = DEFAULT_CLUSTER): Type<ClusterPubSub> | symbol {
  return name === DEFAULT_CLUSTER ? ClusterPubSub : namedToken('ClusterPubSub', name);
}

// Keyed by the class itself: two classes of one name are two tokens. Holds nothing but tokens, so that applications in
// one process may share it.
const repositoryTokens = new WeakMap<EntityClass, Map<string, symbol>>();

/**
 * The token of an entity's repository in a cluster.
 * @throws CircularImportError where the class is undefined, InvalidArgumentError where it is none
 */
export function getClusterRepositoryToken(entity: EntityClass, name: string = DEFAULT_CLUSTER): symbol {
  if (entity === undefined) throw new CircularImportError('@InjectClusterRepository()');
  if (typeof entity !== 'function') {
    throw new InvalidArgumentError(
      'entity',
      'The repository of an entity is asked for by the class of the entity',
    );
  }
  checkClusterName(name);
  let tokens = repositoryTokens.get(entity);
  if (tokens === undefined) repositoryTokens.set(entity, (tokens = new Map()));
  let token = tokens.get(name);
  if (token === undefined) {
    token = Symbol(`ClusterRepository<${entity.name}>${name === DEFAULT_CLUSTER ? '' : ` of '${name}'`}`);
    tokens.set(name, token);
  }
  return token;
}

/** The token of what knows a cluster's entities; of no use outside this package. */
export function getEntityRegistryToken(name: string): symbol {
  return namedToken('EntityRegistry', name);
}

function namedToken(kind: string, name: string): symbol {
  checkClusterName(name);
  return Symbol.for(`keyslot.${kind}:${name}`);
}
