import type { ClusterFacts } from './collect-facts.js';

/**
 * How a check ended: `ok`; `note`, something to know; `warning`, something to change before it hurts; `problem`, the
 * cluster is not fit; `unknown`, this user may not see it.
 */
export type FindingStatus = 'ok' | 'note' | 'warning' | 'problem' | 'unknown';

/** What a check found. */
export interface Finding {
  readonly status: FindingStatus;
  /** One line. */
  readonly summary: string;
  /** One line each. */
  readonly details?: readonly string[];
  /** What to do. */
  readonly advice?: string;
}

/** A check of a cluster. */
export interface Check {
  /** A stable name. */
  readonly id: string;
  run(facts: ClusterFacts): Finding | Promise<Finding>;
}

/** The finding of a check that could not see what it needs. */
export const notPermitted = (command: string, permission: string): Finding => ({
  status: 'unknown',
  summary: `this user may not run ${command}`,
  advice: `Grant it ${permission}`,
});
