import { ClusterClient, ClusterError, type ClusterClientOptions } from 'keyslot';
import { eventually } from '../cluster-fixture.js';
import { FakeNode, slotsReply, type FakeAnswer } from '../fake-node.js';

/** Well-formed RESP that is not what any of the commands below answers, or not quite. */
const STRANGE: readonly string[] = [
  ...['*0', '*-1', '$-1', '+OK', ':7', ':-1', '-ERR no', '$0\r\n', '*1\r\n*0', '*1\r\n$-1', '*2\r\n:1\r\n:2'],
  ...['*1\r\n$9\r\n__proto__', '*2\r\n$9\r\n__proto__\r\n$1\r\nx', '*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc'],
  ...[
    '*2\r\n$1\r\n0\r\n$1\r\nx',
    '*2\r\n$1\r\n0\r\n*-1',
    '*2\r\n*0\r\n*0',
    '*2\r\n$1\r\n0\r\n*1\r\n:1',
    '*2\r\n-ERR a\r\n-ERR b',
  ],
  ...[
    '*1\r\n*3\r\n:0\r\n:16383\r\n*0',
    '*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\na\r\n:1',
    '*1\r\n*3\r\n:9\r\n:1\r\n*2\r\n$1\r\na\r\n:1',
  ],
  ...[
    '*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n__proto__\r\n:0',
    '*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n__proto__\r\n:-5',
  ],
  ...['*1\r\n*2\r\n:0\r\n:16383', '*1\r\n*3\r\n$1\r\n0\r\n$5\r\n16383\r\n*2\r\n$1\r\na\r\n$1\r\n1'],
  ...['*1\r\n*6\r\n$9\r\n__proto__\r\n:-2\r\n*1\r\n+write\r\n:1\r\n:1\r\n:1', '$20\r\n__proto__ 1 a b c d e'],
].map((reply) => `${reply}\r\n`);

const CALLS: readonly [
  name: string,
  call: (client: ClusterClient, another: () => ClusterClient) => unknown,
][] = [
  ['hgetall', (client) => client.hgetall('k')],
  ['zrange with scores', (client) => client.zrange('k', '0', '-1', 'WITHSCORES')],
  ['xread', (client) => client.xrange('k', '-', '+')],
  ['del of two slots', (client) => client.del('a', 'b', 'c')],
  ['dbsize', (client) => client.dbsize()],
  ['keys', (client) => client.keys('*')],
  ['script exists', (client) => client.script('EXISTS', 'a')],
  ['wait', (client) => client.wait(1, 1)],
  ['a Map by node', (client) => client.target('all').info()],
  ['numsub', (client) => client.pubsub.numsub('a')],
  ['nonAtomic.mget', (client) => client.nonAtomic.mget('a', 'b')],
  ['nonAtomic.sunion', (client) => client.nonAtomic.sunion('a', 'b')],
  ['a pipeline', (client) => client.pipeline().hgetall('k').get('k').exec()],
  ['multi', (client) => client.multi().hgetall('k').get('k').exec()],
  ['scanIterator', (client) => first(client.scanIterator())],
  ['hscanIterator', (client) => first(client.hscanIterator('k'))],
  ['admin.nodes', (client) => client.admin.nodes()],
  ['admin.info', (client) => client.admin.info()],
  ['admin.shards', (client) => client.admin.shards()],
  ['admin.slots', (client) => client.admin.slots()],
  ['admin.links', (client) => client.admin.links(client.topology.primaries[0])],
  // which COMMAND is asked about, once a client
  ['an unknown command', (_, another) => another().call('NOSUCH', 'k')],
];

async function first(walk: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of walk) return item;
  return undefined;
}

const PROTOTYPES = [Object, Array, Function, Promise, Buffer, Map, String].map(
  ({ prototype }) => prototype as object,
);
const shape = (): string[] => PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).map(String).join());

describe('a node that sends an unexpected reply', () => {
  const nodes: FakeNode[] = [];
  const clients: ClusterClient[] = [];

  async function fakeNode(answer?: FakeAnswer): Promise<FakeNode> {
    const node = await FakeNode.start(answer);
    nodes.push(node);
    return node;
  }

  function clientOf(options: ClusterClientOptions): ClusterClient {
    const client = new ClusterClient({ deadlineMs: 60, startupTimeoutMs: 1_000, ...options });
    clients.push(client);
    return client;
  }

  const before = shape();
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    expect(shape()).toEqual(before);
  });

  it.each(CALLS)('to %s: results in a reply or a typed error, and nothing else', async (_, call) => {
    let strange: string | undefined;
    const node = await fakeNode(([name, word]) => {
      const structure = /^(hello|multi|exec)$/i.test(name) || /^(slots|myid)$/i.test(word ?? '');
      if (strange === undefined || structure)
        return /^exec$/i.test(name) ? `*2\r\n${strange ?? '+OK\r\n'}+OK\r\n` : undefined;
      return strange;
    });
    const another = (): ClusterClient => clientOf({ nodes: [node] });
    const client = another();
    await client.connect();
    for (strange of STRANGE) {
      const outcome: unknown = await (async () => call(client, another))().catch((error: unknown) => error);
      if (outcome instanceof Error && !(outcome instanceof ClusterError))
        throw new Error(`after ${JSON.stringify(strange)}`, { cause: outcome });
    }
    strange = undefined;
    await eventually(async () => expect(await client.get('k')).toBe('OK'));
  });

  it('to CLUSTER SLOTS on startup: results in a typed error, in time', async () => {
    const node = await fakeNode();
    for (const strange of STRANGE) {
      node.become(([name]) => (/^cluster$/i.test(name) ? strange : undefined));
      const error: unknown = await clientOf({ nodes: [node], startupTimeoutMs: 40 })
        .connect()
        .catch((reason: unknown) => reason);
      expect([strange, error]).toEqual([strange, expect.any(ClusterError)]);
    }
  });

  it('to CLUSTER SLOTS later: the client keeps the topology that it knows', async () => {
    const node = await fakeNode();
    const client = clientOf({ nodes: [node], deadlineMs: 2_000 });
    await client.connect();
    for (const strange of STRANGE) {
      // what names a node that is not there is a topology like any other
      if (strange.includes(':0\r\n:16383')) continue;
      node.become(([name, word]) => (/^cluster slots$/i.test(`${name} ${word}`) ? strange : undefined));
      await client.refreshTopology().catch((error: unknown) => expect(error).toBeInstanceOf(ClusterError));
      expect([strange, client.topology.coveredSlots]).toEqual([strange, 16_384]);
      expect(await client.get('k')).toBe('OK');
    }
    node.become(([name]) => (/^cluster$/i.test(name) ? slotsReply([0, 16_383, node]) : undefined));
    await eventually(() => client.refreshTopology().then(({ coveredSlots }) => coveredSlots === 16_384));
  });
});
