import type { Type } from '@nestjs/common';
import { ClusterClient } from '../../client/cluster-client.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { EntityClass } from '../../entity/decorators/shape.js';
import { ClusterPubSub } from '../../pubsub/cluster-pubsub.js';
import { checkClusterName } from './module-checks.js';
import { CircularImportError } from './module-errors.js';

/** The name of a cluster if you pass none. */
export const DEFAULT_CLUSTER = 'default';

/**
 * Returns the token of a cluster's client, for `overrideProvider` and `app.get`. For the default cluster it
 * is the class `ClusterClient`.
 * @throws InvalidArgumentError if the name is not a non-empty string
 */
export function getClusterToken(name: string = DEFAULT_CLUSTER): Type<ClusterClient> | symbol {
  return name === DEFAULT_CLUSTER ? ClusterClient : namedToken('ClusterClient', name);
}

/**
 * Returns the token of a cluster's pub/sub. For the default cluster it is the class `ClusterPubSub`.
 * @throws InvalidArgumentError if the name is not a non-empty string
 */
export function getPubSubToken(name: string = DEFAULT_CLUSTER): Type<ClusterPubSub> | symbol {
  return name === DEFAULT_CLUSTER ? ClusterPubSub : namedToken('ClusterPubSub', name);
}

// Keyed by the class, as two classes can have the same name. It holds only tokens, so applications in one process can
// share it.
const repositoryTokens = new WeakMap<EntityClass, Map<string, symbol>>();

/**
 * Returns the token of an entity's repository in a cluster.
 * @throws CircularImportError if the class is undefined, InvalidArgumentError if it is not a class
 */
export function getClusterRepositoryToken(entity: EntityClass, name: string = DEFAULT_CLUSTER): symbol {
  if (entity === undefined) throw new CircularImportError('@InjectClusterRepository()');
  if (typeof entity !== 'function') {
    throw new InvalidArgumentError(
      'entity',
      `The token of a repository needs an entity class, got ${describeKind(entity)}`,
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

const partsTokens = new WeakMap<EntityClass, symbol>();

/** Returns the token of the internal parts of an entity's repositories, in the module that provides them. Internal. */
export function getRepositoryPartsToken(entity: EntityClass): symbol {
  let token = partsTokens.get(entity);
  // Nest's error shows the description if the provider is missing
  if (token === undefined)
    partsTokens.set(entity, (token = Symbol(`ClusterModule.forFeature([${entity.name}])`)));
  return token;
}

/** Returns the token of a cluster's entity registry. Internal. */
export function getEntityRegistryToken(name: string): symbol {
  return namedToken('EntityRegistry', name);
}

function namedToken(kind: string, name: string): symbol {
  checkClusterName(name);
  return Symbol.for(`keyslot.${kind}:${name}`);
}
