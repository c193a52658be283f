import { setImmediate as turn } from 'node:timers/promises';
import { ClientClosedError, ClusterClient, type ClusterClientOptions, type ClusterError } from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { FakeNode, SILENCE } from '../../../fake-node.js';

const shared = sharedCluster();
const clients: ClusterClient[] = [];
const nodes: FakeNode[] = [];

/** A client that is closed at the end of the test. */
function clientOf(options: ClusterClientOptions = {}): ClusterClient {
  const client = new ClusterClient({ nodes: shared.nodes, ...options });
  clients.push(client);
  return client;
}

/** A node that answers until one of these commands comes. */
async function nodeWithout(...names: string[]): Promise<FakeNode> {
  const node = await FakeNode.start(([name]) => (names.includes(name.toLowerCase()) ? SILENCE : undefined));
  nodes.push(node);
  return node;
}

const key = (name: string): string => `${shared.keyspace}${name}`;
/** The code of what a call ends in, and whether it says that it took effect. */
const fateOf = (promise: Promise<unknown>): Promise<[code: string, applied: unknown]> =>
  promise.then(
    () => ['resolved', true],
    (error: ClusterError) => [error.code, error.applied],
  );
const codeOf = async (promise: Promise<unknown>): Promise<string> => (await fateOf(promise))[0];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

describe('a client that was not told to connect', () => {
  it('does not connect', async () => {
    const node = await nodeWithout();
    const client = clientOf({ nodes: [node] });
    client.pipeline().get('k');
    client.multi().get('k');
    client.with({ deadlineMs: 1 });
    await turn();
    expect([client.status, node.accepted]).toEqual(['wait', 0]);
  });

  it('connects with the first command of any kind', async () => {
    const firsts: ((client: ClusterClient) => Promise<unknown>)[] = [
      (client) => client.set(key('first'), 1),
      (client) => client.dbsize(),
      (client) => client.blpop(key('list'), 0.01),
      (client) => client.pipeline().get(key('first')).exec(),
      (client) => client.multi().get(key('first')).exec(),
      (client) => client.del(key('a'), key('b')),
      (client) => client.refreshTopology(),
      (client) => client.target('primaries').dbsize(),
    ];
    for (const first of firsts) {
      const client = clientOf();
      await first(client);
      expect(client.status).toBe('ready');
    }
  });

  it('runs commands that were called meanwhile, in order', async () => {
    const client = clientOf();
    const appended = ['a', 'b', 'c'].map((letter) => client.append(key('order'), letter));
    const read = client.get(key('order'));
    expect(client.status).toBe('connecting');
    expect([await Promise.all(appended), await read]).toEqual([[1, 2, 3], 'abc']);
  });

  it('can be closed', async () => {
    const client = clientOf();
    expect(await client.quit()).toBe('OK');
    expect(client.status).toBe('end');
  });
});

describe('a client that is connecting', () => {
  it('emits its states', async () => {
    const client = clientOf();
    const told: string[] = [];
    for (const event of ['connecting', 'connect', 'ready', 'close', 'end']) {
      client.on(event, () => told.push(`${event}: ${client.status}`));
    }
    await client.connect();
    await client.close();
    expect(told).toEqual([
      'connecting: connecting',
      'connect: ready',
      'ready: ready',
      'close: end',
      'end: end',
    ]);
  });

  it.each(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const)(
    'connects when a caller waits for it to be ready, by %s()',
    async (way) => {
      const client = clientOf();
      const told: string[] = [];
      await new Promise<void>((resolve) => {
        expect(client[way]('ready', resolve)).toBe(client);
        // what is listened to from now on is told, too
        client.on('connecting', () => told.push('connecting'));
        expect(client.status).toBe('wait');
      });
      expect(told).toEqual(['connecting']);
      expect(client.status).toBe('ready');
    },
  );

  it.each(['ready', 'connect'] as const)('connects when a listener for %s is added', async (event) => {
    const client = clientOf();
    await new Promise<void>((resolve) => client.once(event, resolve));
    expect(client.status).toBe('ready');
  });

  it('emits its end after quit() is answered, as ioredis does', async () => {
    const client = clientOf();
    await client.connect();
    await client.quit();
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      client.once('close', () => told.push('close'));
      client.once('end', resolve);
    });
    expect(told).toEqual(['close']);
  });

  it('does not connect for a listener if lazyConnect is set, or after close', async () => {
    const lazy = clientOf({ lazyConnect: true });
    const closed = clientOf();
    for (const client of [lazy, closed]) client.once('ready', () => {});
    await closed.close();
    const busy = clientOf();
    await busy.get('k');
    expect([lazy.status, closed.status]).toEqual(['wait', 'end']);
  });

  it('reports why it cannot become ready to callers that wait for that', async () => {
    const client = clientOf({ nodes: ['127.0.0.1:1'], startupTimeoutMs: 300 });
    const error = await new Promise<unknown>((resolve) => {
      client.once('ready', resolve);
      client.once('error', resolve);
    });
    expect(error).toBeInstanceOf(Error);
    await eventually(() => client.status === 'wait');
  });

  it('connects once, however often connect() is called', async () => {
    const node = await nodeWithout();
    const client = clientOf({ nodes: [node] });
    await Promise.all([client.connect(), client.connect(), client.get('k')]);
    await client.connect();
    expect(node.accepted).toBe(1);
  });

  it('says why it is not connected in the errors of calls whose deadline passes first', async () => {
    const client = clientOf({ nodes: ['127.0.0.1:1'], deadlineMs: 1_000 });
    const calls = [client.get('k'), client.incr('k'), client.dbsize()];
    for (const call of calls) {
      const error = await call.then(
        () => undefined,
        (reason: ClusterError) => reason,
      );
      expect(error?.code).toBe('DEADLINE_EXCEEDED');
      expect(error?.message).toMatch(/deadline of 1000 ms: No usable cluster found .*ECONNREFUSED/);
    }
  });

  it('keeps the deadlines of commands that were called meanwhile', async () => {
    const node = await nodeWithout('cluster');
    const client = clientOf({ nodes: [node], connectTimeoutMs: 500, startupTimeoutMs: 1_000 });
    const connected = codeOf(client.connect());
    const calls = [client.get('k'), client.incr('k'), client.multi().incr('k').exec()];
    const hurried = client.with({ deadlineMs: 100 });
    calls.push(hurried.get('k'), hurried.incr('k'), hurried.multi().incr('k').exec());
    expect(await Promise.all([connected, ...calls.map(codeOf)])).toEqual([
      'NO_NODE_REACHABLE',
      'NO_NODE_REACHABLE',
      'NO_NODE_REACHABLE',
      'NO_NODE_REACHABLE',
      'DEADLINE_EXCEEDED',
      'DEADLINE_EXCEEDED',
      'DEADLINE_EXCEEDED',
    ]);
  });

  it('can be closed meanwhile', async () => {
    const node = await nodeWithout('cluster');
    const client = clientOf({ nodes: [node] });
    const codes = [codeOf(client.connect()), codeOf(client.get('k')), codeOf(client.blpop('k', 1))];
    codes.push(codeOf(client.dbsize()), codeOf(client.multi().get('k').exec()));
    await eventually(() => node.asked('cluster').length > 0);
    await client.close();
    expect(await Promise.all(codes)).toEqual(codes.map(() => 'CLIENT_CLOSED'));
    await eventually(() => node.open === 0);
  });

  it('never throws if an event has no listener', () => {
    const client = clientOf();
    expect(client.emit('error', new Error('nobody listens'))).toBe(false);
    const heard: unknown[] = [];
    client.once('error', (error) => heard.push(error));
    expect(client.emit('error', 'heard')).toBe(true);
    expect(heard).toEqual(['heard']);
  });

  it('survives listeners that throw', async () => {
    const client = clientOf();
    const thrown: unknown[] = [];
    const ours = (error: unknown): unknown => thrown.push(error);
    client.on('+node', () => {
      throw new Error('from a listener');
    });
    client.on('error', ours);
    await codeOf(client.connect());
    expect(await client.set(key('listener'), 1)).toBe('OK');
  });
});

describe('a client that is closed', () => {
  it('waits for pending replies', async () => {
    const client = clientOf();
    await client.connect();
    const keys = Array.from({ length: 100 }, (_, i) => key(`drain:${i}`));
    const calls = keys.map((name) => client.incr(name));
    const piped = client.pipeline().incr(keys[0]).exec();
    const queued = client.multi().incr(keys[0]).exec();
    const spread = client.exists(keys);
    const closed = client.close();
    expect(await codeOf(client.incr(keys[0]))).toBe('CLIENT_CLOSED');
    await closed;
    expect(await Promise.all(calls)).toEqual(calls.map(() => 1));
    expect([await piped, await queued, await spread]).toEqual([[[null, 2]], [[null, 3]], 100]);
  });

  it('rejects everything afterwards', async () => {
    const client = clientOf();
    await client.connect();
    await client.close();
    expect(client.status).toBe('end');
    await client.close();
    client.disconnect();
    expect(
      await Promise.all([
        codeOf(client.get(key('k'))),
        codeOf(client.connect()),
        codeOf(client.dbsize()),
        codeOf(client.del(key('a'), key('b'))),
        codeOf(client.blpop(key('k'), 1)),
        codeOf(client.multi().get(key('k')).exec()),
        codeOf(client.refreshTopology()),
        codeOf(client.eval('return 1', 0)),
      ]),
    ).toEqual(Array.from({ length: 8 }, () => 'CLIENT_CLOSED'));
    expect(await client.pipeline().get(key('k')).exec()).toEqual([
      [expect.any(ClientClosedError), undefined],
    ]);
  });

  it('leaves nothing behind that keeps the process alive', async () => {
    const resources = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate|TCPSocketWrap/.test(name));
    // connections of the test itself may still be on their way out
    let before = -1;
    await eventually(async () => {
      before = resources().length;
      await turn();
      return before === resources().length;
    });
    const client = clientOf();
    await Promise.all([client.set(key('k'), 1), client.blpop(key('list'), 0.01), client.dbsize()]);
    const blocked = codeOf(client.blpop(key('list'), 0));
    await client.with({ readFrom: 'roundRobin' }).get(key('k'));
    await client.close();
    expect(await blocked).toBe('CLIENT_CLOSED');
    await eventually(() => resources().length <= before, { timeoutMs: 500 });
  });

  it('can be duplicated, with other options', async () => {
    const client = clientOf({ keyPrefix: key('duplicate:') });
    const copy = client.duplicate();
    const other = client.duplicate({ keyPrefix: '' });
    clients.push(copy, other);
    expect(copy.status).toBe('wait');
    await client.set('k', 'v');
    await client.close();
    expect(await copy.get('k')).toBe('v');
    expect(await other.get(key('duplicate:k'))).toBe('v');
    const late = client.duplicate();
    clients.push(late);
    await late.connect();
    expect(late.status).toBe('ready');
  });
});

describe('a client that is disconnected', () => {
  it('ends pending calls at once, and reports what may have happened', async () => {
    const node = await nodeWithout('incr', 'get', 'exec', 'eval');
    const client = clientOf({ nodes: [node] });
    await client.connect();
    const calls = [client.incr('k'), client.eval('return 1', 0), client.multi().set('k', 1).exec()].map(
      fateOf,
    );
    const read = fateOf(client.get('k'));
    const piped = client.pipeline().incr('k').get('k').exec();
    await eventually(() => node.asked('get').length === 2);
    const unsent = fateOf(client.incr('unsent'));
    client.disconnect();
    expect(client.status).toBe('end');
    expect(await Promise.all(calls)).toEqual(calls.map(() => ['OUTCOME_UNKNOWN', 'unknown']));
    expect(await Promise.all([read, unsent])).toEqual([
      ['CLIENT_CLOSED', false],
      ['CLIENT_CLOSED', false],
    ]);
    expect(await piped).toEqual([
      [expect.objectContaining({ code: 'OUTCOME_UNKNOWN', applied: 'unknown' }), undefined],
      [expect.objectContaining({ code: 'CLIENT_CLOSED', applied: false }), undefined],
    ]);
    await eventually(() => node.open === 0);
  });

  it('does not wait for a pending close', async () => {
    const node = await nodeWithout('incr');
    const client = clientOf({ nodes: [node], replyTimeoutMs: 60_000 });
    await client.connect();
    const call = codeOf(client.incr('k'));
    await eventually(() => node.asked('incr').length > 0);
    const closed = client.close();
    expect(client.status).toBe('disconnecting');
    client.disconnect();
    await eventually(() => client.status === 'end', { timeoutMs: 4_000 });
    await closed;
    expect(await call).toBe('OUTCOME_UNKNOWN');
  });
});
