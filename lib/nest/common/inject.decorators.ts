import { Inject } from '@nestjs/common';
import type { EntityClass } from '../../entity/decorators/shape.js';
import { getClusterRepositoryToken, getClusterToken, getPubSubToken } from './cluster.tokens.js';

/** Injects the client of a cluster. The default one is also injected by its class, `ClusterClient`. */
export const InjectCluster = (name?: string) => Inject(getClusterToken(name));

/** Injects the pub/sub of a cluster. The default one is also injected by its class, `ClusterPubSub`. */
export const InjectPubSub = (name?: string) => Inject(getPubSubToken(name));

/** Injects the repository of an entity that `ClusterModule.forFeature` was given. @throws CircularImportError */
export const InjectClusterRepository = (entity: EntityClass, name?: string) =>
  Inject(getClusterRepositoryToken(entity, name));
