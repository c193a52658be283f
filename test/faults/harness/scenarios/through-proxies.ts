import type { Figures } from '../figures.js';
import { Proxies } from '../proxy.js';
import type { Stage } from '../scenario.js';
import { trial, type Trial, type TrialOptions } from '../trial.js';

/** A trial whose client goes through proxies, under addresses that the cluster does not announce. */
export async function throughProxies(
  stage: Stage,
  fault: (trial: Trial, proxies: Proxies) => Promise<void>,
  options?: TrialOptions,
): Promise<Figures> {
  const proxies = await Proxies.start(stage.cluster.nodes);
  try {
    return await trial(stage, (running) => fault(running, proxies), { ...options, session: proxies.options });
  } finally {
    await proxies.stop();
  }
}
