import { ClusterClient } from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { FakeNode, SILENCE, slotsReply } from '../../../fake-node.js';

const MAX_STALE_MS = 150;
const idOf = ({ port }: FakeNode): string => String(port).padStart(40, '0');
const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

const BASICS: Readonly<Record<string, string>> = {
  HELLO: '%1\r\n$2\r\nid\r\n:7\r\n',
  PING: '+PONG\r\n',
  UNSUBSCRIBE: '>3\r\n$11\r\nunsubscribe\r\n$12\r\nkeyslot:push\r\n:0\r\n',
  COMMAND: '*1\r\n_\r\n',
  GET: bulk('value'),
  PTTL: ':-1\r\n',
};

/** Two primaries, of which the second answers CLUSTER NODES as a test says. */
async function startPair(): Promise<{
  nodes: [FakeNode, FakeNode];
  second: { view: string };
  fillAt(): number;
}> {
  const second = { view: '' };
  let filledAt = 0;
  const answerOf =
    (view: () => string) =>
    ([name, subcommand]: readonly string[]): string | undefined => {
      const words = [name, subcommand ?? ''].map((word) => word.toUpperCase());
      if (words.join(' ') === 'CLIENT CACHING') filledAt = performance.now();
      if (words[0] !== 'CLUSTER') return BASICS[words[0]];
      return words[1] === 'NODES' ? view() : slotsReply([0, 8_191, one], [8_192, 16_383, two]);
    };
  const one: FakeNode = await FakeNode.start();
  const two: FakeNode = await FakeNode.start();
  one.become(answerOf(() => viewOf(one, [one, '0-8191'], [two, '8192-16383'])));
  two.become(answerOf(() => second.view));
  return { nodes: [one, two], second, fillAt: () => filledAt };
}

/** What a node says of the cluster. */
function viewOf(author: FakeNode, ...owners: [FakeNode, string][]): string {
  const lines = owners.map(([node, slots], epoch) => {
    const flags = node === author ? 'myself,master' : 'master';
    return `${idOf(node)} ${node.name}@1${node.port} ${flags} - 0 0 ${epoch} connected ${slots}`.trim();
  });
  return bulk(`${lines.join('\n')}\n`);
}

describe('a primary that does not know that it was replaced', () => {
  it.each<[what: string, view: (one: FakeNode, two: FakeNode) => string]>([
    ['says that another node owns its slots', (one, two) => viewOf(two, [two, '0-16383'], [one, ''])],
    ['does not answer', () => SILENCE],
  ])('is not trusted for longer than maxStaleMs once another primary %s', async (_, view) => {
    const { nodes, second, fillAt } = await startPair();
    const [one, two] = nodes;
    second.view = viewOf(two, [one, '0-8191'], [two, '8192-16383']);
    const cache = { maxBytes: 10_000, maxStaleMs: MAX_STALE_MS };
    const client = new ClusterClient({ nodes, cache, replyTimeoutMs: 60_000 });
    try {
      const cached = client.with({ cache: true });
      /** Reads once. @returns how old the reply from memory was, in ms, at least; undefined for one from the node */
      const ageOfHit = async (): Promise<number | undefined> => {
        const { hits } = client.cache.stats();
        const age = performance.now() - fillAt();
        expect(await cached.get('{b}k')).toBe('value');
        return client.cache.stats().hits > hits ? age : undefined;
      };
      // both agree: checks renew the lease
      await eventually(async () => ((await ageOfHit()) ?? 0) > MAX_STALE_MS);
      second.view = view(one, two);
      const end = performance.now() + MAX_STALE_MS;
      await eventually(async () => {
        await ageOfHit();
        return performance.now() > end;
      });
      // now all hits are of fresh reads, however often the node confirms what it had
      let reads = 0;
      let refills = 0;
      const tooOld: number[] = [];
      await eventually(async () => {
        const age = await ageOfHit();
        reads++;
        if (age === undefined) refills++;
        else if (age > MAX_STALE_MS) tooOld.push(age);
        return refills >= 3 && reads > 10;
      });
      expect(tooOld).toEqual([]);
    } finally {
      client.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });
});
