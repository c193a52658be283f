import type { Socket } from 'node:net';
import { ClusterClient, type ClusterClientOptions, keySlot } from 'keyslot';
import { eventually } from '../cluster-fixture.js';
import { type FakeAnswer, FakeNode, SILENCE, slotsReply } from '../fake-node.js';

// what a real primary accepts after it stood still: test/cluster/pubsub/thawed-primary.test.ts
describe('a primary that was silent, and answers again', () => {
  const nodes: FakeNode[] = [];
  let client: ClusterClient;
  let first: FakeNode;
  let second: FakeNode;
  /** A key of each of them. */
  const [own, others] = keySlot('foo') < 8_192 ? ['foo', 'bar'] : ['bar', 'foo'];

  const view = (): string => slotsReply([0, 8_191, first], [8_192, 16_383, second]);
  const naming =
    (answer: () => string): FakeAnswer =>
    ([name]) =>
      name.toLowerCase() === 'cluster' ? answer() : undefined;

  /** Sends a call that the first node does not answer, until the client has noticed. @returns wakes it up */
  const untilSilent = async (options: ClusterClientOptions = {}): Promise<() => Promise<unknown>> => {
    let sleeper: Socket | undefined;
    first.become((request, socket) => {
      if (request[0] !== 'incr') return naming(view)(request, socket);
      sleeper = socket;
      // the rest of the reply follows when it wakes up
      return ':';
    });
    client = new ClusterClient({ nodes: [first], replyTimeoutMs: 100, ...options });
    await client.connect();
    const sent = client.incr(own);
    await eventually(() => sleeper !== undefined);
    // it opens a second connection to a node that it finds silent, and holds back what comes
    await eventually(() => first.asked('hello').length > 1);
    return () => {
      sleeper?.write('1\r\n');
      return sent;
    };
  };

  beforeEach(async () => {
    [first, second] = [await FakeNode.start(), await FakeNode.start()];
    nodes.push(first, second);
    second.become(naming(view));
  });

  afterEach(async () => {
    client.disconnect();
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
  });

  it('gets nothing more if the others name a successor, whatever it says itself', async () => {
    const wake = await untilSilent();
    const waiting = client.set(own, 1);
    second.become(naming(() => slotsReply([0, 16_383, second])));
    expect(await wake()).toBe(1);
    expect(await waiting).toBe('OK');
    expect([first, second].map((node) => node.asked('set').length)).toEqual([0, 1]);
  });

  it('gets the calls that wait if the others name it', async () => {
    const wake = await untilSilent();
    const waiting = client.set(own, 1);
    expect(await wake()).toBe(1);
    expect(await waiting).toBe('OK');
    expect([first, second].map((node) => node.asked('set').length)).toEqual([1, 0]);
  });

  it('gets them after a while if the others say nothing', async () => {
    const wake = await untilSilent({ connectTimeoutMs: 60_000 });
    second.become(([name]) => (name.toLowerCase() === 'cluster' ? SILENCE : undefined));
    const waiting = client.with({ deadlineMs: 20_000 }).set(own, 1);
    expect(await wake()).toBe(1);
    expect(await waiting).toBe('OK');
  });

  it('gets them also under load in every turn of the event loop', async () => {
    const wake = await untilSilent();
    let loaded = true;
    const load = (): void => {
      if (!loaded) return;
      for (const key of [own, others, others]) client.set(key, 1).catch(() => {});
      setImmediate(load);
    };
    load();
    expect(await wake()).toBe(1);
    const waiting = client.with({ deadlineMs: 20_000 }).set(own, 2);
    expect(await waiting.finally(() => (loaded = false))).toBe('OK');
  });
});
