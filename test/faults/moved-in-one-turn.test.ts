import { ClusterClient, keySlot } from 'keyslot';
import { eventually } from '../cluster-fixture.js';
import { FakeNode, SILENCE, slotsReply } from '../fake-node.js';

const HALF = 8_192;
const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
const [low] = keys.filter((key) => keySlot(key) < HALF);
const [high, moved] = keys.filter((key) => keySlot(key) >= HALF);

it('sends nothing more to a node that has just said that the slot moved, whatever else arrives in that turn', async () => {
  const nodes = [await FakeNode.start(), await FakeNode.start()];
  const [first, second] = nodes;
  const view = slotsReply([0, HALF - 1, first], [HALF, 16_383, second]);
  for (const node of nodes)
    node.become(([name]) =>
      name.toLowerCase() === 'cluster' ? view : name.toLowerCase() === 'get' ? SILENCE : undefined,
    );
  const client = new ClusterClient({ nodes: [first] });
  const askedFor = (node: FakeNode, key: string) => node.asked('get').filter((request) => request[1] === key);
  try {
    await client.connect();
    await client.target('all').ping();
    const calls = [
      client.get(low).then(() => client.get(low)),
      client.get(high).then(() => client.get(moved)),
      client.get(moved),
    ];
    for (const call of calls) call.catch(() => {});
    await eventually(() => expect([first, second].map((node) => node.asked('get').length)).toEqual([1, 2]));
    // both replies are there when the client looks, the first one of the node that only replies with a value
    first.say('$1\r\na\r\n');
    second.say(`$1\r\nb\r\n-MOVED ${keySlot(moved)} ${first.name}\r\n`);
    await eventually(() => expect(askedFor(first, moved)).toHaveLength(2));
    expect(askedFor(second, moved)).toHaveLength(1);
  } finally {
    client.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  }
});
