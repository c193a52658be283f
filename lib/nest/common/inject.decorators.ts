import { Inject } from '@nestjs/common';
import type { EntityClass } from '../../entity/decorators/shape.js';
import { getClusterRepositoryToken, getClusterToken, getPubSubToken } from './cluster.tokens.js';

/** Injects the client of a cluster. The class `ClusterClient` also injects that of the default cluster. */
export const InjectCluster = (name?: string) => Inject(getClusterToken(name));

/** Injects the pub/sub of a cluster. The class `ClusterPubSub` also injects that of the default cluster. */
export const InjectPubSub = (name?: string) => Inject(getPubSubToken(name));

/** Injects the repository of an entity passed to `ClusterModule.forFeature`. @throws CircularImportError */
export const InjectClusterRepository = (entity: EntityClass, name?: string) =>
  Inject(getClusterRepositoryToken(entity, name));
