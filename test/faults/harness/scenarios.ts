import type { Scenario } from './scenario.js';
import { access } from './scenarios/access.js';
import { crowds } from './scenarios/crowds.js';
import { failures } from './scenarios/failures.js';
import { clocks } from './scenarios/clocks.js';
import { limits } from './scenarios/limits.js';
import { links } from './scenarios/links.js';
import { moves } from './scenarios/moves.js';
import { partitions } from './scenarios/partitions.js';
import { processes } from './scenarios/processes.js';
import { upgrades } from './scenarios/upgrades.js';
import { views } from './scenarios/views.js';

/** The fault matrix, a row each. */
export const scenarios: readonly Scenario[] = [
  ...moves,
  ...failures,
  ...partitions,
  ...links,
  ...views,
  ...crowds,
  ...access,
  ...limits,
  ...clocks,
  ...processes,
  ...upgrades,
];
