import { LocalCluster, type LocalClusterOptions } from 'keyslot/testing';
import { keyslot } from './harness/clients/keyslot.js';
import { report } from './harness/report.js';
import { missedGoals, type Scenario } from './harness/scenario.js';
import { scenarios } from './harness/scenarios.js';

/**
 * Tests of the short form of the named scenarios, one after the other on one cluster. How long things took is left to
 * `npm run faults`. What was counted is told where a goal is missed.
 */
export function testScenarios(names: readonly string[], options: LocalClusterOptions = {}): void {
  describe(`the fault matrix${options.requireFullCoverage === false ? ', full coverage not required' : ''}`, () => {
    let cluster: LocalCluster;

    beforeAll(async () => {
      cluster = await LocalCluster.start({ nodeTimeoutMs: 1_000, ...options });
    });
    afterAll(() => cluster?.stop());

    it.each(names.map(scenarioOf))('$name: $title', async (scenario) => {
      const figures = await scenario.play({
        cluster,
        client: keyslot,
        form: 'short',
        password: options.password,
      });
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
