import type { EntityStats } from './cluster-stats.js';
import { Counts } from './counts.js';

/** Counts what concerns entities. Repositories add to it. */
export class EntityCounters {
  unknownOutcomes = 0;
  outboxLagMs: number | undefined = undefined;
  readonly operations = new Counts();
  readonly conflicts = new Counts();

  snapshot(): EntityStats {
    const { operations, conflicts, unknownOutcomes, outboxLagMs } = this;
    return {
      operations: operations.snapshot(),
      conflicts: conflicts.snapshot(),
      unknownOutcomes,
      outboxLagMs,
    };
  }
}
