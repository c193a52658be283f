import type { LocalCluster, LocalClusterOptions } from 'keyslot/testing';
import type { Figures } from './figures.js';
import type { Goal } from './goals.js';
import type { ClientUnderTest } from './session.js';

/** `short` is part of `npm test`; `full` is what the figures in the documentation are from. */
export type Form = 'short' | 'full';

/** What a scenario is played on. The cluster is stable before, and must be when it is over. */
export interface Stage {
  readonly cluster: LocalCluster;
  readonly client: ClientUnderTest;
  readonly form: Form;
  readonly password?: string;
}

/** What a scenario is played with that is not installed: a library that gives servers another clock, or other servers. */
export type Need = 'clock' | 'redis-8.0' | 'valkey-8.0';

/** One row of the matrix. */
export interface Scenario {
  readonly name: string;
  /** What is done to the cluster, in words. */
  readonly title: string;
  /** How the cluster differs from three primaries with a replica each. Scenarios with the same can share one. */
  readonly cluster?: LocalClusterOptions;
  readonly needs?: Need;
  /** Why only Keyslot can be asked. */
  readonly keyslotOnly?: string;
  readonly goals: readonly Goal[];
  play(stage: Stage): Promise<Figures>;
}

/** The goals that are not reached. */
export function missedGoals({ goals }: Scenario, figures: Figures, timed: boolean): string[] {
  return goals
    .filter((goal) => (timed || goal.timed !== true) && !goal.holds(figures))
    .map(({ text }) => text);
}
