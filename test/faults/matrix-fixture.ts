import { LocalCluster, type LocalClusterOptions } from 'keyslot/testing';
import { clusterState } from './harness/cluster-state.js';
import { keyslot } from './harness/clients/keyslot.js';
import { report } from './harness/report.js';
import { missedGoals, type Scenario } from './harness/scenario.js';
import { scenarios } from './harness/scenarios.js';

/** How long a cluster may take to be whole again after a scenario before it is replaced, in ms. */
const RECOVERY_MS = 30_000;

/**
 * Tests of the short form of the named scenarios, one after the other. They share a cluster for as long as it is whole:
 * a scenario that finds it broken gets a new one, so one failure does not fail those after it. Durations are left to
 * `npm run faults`. A missed goal prints what was counted; any other failure prints what the nodes say and logged.
 */
export function testScenarios(names: readonly string[], options: LocalClusterOptions = {}): void {
  describe(`the fault matrix${options.requireFullCoverage === false ? ', full coverage not required' : ''}`, () => {
    let cluster: LocalCluster | undefined;

    const whole = async (): Promise<LocalCluster> => {
      const isWhole = await cluster?.waitUntilStable({ timeoutMs: RECOVERY_MS }).then(
        () => true,
        () => false,
      );
      if (cluster !== undefined && isWhole) return cluster;
      await cluster?.stop();
      cluster = undefined;
      return (cluster = await LocalCluster.start({ nodeTimeoutMs: 1_000, ...options }));
    };
    afterAll(() => cluster?.stop());

    it.each(names.map(scenarioOf))('$name: $title', async (scenario) => {
      const stage = {
        cluster: await whole(),
        client: keyslot,
        form: 'short' as const,
        password: options.password,
      };
      const figures = await scenario.play(stage).catch(async (error: Error) => {
        throw new Error(`${error.message}\n${await clusterState(stage.cluster)}`, { cause: error });
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
