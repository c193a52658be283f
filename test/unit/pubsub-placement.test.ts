import { ClusterTopology } from 'keyslot';
import { BehaviorSubject } from 'rxjs';
import { NODE_RANDOMNESS } from '../../lib/cluster/runtime/randomness.js';
import type { PubSubEngine } from '../../lib/pubsub/common/pubsub-engine.js';
import type { TopicSink } from '../../lib/pubsub/subscriptions/topic.js';
import { fakeClock, pass } from '../fake-clock.js';

fakeClock();
const { Reconciler } = await import('../../lib/pubsub/links/reconciler.js');
const { readNames } = await import('../../lib/pubsub/subscriptions/subscription-name.js');
const randomness = await import('../../lib/cluster/runtime/randomness.js');

it('tries many subscriptions without a node again after intervals that grow by round', async () => {
  // the longest interval that each backoff may have
  randomness.replaceRandomness({ ...NODE_RANDOMNESS, random: () => 0.999 });
  let rounds = 0;
  const topology = ClusterTopology.empty();
  const engine = {
    options: { refreshIntervalMs: 60_000 },
    topology,
    topology$: new BehaviorSubject(topology),
    connect: async () => {},
    onRenewal: () => () => {},
    reportStale: () => void rounds++,
  };
  const reconciler = new Reconciler(engine as unknown as PubSubEngine, 1_000);
  const names = readNames(Array.from({ length: 1_000 }, (_, index) => `channel-${index}`));
  reconciler.registry.attach('channel', names, {
    onError: () => {},
    onClosed: () => {},
  } as unknown as TopicSink);
  const seen: number[] = [];
  for (const ms of [25, 50, 100, 200, 400]) {
    await pass(ms);
    seen.push(rounds);
  }
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  await reconciler.close();
});
