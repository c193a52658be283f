import type { EntityRegistry } from '../../entity/repository/entity-registry.js';

/** Returns the registry of a cluster's entities, the same one on every call. */
export interface EntityRegistrySource {
  (): EntityRegistry;
  /** The registry, once it has been created. */
  registry?: EntityRegistry;
}
