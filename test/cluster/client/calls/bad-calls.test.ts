import { inspect } from 'node:util';
import { ClusterClient, ClusterError, Script, type ClusterNode } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

const CALLS = 10_000;
const AT_ONCE = 250;
const SEED = Number(process.env.KEYSLOT_SEED ?? Date.now() % 2 ** 31);

type Method = (...args: unknown[]) => unknown;
type Receiver = Record<string, Method>;

/** What is told of a call that went wrong in a wrong way. */
type Described = readonly [what: string, ...args: unknown[]];

/** Makes one call. Errors are thrown or given by the promise. */
type BadCall = { described: Described; run: () => Promise<unknown> };

/** mulberry32: numbers that one seed gives again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(SEED);
const upTo = (most: number): number => Math.floor(random() * (most + 1));
const oneOf = <T>(list: readonly T[]): T => list[upTo(list.length - 1)];

/** Each would set the key `injected`, if its CRLF were taken for the end of a request, or its words for arguments. */
const INJECTIONS = [
  'GET x\r\nSET injected 1',
  'GET x\r\nSET injected 1\r\n',
  'x\r\n*3\r\n$3\r\nSET\r\n$8\r\ninjected\r\n$1\r\n1\r\n',
  'SET injected 1',
  '\r\nSET injected 1\r\n',
  '$-1\r\n*3\r\n$3\r\nSET\r\n$8\r\ninjected\r\n$1\r\n1\r\n',
] as const;

const NAMES: readonly unknown[] = [
  ...[undefined, null, 5, {}, [], ['set', 'a', 'b'], Symbol('name'), () => {}, Buffer.from('get'), true, NaN],
  ...[
    '',
    ' ',
    ' get',
    'get ',
    'get\0',
    'GET\r\n',
    '\r\n',
    '|',
    'config|get',
    'config get',
    'é',
    '\ud800',
    '🙂',
  ],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'sEt', 'nosuch', 'x'.repeat(100_000)],
  ...INJECTIONS,
];

const thrower = {
  toString() {
    throw new Error('toString of an argument was called');
  },
};
const circular: unknown[] = [];
circular.push(circular);

/** What has a text to be sent. */
const SENDABLE: readonly unknown[] = [
  ...[Infinity, -Infinity, -0, 0, 1, -1, 1.5, 2 ** 53, 1e308, 1e-7, 10n ** 30n, true, false, 2, 100],
  ...[[], ['a', 'b'], new Map([['a', 'b']]), Buffer.alloc(0), Buffer.from('\r\n'), new Uint8Array([255, 0])],
  ...[
    '',
    '0',
    '-1',
    '\r\n',
    '\0',
    '{',
    '}',
    '{}',
    '{}{a}',
    '{a}',
    'a',
    'b',
    '*',
    'é',
    '\ud800',
    '__proto__',
    'LIMIT',
  ],
  ...[
    'COUNT',
    'STREAMS',
    'STORE',
    'KEYS',
    '9223372036854775808',
    'nan',
    '(1',
    '[',
    '+',
    '1e400',
    '>',
    '$',
    'c',
    'd',
  ],
  ...INJECTIONS,
];

/** What has none. */
const UNSENDABLE: readonly unknown[] = [
  ...[undefined, null, NaN, {}, { a: 1 }, { a: { b: 1 } }, { a: undefined }, Object.create(null), thrower],
  ...[
    new Date(NaN),
    /x/,
    new Error('x'),
    Symbol('s'),
    Symbol.iterator,
    [[]],
    [['a', 'b']],
    ['a', ['b']],
    [undefined],
  ],
  ...[
    circular,
    new Array(3),
    new Map(),
    new Map([['a', {}]]),
    new Set(['a']),
    new WeakMap(),
    Promise.resolve('x'),
  ],
  ...[new Float64Array(2), new ArrayBuffer(8), () => {}],
];

const RARE: readonly (() => unknown)[] = [
  () => 'x'.repeat(2 ** 20),
  () => 'é\r\n'.repeat(2 ** 18),
  () => Buffer.alloc(2 ** 20, '\r\n'),
  () => new Array(20_000).fill('a'),
  () => new Array(20_000).fill(undefined),
  () => Object.fromEntries(new Array(5_000).entries()),
];

function argument(): unknown {
  if (random() < 0.004) return oneOf(RARE)();
  return random() < 0.9 ? oneOf(SENDABLE) : oneOf(UNSENDABLE);
}

const argumentsOf = (most = 5): unknown[] => Array.from({ length: upTo(most) }, argument);

/** Commands that may wait for as long as they are told, stop a server for a while or empty it, or close the client. */
const UNFIT = /^b[lrz]|block|^wait|^xread|migrate|save|rewriteaof|^flush|selftest|^quit$/;

describe('invalid calls', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;
  let methods: readonly string[];

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 1 });
    client = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 3_000 });
    const names = (await client.command('LIST')) as string[];
    methods = names.filter((name) => !name.includes('|') && !UNFIT.test(name));
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.stop();
  });

  /** Calls a command of a receiver: by its method, or by `call`. */
  function command(receiver: unknown): [method: string, args: unknown[]] {
    const [name, suffix] = [oneOf(methods), oneOf(['', 'Buffer'])];
    const { [name + suffix]: method, call } = receiver as Partial<Receiver>;
    if (typeof method === 'function' && (random() < 0.8 || call === undefined))
      return [name + suffix, argumentsOf()];
    if (call === undefined) return command(receiver);
    return [
      `call${suffix}`,
      [random() < 0.5 ? oneOf(NAMES) : oneOf([name, name.toUpperCase()]), ...argumentsOf()],
    ];
  }

  const invoke = (receiver: unknown, [method, args]: [string, unknown[]]): unknown =>
    // a call may change the list of its arguments, and an error has to tell of them as they were
    (receiver as Receiver)[method](...args);

  const onView = (what: string, view: () => unknown): (() => BadCall) => {
    return () => {
      const receiver = view();
      const [method, args] = command(receiver);
      return { described: [`${what}.${method}`, ...args], run: async () => invoke(receiver, [method, args]) };
    };
  };

  const onBatch = (kind: 'pipeline' | 'multi'): BadCall => {
    const batch = client[kind]();
    const list = Array.from({ length: upTo(4) }, () => command(batch));
    const run = async (): Promise<unknown> => {
      for (const call of list) {
        // what is refused is not queued, and the rest goes
        await settled(() => invoke(batch, call));
      }
      const results = (await batch.exec(oneOf([undefined, undefined, argument() as undefined]))) ?? [];
      for (const [error] of results) if (error !== null) refuseUntyped(error);
      return results;
    };
    return { described: [kind, ...list], run };
  };

  const options = (...names: string[]): Record<string, unknown> =>
    Object.fromEntries(names.filter(() => random() < 0.6).map((name) => [name, argument()]));

  const scan = (): BadCall => {
    const kind = oneOf(['scan', 'hscan', 'sscan', 'zscan'] as const);
    const way = oneOf(['Iterator', 'Stream'] as const);
    const given = options('match', 'count', 'type');
    const args = [...(kind === 'scan' ? [] : [argument()]), ...(random() < 0.9 ? [given] : [argument()])];
    const run = async (): Promise<void> => {
      const pages = invoke(client, [`${kind}${way}`, args]) as AsyncIterable<unknown>;
      let left = 20;
      for await (const _ of pages) if (--left === 0) break;
    };
    return { described: [`${kind}${way}`, ...args], run };
  };

  const script = (): BadCall => {
    const known = new Script(`return {KEYS, ARGV}`, random() < 0.3);
    const args = [
      random() < 0.7 ? known : argument(),
      oneOf([argument, argumentsOf])(),
      oneOf([argument, argumentsOf])(),
    ];
    return { described: ['runScript', ...args], run: async () => invoke(client, ['runScript', args]) };
  };

  const definition = (): BadCall => {
    const given = { lua: 'return KEYS', ...options('lua', 'numberOfKeys', 'readOnly') };
    const args = [oneOf([argument(), oneOf(NAMES), 'set', 'exec', 'addBatch', 'length', 'close']), given];
    const own = client.duplicate();
    return { described: ['defineCommand', ...args], run: async () => invoke(own, ['defineCommand', args]) };
  };

  const transaction = (): BadCall => {
    const keys = oneOf([argument, argumentsOf])();
    const inside = command(client);
    const queued = command(client.multi());
    const fn = random() < 0.8 ? (tx: { multi(): unknown }) => inTransaction(tx, inside, queued) : argument();
    const args = [keys, fn, options('attempts')];
    return {
      described: ['transaction', keys, inside, queued],
      run: async () => invoke(client, ['transaction', args]),
    };
  };

  async function inTransaction(
    tx: { multi(): unknown },
    inside: [string, unknown[]],
    queued: [string, unknown[]],
  ) {
    // a transaction has fewer methods than the client
    if (inside[0] in tx) await settled(() => invoke(tx, inside));
    const commands = tx.multi();
    await settled(() => invoke(commands, queued));
    return commands;
  }

  const target = (): BadCall => {
    const [node] = client.topology.nodes;
    const made = { ...node, host: undefined, port: NaN } as unknown as ClusterNode;
    const kind = oneOf([
      'primaries',
      'all',
      'random',
      'default',
      node,
      [node],
      made,
      [made],
      [],
      argument(),
      oneOf(NAMES),
    ]);
    const call = command(client.target('all'));
    const run = async (): Promise<unknown> => invoke(client.target(kind as 'all'), call);
    return { described: ['target', kind, ...call], run };
  };

  const view = (): BadCall => {
    const given =
      random() < 0.9
        ? options('readFrom', 'deadlineMs', 'retry', 'signal', 'durability', 'nosuch')
        : argument();
    return { described: ['with', given], run: async () => client.with(given as object).get('a') };
  };

  const batchList = (): BadCall => {
    const kind = oneOf(['pipeline', 'multi'] as const);
    const list = oneOf([argument(), [argument()], [[argument(), argument()]], [['set', 'a', argument()]]]);
    return {
      described: [kind, list],
      run: async () => (invoke(client, [kind, [list]]) as { exec(): unknown }).exec(),
    };
  };

  const KINDS: readonly [weight: number, make: () => BadCall][] = [
    [30, onView('client', () => client)],
    [8, onView('view', () => client.with({ readFrom: 'replicaPreferred' }))],
    [8, onView('nonAtomic', () => client.nonAtomic)],
    [10, () => onBatch('pipeline')],
    [8, () => onBatch('multi')],
    [4, batchList],
    [10, target],
    [5, scan],
    [8, script],
    [4, definition],
    [3, transaction],
    [4, view],
  ];
  const wheel = KINDS.flatMap(([weight, make]) => new Array<() => BadCall>(weight).fill(make));

  it.each(['toString', 'valueOf', '__proto__', 'constructor', 'hasOwnProperty'])(
    'receive the answer of the server if a command is called %s, on any connection',
    async (name) => {
      const unknown = /unknown command/i;
      await expect(client.call(name)).rejects.toThrow(unknown);
      const durable = client.with({ durability: { replicas: 1, timeoutMs: 10 } });
      await expect(durable.call(name)).rejects.toThrow(ClusterError);
      await client.transaction(['key'], async (tx) => {
        await expect(tx.call(name)).rejects.toThrow(unknown);
      });
      await expect(
        client.transaction(['key'], (tx) => Promise.resolve(tx.multi().call(name))),
      ).rejects.toThrow(ClusterError);
    },
  );

  it(`fail with typed errors, whatever they are (KEYSLOT_SEED=${SEED})`, async () => {
    await client.set('canary', 'alive');
    const prototypes = [Object, Array, Function, Promise, Buffer, Map, String].map(
      ({ prototype }) => prototype as object,
    );
    const shape = (): string[] =>
      prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String).join());
    const before = shape();

    for (let made = 0; made < CALLS; made += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, () => oneOf(wheel)());
      const errors = await Promise.all(
        batch.map(({ run }) =>
          settled(run).then(
            () => undefined,
            (error: unknown) => error,
          ),
        ),
      );
      const untyped = batch.flatMap(({ described }, i) =>
        errors[i] === undefined
          ? []
          : [inspect({ described, error: errors[i] }, { depth: 3, maxStringLength: 60, maxArrayLength: 8 })],
      );
      expect(untyped).toEqual([]);
    }

    expect(shape()).toEqual(before);
    expect(await client.exists('injected')).toBe(0);
    expect(await client.get('canary')).toBe('alive');
    expect(await client.pipeline().set('a', '1').get('a').exec()).toEqual([
      [null, 'OK'],
      [null, '1'],
    ]);
  });
});

/** Runs a call to its end. @throws what is no error of ours */
async function settled(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    refuseUntyped(error);
  }
}

function refuseUntyped(error: unknown): void {
  if (!(error instanceof ClusterError) || typeof error.code !== 'string' || error.code === '') throw error;
}
