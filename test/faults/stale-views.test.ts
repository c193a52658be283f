import type { Socket } from 'node:net';
import { ClusterClient, keySlot } from 'keyslot';
import { eventually } from '../cluster-fixture.js';
import { FakeNode, SILENCE, slotsReply, type FakeAnswer } from '../fake-node.js';

describe('a topology view from the middle of a failover', () => {
  const nodes: FakeNode[] = [];
  let client: ClusterClient;
  const startNode = async (answer?: FakeAnswer): Promise<FakeNode> => {
    const node = await FakeNode.start(answer);
    nodes.push(node);
    return node;
  };
  const half = keySlot('foo') < 8_192 ? 'foo' : 'bar';
  const otherHalf = half === 'foo' ? 'bar' : 'foo';

  /** Two nodes, which both say at first that each owns half the slots. */
  const pair = async (): Promise<[FakeNode, FakeNode]> => {
    const [first, second] = [await startNode(), await startNode()];
    const view = slotsReply([0, 8_191, first], [8_192, 16_383, second]);
    for (const node of nodes) node.become(([name]) => (name.toLowerCase() === 'cluster' ? view : undefined));
    client = new ClusterClient({ nodes: [first] });
    await client.connect();
    return [first, second];
  };

  afterEach(async () => {
    client.disconnect();
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
  });

  it('without an owner for some slots leaves them with the node that still answers', async () => {
    const [first, second] = await pair();
    for (const node of [first, second])
      node.become(([name]) => (name.toLowerCase() === 'cluster' ? slotsReply([0, 8_191, first]) : undefined));
    await client.refreshTopology();
    expect(client.topology.nodeForKey(otherHalf)?.port).toBe(second.port);
    expect(await client.set(otherHalf, 1)).toBe('OK');
    expect(second.asked('set')).toHaveLength(1);
    // once it is gone there is nobody to leave them with
    await second.stop();
    await client.refreshTopology();
    await client.refreshTopology();
    expect(client.topology.nodeForKey(otherHalf)).toBeUndefined();
  });

  it('that keeps showing no owner is accepted after a while', async () => {
    const [first, second] = await pair();
    for (const node of [first, second])
      node.become(([name]) => (name.toLowerCase() === 'cluster' ? slotsReply([0, 8_191, first]) : undefined));
    await client.refreshTopology();
    expect(client.topology.coveredSlots).toBe(16_384);
    await eventually(() => expect(client.topology.coveredSlots).toBe(8_192));
    expect(client.topology.nodeForKey(half)?.port).toBe(first.port);
  });

  it('that briefly assigns the slots to another node does not interrupt a blocking call', async () => {
    const [first, second] = await pair();
    const third = await startNode();
    const keyIn = (from: number, to: number): string =>
      Array.from({ length: 1_000 }, (_, i) => `k${i}`).find(
        (key) => keySlot(key) >= from && keySlot(key) <= to,
      )!;
    const blocked = new Set<Socket>();
    const show = (view: string): Promise<unknown> => {
      for (const node of nodes)
        node.become(([name], socket) => {
          if (name.toLowerCase() === 'cluster') return view;
          if (name.toLowerCase() !== 'blpop') return undefined;
          blocked.add(socket);
          return SILENCE;
        });
      return client.refreshTopology();
    };
    await show(slotsReply([0, 8_191, first], [8_192, 12_287, second], [12_288, 16_383, third]));
    const popped = client.blpop(keyIn(8_192, 12_287), 0);
    await eventually(() => expect(blocked.size).toBe(1));
    const cutOff = client.blpop(keyIn(12_288, 16_383), 0).catch((error: unknown) => error);
    await eventually(() => expect(blocked.size).toBe(2));
    await show(slotsReply([0, 16_383, first]));
    expect(client.topology.nodeForKey(keyIn(8_192, 12_287))?.port).toBe(first.port);
    await show(slotsReply([0, 8_191, first], [8_192, 12_287, second], [12_288, 16_383, first]));
    // the other node does not get its slots back, and the time it is given to end its calls is over
    expect(await cutOff).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    const [kept] = blocked;
    kept.write('*2\r\n$1\r\nq\r\n$1\r\nx\r\n');
    expect(await popped).toEqual(['q', 'x']);
    expect(second.asked('blpop')).toHaveLength(1);
  });

  it('that omits a node does not make it an unknown node', async () => {
    const [first, second] = await pair();
    const slot = keySlot(half);
    const moved: FakeAnswer = ([name]) => {
      if (name.toLowerCase() === 'cluster') return slotsReply([0, 16_383, first]);
      return name === 'set' ? `-MOVED ${slot} ${second.name}\r\n` : undefined;
    };
    first.become(moved);
    second.become(([name]) =>
      name.toLowerCase() === 'cluster' ? slotsReply([0, 16_383, first]) : undefined,
    );
    await client.refreshTopology();
    expect(client.topology.node(second.name)).toBeUndefined();
    expect(await client.set(half, 1)).toBe('OK');
    expect(second.asked('set')).toHaveLength(1);
    // whom no view ever named is one
    const stranger = await startNode();
    first.become((request, socket) =>
      request[0] === 'set' ? `-MOVED ${slot} ${stranger.name}\r\n` : moved(request, socket),
    );
    await expect(client.with({ deadlineMs: 300 }).set(half, 1)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(stranger.accepted).toBe(0);
  });
});
