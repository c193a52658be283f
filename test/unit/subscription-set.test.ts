import { readNames } from '../../lib/pubsub/subscriptions/subscription-name.js';
import { SubscriptionSet } from '../../lib/pubsub/subscriptions/subscription-set.js';
import { Topic } from '../../lib/pubsub/subscriptions/topic.js';

/** A set whose commands are answered by the test, and what it reported. */
function sharded() {
  const commands: { text: string; confirm: () => void }[] = [];
  const active: Topic[] = [];
  const dropped: Topic[] = [];
  const topic = new Topic('sharded', readNames('room')[0], []);
  const set = new SubscriptionSet(
    'sharded',
    () => topic,
    (word, names) =>
      new Promise((confirm) => void commands.push({ text: [word, ...names].join(' '), confirm })),
    {
      onUnreconciled: () => queueMicrotask(() => set.reconcile()),
      onActive: (topics) => void active.push(...topics),
      onDropped: (one) => void dropped.push(one),
      onRefused: () => {},
    },
    '',
  );
  return { set, topic, commands, active, dropped };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// no server can be made to do this at a given moment: both pushes have to be in one read of the socket
describe('a subscription that the server ends right after it confirmed it', () => {
  it('is active once the server has confirmed it again, and not before', async () => {
    const { set, topic, commands, active, dropped } = sharded();
    set.addTopics([topic]);
    set.reconcile();
    commands[0].confirm();
    set.markDropped('room');
    await turn();
    expect(dropped).toEqual([topic]);
    expect(commands.map(({ text }) => text)).toEqual(['ssubscribe room', 'ssubscribe room']);
    expect(active).toEqual([]);
    commands[1].confirm();
    await turn();
    expect(active).toEqual([topic]);
    expect(commands).toHaveLength(2);
  });

  it('is forgotten if nobody wants it any more', async () => {
    const { set, topic, commands, active } = sharded();
    set.addTopics([topic]);
    set.reconcile();
    set.removeTopic(topic);
    commands[0].confirm();
    set.markDropped('room');
    await turn();
    expect(commands).toHaveLength(1);
    expect(active).toEqual([]);
    expect(set.empty).toBe(true);
  });
});
