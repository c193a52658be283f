import { ClusterClient, type ClusterClientOptions } from 'keyslot';
import { recipes } from '../../../../lib/client/non-atomic/recipe-table.js';
import { sharedCluster } from '../../../cluster-fixture.js';
import { withoutPlace } from '../../../error-place.js';
import { freshKeys } from './non-atomic-fixture.js';

const shared = sharedCluster();
let client: ClusterClient;
let keyPrefix = '';

async function connect(options: ClusterClientOptions = {}): Promise<void> {
  keyPrefix = options.keyPrefix ?? '';
  client = new ClusterClient({ nodes: shared.nodes, ...options });
  await client.connect();
}

const NAMES = ['a', 'b', 'c', 'd'];
const BINARY = Buffer.from([0, 0xff, 0x80, 0x0d, 0x0a]);

type Words = readonly (string | number | Buffer)[];

/** What a key holds, in a form that can be compared, and whether it expires. */
async function contentOf(key: string): Promise<unknown> {
  const type = await client.type(key);
  const expires = (await client.pttl(key)) >= 0;
  const sorted = (members: Buffer[]) => members.map((member) => member.toString('latin1')).toSorted();
  const readers: Record<string, () => Promise<unknown>> = {
    none: () => Promise.resolve(null),
    string: () => client.getBuffer(key),
    list: () => client.lrangeBuffer(key, 0, -1),
    set: async () => sorted(await client.smembersBuffer(key)),
    zset: () => client.zrange(key, 0, '-1', 'WITHSCORES'),
    hash: () => client.hgetall(key),
    stream: () => client.xrange(key, '-', '+'),
  };
  return [type, expires, await readers[type]()];
}

/** Sets keys up, makes a call, and tells its reply (or its error) and what the keys hold afterwards. */
async function observe(setUp: readonly Words[], call: Words, together: boolean): Promise<unknown> {
  const keys = freshKeys(shared.keyspace, NAMES, { together, keyPrefix });
  const key = (word: string) => keys.get(word) ?? word;
  const withKeys = (words: Words) => words.map((word) => (typeof word === 'string' ? key(word) : word));
  for (const [name, ...args] of setUp) await client.send(String(name), withKeys(args), false);
  const [name, ...args] = call;
  const method = String(name) as 'sunion';
  const outcome = await client.nonAtomic[method](...(withKeys(args) as string[])).then(
    (reply: unknown) => (/^s(diff|inter|union)$/.test(method) ? (reply as string[]).toSorted() : reply),
    (error: Error) => [error.name, withoutPlace(error.message)],
  );
  return [outcome, await Promise.all(NAMES.map((word) => contentOf(key(word))))];
}

const LIST: Words = ['rpush', 'a', 'x', 'y', BINARY];
const SET: Words = ['sadd', 'a', 'x', 'y', BINARY];
const SETS: Words[] = [SET, ['sadd', 'b', 'y', 'z', BINARY], ['sadd', 'c', 'y', 'w']];
const NUMBERS: Words[] = [
  ['sadd', 'a', 1, 2, 3],
  ['sadd', 'b', 3, 4],
];
const RANKED: Words[] = [
  ['zadd', 'a', 1, 'x', 2.5, 'y'],
  ['zadd', 'b', 3, 'y', 4, 'z'],
  ['sadd', 'c', 'y'],
];
const BITS: Words[] = [
  ['set', 'a', BINARY],
  ['set', 'b', 'abc'],
  ['set', 'c', 'q'],
];
const HLLS: Words[] = [
  ['pfadd', 'a', 'x', 'y'],
  ['pfadd', 'b', 'y', 'z'],
  ['pfadd', 'c', 'w'],
];
const OLD: Words = ['set', 'd', 'old', 'EX', 100];

/** Every call here does the same over several slots as in one. */
const SCENARIOS: readonly [call: Words, ...setUp: Words[]][] = [
  [['mget', 'a', 'b', 'a', 'd', 'c', 'a'], ...BITS],
  [['mget', 'a', 'b'], LIST, ['set', 'b', 1]],
  [['mset', 'a', 1, 'b', '', 'a', 2, 'c', BINARY]],
  [['msetnx', 'a', 1, 'b', '', 'a', 2, 'c', BINARY]],
  [['msetnx', 'a', 1, 'd', 2], OLD],

  // what is no set is refused wherever it stands, and nothing is changed
  [['sdiffstore', 'a', 'b', 'd'], SET, OLD],
  [['sdiffstore', 'a', 'b', 'c', 'd'], SET, ['sadd', 'b', 'x'], OLD],
  [['sdiff', 'b', 'd'], OLD],
  [['sinterstore', 'a', 'b', 'd'], SET, OLD],
  [['sunionstore', 'a', 'b', 'd'], SET, OLD],
  [['smove', 'a', 'd', 'nobody'], SET, OLD],
  [['smove', 'a', 'd', 'x'], SET, OLD],
  [['smove', 'd', 'a', 'x'], SET, OLD],
  [['smove', 'b', 'd', 'x'], OLD],

  [
    ['rename', 'a', 'b'],
    ['set', 'a', BINARY, 'PX', 100_000],
    ['rpush', 'b', 1],
  ],
  [
    ['rename', 'a', 'b'],
    ['xadd', 'a', '1-1', 'f', 'v'],
    ['set', 'b', 1, 'EX', 100],
  ],
  [
    ['rename', 'a', 'b'],
    ['set', 'b', 1],
  ],
  [
    ['rename', 'a', 'a'],
    ['set', 'a', 1],
  ],
  [['rename', 'a', 'a']],
  [
    ['renamenx', 'a', 'b'],
    ['hset', 'a', 'f', 'v'],
  ],
  [
    ['renamenx', 'a', 'b'],
    ['set', 'a', 1],
    ['set', 'b', 2],
  ],
  [['renamenx', 'a', 'b']],
  [
    ['copy', 'a', 'b'],
    ['set', 'a', 1, 'EX', 100],
  ],
  [
    ['copy', 'a', 'b'],
    ['set', 'a', 1],
    ['set', 'b', 2],
  ],
  [
    ['copy', 'a', 'b', 'REPLACE'],
    ['set', 'a', 1],
    ['set', 'b', 2, 'EX', 100],
  ],
  [
    ['copy', 'a', 'b', 'DB', 0, 'REPLACE'],
    ['set', 'a', 1],
    ['set', 'b', 2],
  ],
  [
    ['copy', 'a', 'b', 'REPLACE'],
    ['set', 'b', 2],
  ],

  [['smove', 'a', 'b', BINARY], ...SETS],
  [['smove', 'a', 'b', 'y'], ...SETS],
  [['smove', 'a', 'b', 'none'], ...SETS],
  [['smove', 'd', 'b', 'y'], ...SETS],
  [['smove', 'd', 'b', 'y'], OLD],
  [['smove', 'a', 'd', 'y'], ...SETS, OLD],

  [['rpoplpush', 'a', 'b'], LIST, ['rpush', 'b', 1]],
  [
    ['rpoplpush', 'a', 'b'],
    ['rpush', 'b', 1],
  ],
  [['rpoplpush', 'a', 'd'], LIST, OLD],
  [['rpoplpush', 'd', 'a'], LIST, OLD],
  [['lmove', 'a', 'b', 'LEFT', 'RIGHT'], LIST, ['rpush', 'b', 1]],
  [['lmove', 'a', 'b', 'left', 'Left'], LIST, ['rpush', 'b', 1]],
  [['lmove', 'a', 'b', 'RIGHT', 'RIGHT'], LIST],
  [['lmove', 'a', 'b', 'UP', 'DOWN'], LIST],

  ...['sdiff', 'sinter', 'sunion'].flatMap((name): (typeof SCENARIOS)[number][] => [
    [[name, 'a', 'b'], ...SETS],
    [[name, 'b', 'a', 'c'], ...SETS],
    [[name, 'a', 'a'], ...SETS],
    [[name, 'a', 'd'], ...SETS],
    [[name, 'd', 'a'], ...SETS],
    [[name, 'a', 'd'], ...SETS, OLD],
    [[`${name}store`, 'd', 'a', 'b'], ...SETS, OLD],
    [[`${name}store`, 'a', 'a', 'b', 'c'], ...SETS],
    [[`${name}store`, 'd', 'a', 'b'], ...NUMBERS],
  ]),
  [['sunionstore', 'd', 'a', 'b'], OLD],
  [['sdiffstore', 'd', 'a', 'b'], ['sadd', 'a', 1], ['sadd', 'b', 1], OLD],

  ...['zunionstore', 'zinterstore'].flatMap((name): (typeof SCENARIOS)[number][] => [
    [[name, 'd', 2, 'a', 'b'], ...RANKED, OLD],
    [[name, 'd', 3, 'a', 'b', 'c', 'WEIGHTS', 2, 0.5, 'inf', 'AGGREGATE', 'MAX'], ...RANKED],
    [[name, 'b', 2, 'a', 'b'], ...RANKED],
    [[name, 'c', 2, 'a', 'd'], ...RANKED],
    [[name, 'c', 2, 'a', 'd'], ...RANKED, OLD],
    [[name, 'd', 2, 'a', 'b', 'AGGREGATE', 'MEAN'], ...RANKED],
  ]),

  [['pfcount', 'a', 'b', 'c'], ...HLLS],
  [['pfcount', 'd', 'a'], ...HLLS],
  [
    ['pfcount', 'a', 'b'],
    ['pfadd', 'a', 'x'],
    ['set', 'b', 'no'],
  ],
  [['pfmerge', 'a', 'b', 'c'], ...HLLS],
  [['pfmerge', 'd', 'a', 'b', 'c'], ...HLLS],
  [['pfmerge', 'd', 'a'], ...HLLS, OLD],

  ...['AND', 'or', 'XOR'].map((operation): (typeof SCENARIOS)[number] => [
    ['bitop', operation, 'd', 'a', 'b', 'c'],
    ...BITS,
    OLD,
  ]),
  [['bitop', 'NOT', 'd', 'a'], ...BITS],
  [['bitop', 'NOT', 'd', 'a', 'b'], ...BITS],
  [['bitop', 'OR', 'd', 'a', 'b'], OLD],
  [['bitop', 'OR', 'd', 'a', 'b'], LIST],

  [['sort', 'a', 'STORE', 'd'], ...NUMBERS, OLD],
  [['sort', 'a', 'ALPHA', 'DESC', 'LIMIT', 0, 2, 'GET', '#', 'STORE', 'd'], LIST],
  [
    ['sort', 'a', 'BY', 'nosort', 'STORE', 'd'],
    ['zadd', 'a', 2, 'x', 1, 'y'],
  ],
  [['sort', 'a', 'STORE', 'd'], OLD],
  [['sort', 'a', 'STORE', 'd'], LIST],
];

const titleOf = (words: Words): string => words.map((word) => (word === BINARY ? 'BINARY' : word)).join(' ');

describe.each([{ protocol: 2 }, { protocol: 3, keyPrefix: 'app:' }] as const)(
  'over several slots, with the result of one slot (%j)',
  (options) => {
    beforeAll(() => connect(options));
    afterAll(() => client.close());

    it.each(
      SCENARIOS.map(
        ([call, ...setUp]) => [titleOf(call), setUp.map(titleOf).join(' | '), call, setUp] as const,
      ),
    )('%s  (%s)', async (_, __, call, setUp) => {
      const inOneSlot = await observe(setUp, call, true);
      expect(await observe(setUp, call, false)).toEqual(inOneSlot);
    });
  },
);

it('covers every command', () => {
  const tested = new Set(SCENARIOS.map(([[name]]) => String(name)));
  expect([...tested].toSorted()).toEqual(Object.keys(recipes).toSorted());
});
