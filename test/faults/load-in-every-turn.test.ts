import { ClusterClient, keySlot } from 'keyslot';
import { FakeNode, SILENCE, slotsReply } from '../fake-node.js';

/** Far more turns than the deadline has milliseconds. */
const MOST_TURNS = 10_000;

describe('load in every turn of the event loop', () => {
  const nodes: FakeNode[] = [];
  let client: ClusterClient;

  afterEach(async () => {
    client.disconnect();
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
  });

  it('does not delay the deadlines of calls to a silent node', async () => {
    nodes.push(await FakeNode.start(), await FakeNode.start());
    const [first, second] = nodes;
    const view = slotsReply([0, 8_191, first], [8_192, 16_383, second]);
    const usual = (name: string): string | undefined => (name.toLowerCase() === 'cluster' ? view : undefined);
    first.become(([name]) => (name === 'set' ? SILENCE : usual(name)));
    second.become(([name]) => usual(name));
    client = new ClusterClient({ nodes: [first], deadlineMs: 300 });
    await client.connect();
    const silent = keySlot('foo') < 8_192 ? 'foo' : 'bar';
    const other = silent === 'foo' ? 'bar' : 'foo';
    let [ended, turns] = [false, 0];
    const load = (): void => {
      if (ended || turns++ === MOST_TURNS) return;
      for (const key of [silent, other, other]) client.set(key, 1).catch(() => {});
      for (const end = performance.now() + 1; performance.now() < end;);
      setImmediate(load);
    };
    load();
    await expect(client.set(silent, 2)).rejects.toMatchObject({
      code: expect.stringMatching(/DEADLINE|UNKNOWN/),
    });
    ended = true;
    expect(turns).toBeLessThan(MOST_TURNS);
  });
});
