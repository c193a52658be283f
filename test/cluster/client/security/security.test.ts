import { inspect } from 'node:util';
import { AuthenticationError, ClusterClient, TopologyError, type ClusterClientOptions } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { FakeNode, SILENCE } from '../../../fake-node.js';

const PASSWORD = 'planted:p@ss word/1%';
const QUICK = { startupTimeoutMs: 150, connectTimeoutMs: 100 };

const clients: ClusterClient[] = [];

/** A client that is closed at the end of the test. */
function clientOf(options: ClusterClientOptions): ClusterClient {
  const client = new ClusterClient(options);
  clients.push(client);
  return client;
}

const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('there was no error'),
    (error: Error) => error,
  );

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

describe('a cluster with credentials', () => {
  let cluster: LocalCluster;
  let seeds: { host: string; port: number }[];

  beforeAll(async () => {
    cluster = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      password: PASSWORD,
      users: {
        app: 'on >planted-app ~* &* +@all',
        reader: 'on >planted-reader ~* &* +@read +cluster|slots +hello',
        narrow: 'on >planted-narrow ~* &* +@all -cluster',
      },
    });
    seeds = cluster.seeds;
  });

  afterAll(() => cluster?.stop());

  const url = (user: string, password: string): string =>
    `redis://${user}:${encodeURIComponent(password)}@${seeds[0].host}:${seeds[0].port}`;

  it('accepts the right credentials, however they are given', async () => {
    const all: ClusterClientOptions[] = [
      { nodes: seeds, password: PASSWORD },
      { nodes: seeds, username: 'default', password: PASSWORD },
      { nodes: [url('', PASSWORD)] },
      { nodes: [url('app', 'planted-app'), ...seeds] },
      { nodes: seeds, username: 'app', password: 'planted-app', protocol: 3 },
      { nodes: seeds, credentialsProvider: () => ({ username: 'app', password: 'planted-app' }) },
      { nodes: seeds, credentialsProvider: async () => ({ password: PASSWORD }) },
    ];
    for (const options of all) {
      const client = clientOf({ ...options, clientName: 'named' });
      await client.set('k', 'v');
      // a leased connection has them too
      expect(await client.blpop('list', 0.01)).toBeNull();
      expect(await client.client('GETNAME')).toBe('named');
    }
    expect(
      await clientOf({})
        .duplicate({ nodes: [url('app', 'planted-app')] })
        .acl('WHOAMI'),
    ).toBe('app');
  });

  it.each<[string, () => ClusterClientOptions, RegExp]>([
    ['no password', () => ({}), /requires credentials/],
    ['a wrong password', () => ({ password: 'planted-wrong' }), /rejects/],
    ['a wrong user', () => ({ username: 'planted-nobody', password: 'planted-app' }), /rejects/],
    [
      'a provider with a wrong password',
      () => ({ credentialsProvider: () => ({ password: 'planted-x' }) }),
      /rejects/,
    ],
    [
      'a user who may not see the slots',
      () => ({ username: 'narrow', password: 'planted-narrow' }),
      /cluster\|slots/,
    ],
  ])('rejects %s at once', async (_, options, message) => {
    const client = clientOf({ nodes: seeds, ...options() });
    const error = await errorOf(client.connect());
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED', message: expect.stringMatching(message) });
    expect(await errorOf(client.get('k'))).toBeInstanceOf(AuthenticationError);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('planted-');
  });

  it('reports that the provider failed, but not what it threw, which may contain a credential', async () => {
    const failing = (): never => {
      throw new Error('refused planted-secret');
    };
    const error = await errorOf(clientOf({ nodes: seeds, credentialsProvider: failing, ...QUICK }).connect());
    expect(error).toMatchObject({
      code: 'NO_NODE_REACHABLE',
      message: expect.stringContaining('credentialsProvider failed'),
    });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('planted-');
  });

  it('is found once a hanging provider answers', async () => {
    let asked = 0;
    const hanging = (): Promise<{ password: string }> =>
      asked++ === 0 ? new Promise(() => {}) : Promise.resolve({ password: PASSWORD });
    const client = clientOf({ nodes: seeds, credentialsProvider: hanging, ...QUICK });
    expect(await errorOf(client.connect())).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(await client.set('k', 'v')).toBe('OK');
  });

  it('rejects forbidden commands like a server, and continues', async () => {
    const client = clientOf({ nodes: seeds, username: 'reader', password: 'planted-reader' });
    expect(await errorOf(client.set('k', 'planted-value'))).toMatchObject({
      name: 'ReplyError',
      code: 'NOPERM',
    });
    const [[first], [second]] = (await client.pipeline().set('k', 'planted-value').get('k').exec()) ?? [];
    expect([first, second]).toEqual([expect.objectContaining({ code: 'NOPERM' }), null]);
  });

  it('shows secrets and values to nobody', async () => {
    const client = clientOf({ nodes: [url('', PASSWORD)] });
    const silent = await FakeNode.start(([name]) => (name === 'set' ? SILENCE : undefined));
    const waiting = clientOf({ nodes: [silent], password: PASSWORD, deadlineMs: 100 });
    await client.connect();
    const pipeline = client.pipeline([['set', 'k', 'planted-value']]);
    const transaction = client.multi([['set', 'k', 'planted-value']]);
    const unanswered = waiting.set('k', 'planted-value');
    const errors = await Promise.all([
      errorOf(client.lpush('k', 'planted-value')),
      errorOf(client.call('ACL', 'SETUSER', 'x', '>planted-value', 'nonsense')),
      errorOf(client.call('planted', 'planted-value')),
      errorOf(client.call('CONFIG', 'SET', 'maxmemory', 'planted-value')),
      errorOf(client.call('HELLO', '3', 'AUTH', 'default', 'planted-value')),
      errorOf(client.eval('return 1', 'planted-value' as unknown as number)),
      errorOf(clientOf({ nodes: seeds, password: 'planted-wrong' }).connect()),
      errorOf(unanswered),
    ]);
    expect(errors.map(({ message }) => message)).not.toContain('there was no error');
    const copies = [{ ...client }, { ...client.with({}) }];
    const things = [
      ...copies,
      client,
      waiting,
      client.with({}),
      pipeline,
      transaction,
      client.topology,
      ...errors,
    ];
    const shown = [...things, client.pubsub].flatMap((thing) => [
      inspect(thing, { depth: null }),
      String(thing),
    ]);
    const written = things.map((thing) =>
      JSON.stringify(thing, thing instanceof Error ? Object.getOwnPropertyNames(thing) : undefined),
    );
    await silent.stop();
    for (const text of [...shown, ...written]) expect(text).not.toMatch(/planted[-:]/);
  });
});

describe('a cluster with TLS', () => {
  let cluster: LocalCluster;

  beforeAll(async () => {
    cluster = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      tls: true,
      password: PASSWORD,
    });
  });

  afterAll(() => cluster?.stop());

  const url = (protocol: string): string => {
    const [{ host, port }] = cluster.seeds;
    return `${protocol}://:${encodeURIComponent(PASSWORD)}@${host}:${port}`;
  };

  it('serves clients that trust its certificate authority, on leased connections too', async () => {
    const ca = cluster.tls?.ca;
    for (const options of [
      { nodes: [url('rediss')], tls: { ca } },
      { nodes: cluster.seeds, password: PASSWORD, tls: { ca } },
    ]) {
      const client = clientOf(options);
      expect(await client.set('k', Buffer.alloc(2 ** 20, 'x'))).toBe('OK');
      expect(await client.strlen('k')).toBe(2 ** 20);
      expect(await client.blpop('list', 0.01)).toBeNull();
    }
  });

  it.each<[string, () => ClusterClientOptions]>([
    ['who do not trust its authority', () => ({ nodes: [url('rediss')] })],
    ['who come without TLS', () => ({ nodes: [url('redis')] })],
    [
      'who expect another name in the certificate',
      () => ({ nodes: [url('rediss')], tls: { ca: cluster.tls?.ca, servername: 'elsewhere.example' } }),
    ],
  ])('rejects clients %s', async (_, options) => {
    const error = await errorOf(clientOf({ ...options(), ...QUICK }).connect());
    expect(error).toBeInstanceOf(TopologyError);
    expect(error).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(inspect(error, { depth: null })).not.toContain('planted');
  });

  it('is verified under the configured server name', async () => {
    const names: string[] = [];
    const client = clientOf({
      nodes: [url('rediss')],
      tls: {
        ca: cluster.tls?.ca,
        servername: 'localhost',
        checkServerIdentity: (name) => void names.push(name),
      },
    });
    expect(await client.ping()).toBe('PONG');
    expect(new Set(names)).toEqual(new Set(['localhost']));
  });

  it('serves only clients with a certificate if it requires one', async () => {
    const [node] = cluster.nodes;
    const wanted = (answer: 'yes' | 'optional'): Promise<unknown> =>
      cluster.command(node, 'CONFIG', 'SET', 'tls-auth-clients', answer);
    const { ca, cert, key } = cluster.tls!;
    await wanted('yes');
    try {
      const client = clientOf({ nodes: [url('rediss')], tls: { ca, cert, key } });
      expect(await client.set('k', 'v')).toBe('OK');
      expect(await client.blpop('list', 0.01)).toBeNull();
      const error = await errorOf(clientOf({ nodes: [url('rediss')], tls: { ca }, ...QUICK }).connect());
      expect(error).toMatchObject({ code: 'NO_NODE_REACHABLE' });
      expect(inspect(error, { depth: null })).not.toContain('PRIVATE KEY');
    } finally {
      await wanted('optional');
    }
  });

  it('is not found if it has no TLS, and no password is sent in plain text', async () => {
    const plain = await FakeNode.start();
    const error = await errorOf(
      clientOf({ nodes: [`rediss://:${encodeURIComponent(PASSWORD)}@${plain.name}`], ...QUICK }).connect(),
    );
    expect(error).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(plain.requests.flat().join()).not.toContain('planted');
    await plain.stop();
  });
});
