import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster, LocalNode } from 'keyslot/testing';

/** One of some items, by chance. */
export type Pick = <T>(items: readonly T[]) => T;

/** Something that is done to a stable cluster. It leaves the cluster whole, or so that it becomes whole by itself. */
export interface SoakFault {
  readonly inject: (cluster: LocalCluster, pick: Pick) => Promise<void>;
  /** Whether servers may lose answered writes by it: a primary dies, or starts again empty before its replica takes over. */
  readonly mayLose: boolean;
  /** The most nodes that have another role afterwards. */
  readonly changedRoles: number;
}

/** The faults of the soak, by name. */
export const SOAK_FAULTS: Readonly<Record<string, SoakFault>> = {
  kill: {
    mayLose: true,
    changedRoles: Infinity,
    inject: async (cluster, pick) => {
      const node = pick(cluster.nodes);
      await cluster.kill(node);
      await delay(pick([100, 1_000, 4_000]));
      await cluster.restart(node);
    },
  },
  freeze: {
    mayLose: true,
    changedRoles: Infinity,
    inject: async (cluster, pick) => {
      const node = pick(cluster.nodes);
      await cluster.freeze(node);
      await delay(pick([300, 1_500, 4_000]));
      await cluster.thaw(node);
    },
  },
  failover: {
    mayLose: false,
    changedRoles: 2,
    inject: async (cluster, pick) => {
      await cluster.failover(pick(cluster.replicas));
    },
  },
  move: {
    mayLose: false,
    changedRoles: 0,
    inject: async (cluster, pick) => {
      const slot = Math.floor(pick(Array.from({ length: 500 }, (_, i) => i * 32)));
      const owner = await cluster.primaryOfSlot(slot);
      const other = pick(cluster.primaries.filter((node: LocalNode) => node !== owner));
      await cluster.migrateSlots([slot], owner, other);
      await cluster.migrateSlots([slot], other, owner);
    },
  },
  cut: {
    mayLose: false,
    changedRoles: 0,
    inject: async (cluster, pick) => {
      await cluster.command(pick(cluster.nodes), 'CLIENT', 'KILL', 'TYPE', pick(['normal', 'pubsub']));
    },
  },
};
