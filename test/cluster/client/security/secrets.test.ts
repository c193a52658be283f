import { inspect, types } from 'node:util';
import { jest } from '@jest/globals';
import { ClusterClient, ClusterError, Script, type ClusterClientOptions } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { FakeNode, SILENCE } from '../../../fake-node.js';

// all that is secret here has the word `planted` in it
const USER = 'planted-user';
const PASSWORD = 'planted:p@ss word/1%';
const VALUE = 'planted-value';
const BYTES = Buffer.from('planted-bytes');

/** The word, its bytes as `inspect` and JSON show them, and in base64 at its three offsets. */
const TRACES = [
  /planted/i,
  /70 6c 61 6e 74 65 64|706c616e746564/i,
  /112,\s*108,\s*97,\s*110/,
  /cGxhbnRlZ|BsYW50ZW|wbGFudGVk/,
];

/** All that somebody could print, of errors and of things. */
class Record {
  readonly texts: string[] = [];
  private readonly seen = new Set<unknown>();

  add(what: string, thing: unknown): void {
    if (this.seen.has(thing)) return;
    this.seen.add(thing);
    for (const show of [
      () => inspect(thing, { depth: 10, showHidden: true, maxStringLength: 2_000, breakLength: Infinity }),
      () => String(thing),
      () => JSON.stringify(thing),
      () => JSON.stringify(thing, Object.getOwnPropertyNames(thing)),
    ]) {
      try {
        this.texts.push(`${what}: ${show()}`);
      } catch {
        // JSON knows no circles, and then shows nothing
      }
    }
    if (!types.isNativeError(thing)) return;
    this.texts.push(`${what}: ${thing.stack}`, `${what}: ${inspect({ ...thing }, { depth: 10 })}`);
    for (const name of Object.getOwnPropertyNames(thing)) {
      if (name === 'replies') continue; // values, which is what they are for
      const value = (thing as unknown as { [name: string]: unknown })[name];
      if (typeof value === 'object' && value !== null) this.add(`${what}.${name}`, value);
      if (value instanceof Map) for (const [key, item] of value) this.add(`${what}.${name}.${key}`, item);
    }
  }

  /** What shows a secret. */
  get leaks(): string[] {
    return this.texts.flatMap((text) => {
      const found = Math.max(...TRACES.map((trace) => text.search(trace)));
      return found === -1
        ? []
        : [`${text.slice(0, 60)} … ${text.slice(Math.max(0, found - 200), found + 40)}`];
    });
  }
}

describe('secrets', () => {
  const record = new Record();
  const open: ClusterClient[] = [];
  const fakes: FakeNode[] = [];
  let cluster: LocalCluster;
  let seeds: { host: string; port: number }[];
  let client: ClusterClient;

  const clientOf = (options: ClusterClientOptions): ClusterClient => {
    const made = new ClusterClient(options);
    open.push(made);
    for (const event of ['connecting', 'connect', 'ready', 'close', 'end', 'error', '+node', '-node'])
      made.on(event, (...args) => args.forEach((arg) => record.add(`event ${event}`, arg)));
    return made;
  };

  const fakeOf = async (answer: (name: string) => string | undefined): Promise<FakeNode> => {
    const fake = await FakeNode.start(([name]) => answer(name.toLowerCase()));
    fakes.push(fake);
    return fake;
  };

  /** Makes a call that fails, keeps its error, and tells its code. */
  const failing = async (what: string, call: () => unknown): Promise<string> => {
    try {
      await call();
    } catch (error) {
      record.add(what, error);
      expect(error).toBeInstanceOf(ClusterError);
      return (error as ClusterError).code;
    }
    throw new Error(`${what}: there was no error`);
  };

  beforeAll(async () => {
    for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
      jest
        .spyOn(console, method)
        .mockImplementation((...args: unknown[]) => record.add(`console.${method}`, args));
    jest.spyOn(process, 'emitWarning').mockImplementation((warning) => record.add('warning', warning));
    cluster = await LocalCluster.start({
      primaries: 2,
      replicasPerPrimary: 1,
      password: PASSWORD,
      users: {
        [USER]: `on >planted-app ~* &* +@all`,
        'planted-reader':
          'on >planted-app ~* &allowed +@read +cluster|slots +cluster|shards +hello +subscribe',
      },
    });
    ({ seeds } = cluster);
    client = clientOf({ nodes: [urlOf()], clientName: 'named' });
    await client.mset({ '{k}text': VALUE, '{k}other': BYTES });
    await client.rpush('list', VALUE);
  });

  afterEach(() => {
    const { leaks } = record;
    record.texts.length = 0;
    expect(leaks).toEqual([]);
  });

  afterAll(async () => {
    for (const one of open) one.disconnect();
    await Promise.all(fakes.map((fake) => fake.stop()));
    await cluster?.stop();
    jest.restoreAllMocks();
  });

  const urlOf = (user = '', password = PASSWORD, { host, port } = seeds[0]): string =>
    `redis://${user}:${encodeURIComponent(password)}@${host}:${port}`;

  it('are detected by this test where they are visible', () => {
    const other = new Record();
    const shown = [
      new Error(VALUE),
      { a: { b: BYTES } },
      new Map([['k', VALUE]]),
      [Buffer.from(VALUE).toString('base64')],
    ];
    for (const thing of shown) other.add('shown', thing);
    other.add('cause', new Error('harmless', { cause: new Error(VALUE) }));
    for (const what of ['shown', 'cause'])
      expect(other.leaks.some((leak) => leak.startsWith(what))).toBe(true);
  });

  it.each<[string, string, () => unknown]>([
    ['a value of another type', 'WRONGTYPE', () => client.lpush('{k}text', VALUE)],
    ['no number', 'ERR', () => client.incrby('n', VALUE)],
    ['a number that is stored as text', 'ERR', () => client.incr('{k}text')],
    ['an unknown command', 'ERR', () => client.call('NOSUCH', 'k', VALUE, BYTES)],
    ['an unknown command without arguments', 'ERR', () => client.call('NOSUCH')],
    ['a forgotten subcommand', 'ERR', () => client.call('SCRIPT', VALUE)],
    ['a misplaced option', 'ERR', () => client.call('EXPIRE', 'k', 5, VALUE)],
    [
      'CONFIG SET with words too many',
      'PARTIAL_FAILURE',
      () => client.config('SET', 'requirepass', 'a', VALUE, 'b'),
    ],
    [
      'CONFIG SET with an impossible value',
      'PARTIAL_FAILURE',
      () => client.config('SET', 'maxmemory', VALUE),
    ],
    ['ACL rules', 'PARTIAL_FAILURE', () => client.call('ACL', 'SETUSER', USER, `>${VALUE}`, VALUE)],
    ['ACL rules in parentheses', 'PARTIAL_FAILURE', () => client.call('ACL', 'SETUSER', USER, `(${VALUE}`)],
    ['ACL rules with a hash', 'PARTIAL_FAILURE', () => client.call('ACL', 'SETUSER', USER, `#${VALUE}`)],
    ['AUTH', 'BLOCKED_COMMAND', () => client.call('AUTH', USER, VALUE)],
    ['HELLO', 'BLOCKED_COMMAND', () => client.call('HELLO', 3, 'AUTH', USER, VALUE)],
    ['AUTH to one node', 'BLOCKED_COMMAND', () => client.target('random').call('AUTH', USER, VALUE)],
    ['a place on earth', 'ERR', () => client.geoadd('g', '1e9', '1e9', VALUE)],
    ['a payload that cannot be restored', 'ERR', () => client.restore('r', 0, BYTES)],
    ['a bad option of SET', 'ERR', () => client.call('SET', 'k', VALUE, VALUE)],
    ['a bad option of XCLAIM', 'ERR', () => claimBadly()],
    ['a key list that spans slots', 'CROSS_SLOT', () => client.mset('a', VALUE, 'b', BYTES)],
    [
      'arguments that cannot be sent',
      'INVALID_ARGUMENT',
      () => client.call('SET', 'k', { [VALUE]: VALUE } as never),
    ],
    [
      'a callback',
      'WRONGTYPE',
      () => new Promise((_, no) => void client.lpush('{k}text', VALUE, no).catch(() => {})),
    ],
    ['nonAtomic steps', 'WRONGTYPE', () => client.nonAtomic.sunion('{k}text', 'elsewhere')],
    ['several nodes', 'PARTIAL_FAILURE', () => client.target('all').call('SET', '{k}text', VALUE)],
    ['several nodes of which one has it', 'PARTIAL_FAILURE', () => client.target('primaries').get('{k}text')],
    ['a made-up node', 'UNKNOWN_NODE', () => client.target({ name: 'nowhere:1' } as never).get('k')],
    ['an aborted call', 'ABORTED', () => client.with({ signal: AbortSignal.abort() }).set('k', VALUE)],
    [
      'replicas that are not there',
      'DURABILITY_NOT_REACHED',
      () => client.with({ durability: { replicas: 9, timeoutMs: 1 } }).set('k', VALUE),
    ],
    [
      'a write that waits for replicas',
      'WRONGTYPE',
      () => client.with({ durability: { replicas: 1, timeoutMs: 9 } }).lpush('{k}text', VALUE),
    ],
    ['a call that blocks', 'WRONGTYPE', () => client.blpop('{k}text', 1)],
    ['a function library', 'PARTIAL_FAILURE', () => client.function('LOAD', `#!lua name=x ${VALUE}=1\n`)],
    [
      'a function library before its option',
      'PARTIAL_FAILURE',
      () => client.call('FUNCTION', 'LOAD', `#!lua name=x\n${VALUE}`, 'REPLACE'),
    ],
  ])('do not appear in the error about %s', async (what, code, call) => {
    expect(await failing(what, call)).toBe(code);
  });

  async function claimBadly(): Promise<unknown> {
    await client.xgroup('CREATE', 'stream', 'g', '$', 'MKSTREAM').catch(() => {});
    return client.call('XCLAIM', 'stream', 'g', 'c', 0, '1-0', VALUE);
  }

  it.each([
    ['that cannot be read', `return '${VALUE}' x y`],
    ['with a text that does not end', `return "${VALUE}`],
    ['with a first line that means nothing', `#!lua ${VALUE}=1\nreturn 1`],
    ['with an unknown flag', `#!lua flags=${VALUE}\nreturn 1`],
    ['for another engine', `#!${VALUE}\nreturn 1`],
    ['that runs what it is given', `return assert(loadstring(ARGV[1]))()`],
    ['that reckons with text', `return ARGV[1] + 1`],
    ['that calls what it is given', `return redis.call(ARGV[1], ARGV[1])`],
    ['that calls with too much', `return redis.call('GET', KEYS[1], ARGV[1])`],
    ['that gives an option it was given', `return redis.call('EXPIRE', KEYS[1], 5, ARGV[1])`],
    ['that indexes by what it is given', `local t = {} return t[ARGV[1]].x`],
    ['that decodes what it is given', `return cjson.decode(ARGV[1])`],
    ['that touches a key it did not name', `return redis.call('GET', ARGV[1])`],
  ])('do not appear in the error about a script %s', async (what, lua) => {
    const args = [VALUE, BYTES];
    expect(await failing(what, () => client.eval(lua, 1, '{k}text', ...args))).toBe('ERR');
    expect(await failing(what, () => client.runScript(new Script(lua), ['{k}text'], args))).toBe('ERR');
    const results = [
      ...(await client
        .pipeline()
        .eval(lua, 1, '{k}text', ...args)
        .exec()),
      ...(await client
        .multi()
        .eval(lua, 1, '{k}text', ...args)
        .exec()),
    ];
    for (const [error] of results) await failing(what, () => Promise.reject(error as Error));
  });

  it('do not appear in the errors of pipelines and transactions', async () => {
    const queue = (batch: 'pipeline' | 'multi') =>
      client[batch]().lpush('{k}text', VALUE).call('SET', '{k}text', VALUE, VALUE).incrby('{k}n', VALUE);
    for (const [error] of [...(await queue('pipeline').exec()), ...(await queue('multi').exec())])
      await failing('an entry', () => Promise.reject(error as Error));
    expect(
      await failing('EXECABORT', () =>
        client.multi().set('{k}text', VALUE).call('NOSUCH', '{k}', VALUE).exec(),
      ),
    ).toBe('EXECABORT');
    expect(await failing('a pipeline over slots', () => client.pipeline().mset('a', VALUE, 'b', VALUE))).toBe(
      'CROSS_SLOT',
    );
    expect(
      await failing('a transaction over slots', () => client.multi().set('a', VALUE).set('b', VALUE)),
    ).toBe('CROSS_SLOT');
    const busy = client.pipeline([['set', 'k', VALUE]]);
    const first = busy.exec();
    expect(await failing('a pipeline executed twice at once', () => busy.exec())).toBe('PIPELINE_USED');
    await first;
    const conflict = client.transaction(
      ['{k}text'],
      async (tx) => {
        record.add('a transaction that watches', tx);
        expect(await failing('WRONGTYPE', () => tx.lpush('{k}text', VALUE))).toBe('WRONGTYPE');
        await client.set('{k}text', VALUE);
        const commands = tx.multi().set('{k}text', VALUE);
        record.add('its commands', commands);
        return commands;
      },
      { attempts: 1 },
    );
    expect(await failing('a conflict', () => conflict)).toBe('TRANSACTION_CONFLICT');
    const refused = client.transaction(['{k}text'], async (tx) =>
      tx.multi().set('{k}text', VALUE).call('NOSUCH', '{k}', VALUE),
    );
    expect(await failing('EXECABORT', () => refused)).toBe('EXECABORT');
  });

  it('do not appear for users without permission to read or write them', async () => {
    const reader = clientOf({ nodes: seeds, username: 'planted-reader', password: 'planted-app' });
    expect(await failing('NOPERM', () => reader.set('k', VALUE))).toBe('NOPERM');
    expect(await failing('NOPERM', () => reader.config('SET', 'requirepass', VALUE))).toMatch(
      /NOPERM|PARTIAL_FAILURE/,
    );
    const [[error]] = await reader.pipeline().set('k', VALUE).exec();
    expect(await failing('NOPERM', () => Promise.reject(error as Error))).toBe('NOPERM');
    expect(await failing('EXECABORT', () => reader.multi().set('k', VALUE).exec())).toMatch(
      /NOPERM|EXECABORT|OUTCOME_UNKNOWN/,
    );
    const refusal = await new Promise((resolve) => {
      reader.pubsub.channel('forbidden').subscribe({ error: resolve });
    });
    record.add('a subscription', refusal);
    expect(refusal).toMatchObject({ code: 'NOPERM' });
  });

  it.each<[string, string, () => ClusterClientOptions | string]>([
    ['a wrong password', 'AUTHENTICATION_FAILED', () => ({ nodes: seeds, password: 'planted-wrong' })],
    ['a wrong password in a URL', 'AUTHENTICATION_FAILED', () => urlOf('', 'planted-wrong')],
    ['a wrong user', 'AUTHENTICATION_FAILED', () => urlOf('planted-nobody', PASSWORD)],
    [
      'a provider with a wrong password',
      'AUTHENTICATION_FAILED',
      () => ({ nodes: seeds, credentialsProvider: () => ({ username: USER, password: VALUE }) }),
    ],
    ['nobody there', 'NO_NODE_REACHABLE', () => urlOf(USER, PASSWORD, { host: '127.0.0.1', port: 1 })],
    [
      'a host that does not exist',
      'NO_NODE_REACHABLE',
      () => urlOf(USER, PASSWORD, { host: 'no.such.host.invalid', port: 1 }),
    ],
    [
      'TLS where there is none',
      'NO_NODE_REACHABLE',
      () => urlOf(USER, PASSWORD).replace('redis:', 'rediss:'),
    ],
    ['a database', 'INVALID_ARGUMENT', () => `${urlOf(USER)}/5`],
    ['a query', 'INVALID_ARGUMENT', () => `${urlOf(USER)}?password=${VALUE}`],
    ['a password that is not encoded', 'INVALID_ARGUMENT', () => 'redis://:planted#pass@127.0.0.1:7000'],
    ['a password with a slash', 'INVALID_ARGUMENT', () => 'redis://:planted/pass@127.0.0.1:7000'],
    ['a password with half a percent', 'INVALID_ARGUMENT', () => 'redis://:planted%zz@127.0.0.1:7000'],
    ['a user alone', 'INVALID_ARGUMENT', () => `redis://${USER}@127.0.0.1:7000`],
    ['a password without a scheme', 'INVALID_ARGUMENT', () => `${USER}:${VALUE}@127.0.0.1:7000`],
    ['a unix socket', 'INVALID_ARGUMENT', () => `unix://${USER}:${VALUE}@/tmp/planted.sock`],
    ['two passwords', 'INVALID_ARGUMENT', () => ({ nodes: [urlOf(), urlOf('', VALUE)] })],
    ['a password of a wrong type', 'INVALID_ARGUMENT', () => ({ password: { [VALUE]: VALUE } as never })],
    [
      'credentials at a node',
      'INVALID_ARGUMENT',
      () => ({ nodes: [{ ...seeds[0], password: VALUE } as never] }),
    ],
    ['a user without a password', 'INVALID_ARGUMENT', () => ({ username: USER })],
  ])('do not appear when a client cannot start because of %s', async (what, code, given) => {
    const quick = { startupTimeoutMs: 150, connectTimeoutMs: 100 };
    const start = (): Promise<void> => {
      const options = given();
      const made =
        typeof options === 'string'
          ? ClusterClient.fromUrl(options, quick)
          : clientOf({ ...options, ...quick });
      open.push(made);
      record.add(what, made);
      return made.connect();
    };
    expect(await failing(what, start)).toBe(code);
  });

  it('do not appear when replies are missing', async () => {
    const silent = await fakeOf((name) => (name === 'set' || name === 'get' ? SILENCE : undefined));
    const cutting = await FakeNode.start(([name], socket) => {
      if (name.toLowerCase() === 'set') socket.destroy();
      return undefined;
    });
    const babbling = await fakeOf((name) => (name === 'set' ? `?${VALUE}\r\n` : undefined));
    const refusing = await fakeOf((name) => (name === 'set' ? `-LOADING ${'later'}\r\n` : undefined));
    fakes.push(cutting);
    const hurried = { password: PASSWORD, deadlineMs: 100 };
    const waiting = clientOf({ nodes: [silent], ...hurried, maxPendingPerNode: { commands: 2 } });
    await waiting.connect();
    const codes = await Promise.all([
      failing('a write without a reply', () => waiting.set('k', VALUE)),
      failing('a read without a reply', () => waiting.get('k')),
      failing('a write too many', () => waiting.set('k', VALUE)),
      failing('a connection cut', () => clientOf({ nodes: [cutting], ...hurried }).set('k', VALUE)),
      failing('nonsense for a reply', () => clientOf({ nodes: [babbling], ...hurried }).set('k', VALUE)),
      failing('a server that loads', () =>
        clientOf({ nodes: [refusing], ...hurried })
          .incrby('set', VALUE)
          .then(() => clientOf({ nodes: [refusing], ...hurried }).set('k', VALUE)),
      ),
    ]);
    expect(codes).toEqual([
      'OUTCOME_UNKNOWN',
      'DEADLINE_EXCEEDED',
      'BACKPRESSURE',
      expect.anything(),
      expect.anything(),
      'DEADLINE_EXCEEDED',
    ]);
    const [[error]] = await waiting.pipeline().set('k', VALUE).exec();
    await failing('a pipeline without a reply', () => Promise.reject(error as Error));
    await failing('a transaction without a reply', () => waiting.multi().set('k', VALUE).exec());
    const leased = clientOf({ nodes: [urlOf()], maxLeasedPerNode: 1, leaseTimeoutMs: 50 });
    const blocked = leased.blpop('{k}none', 1);
    expect(await failing('a connection too many', () => leased.brpop('{k}none', 1))).toBe('LEASE_TIMEOUT');
    expect(await blocked).toBeNull();
    leased.disconnect();
    expect(await failing('a closed client', () => leased.set('k', VALUE))).toBe('CLIENT_CLOSED');
  });

  it('are not shown by the objects that contain them', async () => {
    const provided = clientOf({
      nodes: seeds,
      credentialsProvider: () => ({ username: USER, password: 'planted-app' }),
    });
    await provided.ping();
    const underWay = [client.set('k', VALUE), client.blpop('{k}none', 0.2), provided.set('k', VALUE)];
    const received: unknown[] = [];
    const note = (message: unknown): void => void received.push(message);
    const subscriptions = [client.pubsub.channel('news'), provided.pubsub.sharded('news')].map((stream) =>
      stream.subscribe(note),
    );
    await eventually(async () => {
      await client.pubsub.publish('news', { text: VALUE });
      await provided.pubsub.publishSharded('news', VALUE);
      return received.length > 1;
    });
    const view = client.with({ deadlineMs: 5_000 });
    const things = {
      ...{
        client,
        provided,
        view,
        copy: { ...client },
        copyOfView: { ...view },
        duplicate: client.duplicate(),
        pubsub: client.pubsub,
        sharded: provided.pubsub,
      },
      ...{
        nonAtomic: client.nonAtomic,
        admin: client.admin,
        topology: client.topology,
        pipeline: client.pipeline([['set', 'k', VALUE]]),
      },
      ...{
        transaction: client.multi([['set', 'k', VALUE]]),
        target: client.target('all'),
        toNode: client.target(client.topology.nodes[0]),
      },
      ...{
        scan: client.scanIterator(),
        stream: client.scanStream(),
        keys: client.hscanStream('{k}text'),
        topology$: client.topology$,
      },
      ...{ observable: client.pubsub.channel('news'), subscription: subscriptions[0] },
    };
    for (const [name, thing] of Object.entries(things)) record.add(name, thing);
    record.add('all', things);
    await Promise.all(underWay);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });
});
