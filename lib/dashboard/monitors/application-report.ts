import type { ClusterStats } from '../../cluster/stats/cluster-stats.js';
import type { EntityOverview } from '../../entity/records/entity-overview.js';
import type { EntityRegistry } from '../../entity/repository/entity-registry.js';
import type { ClusterHandlers } from '../../nest/handlers/cluster-handlers.js';
import type { EntitiesReport, MessagesReport } from '../state/dashboard-state.js';

/** The parts of an application that the page describes. */
export interface ApplicationParts {
  /** The registry of the cluster's entities, once there is one. */
  readonly registry: () => EntityRegistry | undefined;
  readonly handlers: ClusterHandlers | undefined;
}

/** Describes the entities of a cluster. Followers are those of the whole application. */
export function reportEntities(
  { entities }: ClusterStats,
  classes: readonly EntityOverview[],
  { handlers }: ApplicationParts,
): EntitiesReport {
  const { outboxLagMs, operations, conflicts } = entities;
  const followers = (handlers?.followers ?? []).map(({ statistics }) => statistics);
  return { classes, outboxLagMs, operations, conflicts, followers };
}

/**
 * Describes the subscriptions of a client and the handlers of the whole application. It leaves out their names: those
 * of keyspace subscriptions are patterns of keys.
 */
export function reportMessages({ pubsub }: ClusterStats, { handlers }: ApplicationParts): MessagesReport {
  return {
    ...pubsub,
    handlers: (handlers?.statistics ?? []).map(({ handler, handled, failed, dropped, waiting }) => ({
      handler,
      handled,
      failed,
      dropped,
      waiting,
    })),
  };
}
