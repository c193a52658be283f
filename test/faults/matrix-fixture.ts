import type { LocalCluster, LocalClusterOptions } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { keyslot } from './harness/clients/keyslot.js';
import { report } from './harness/report.js';
import { missedGoals, type Scenario } from './harness/scenario.js';
import { scenarios } from './harness/scenarios.js';

/**
 * Tests of the short form of the named scenarios, one after the other, on a cluster that they share for as long as it
 * is whole. Durations are left to `npm run faults`. A missed goal prints what was counted.
 */
export function testScenarios(names: readonly string[], options: LocalClusterOptions = {}): void {
  describe(`the fault matrix${options.requireFullCoverage === false ? ', full coverage not required' : ''}`, () => {
    let cluster: LocalCluster;
    breakableCluster({ nodeTimeoutMs: 1_000, ...options }, (whole) => void (cluster = whole));

    it.each(names.map(scenarioOf))('$name: $title', async (scenario) => {
      const { password } = options;
      const figures = await scenario.play({ cluster, client: keyslot, form: 'short', password });
      const missed = missedGoals(scenario, figures, false);
      if (missed.length > 0) throw new Error(report(scenario, keyslot.title, figures));
    });
  });
}

function scenarioOf(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`No scenario ${name}`);
  return found;
}
