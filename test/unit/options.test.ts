import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ClusterClient, InvalidArgumentError, type ClusterClientOptions } from 'keyslot';
import { splitUrl } from '../../lib/client/url-options.js';
import { NAMES_ELSEWHERE } from '../../lib/cluster/options/names-elsewhere.js';
import { resolveOptions } from '../../lib/cluster/options/resolve-options.js';

const SECRET = 'planted-S3cret';

/** Everything that can be seen of a value, as one text. */
const seen = (value: unknown): string =>
  inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, breakLength: Infinity });

/** The error that a client made of these options gives. */
function refusal(options: unknown): InvalidArgumentError {
  try {
    new ClusterClient(options as ClusterClientOptions);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error;
    throw error;
  }
  throw new Error('It was accepted');
}

const MILLISECONDS = [
  'deadlineMs',
  'connectTimeoutMs',
  'startupTimeoutMs',
  'replyTimeoutMs',
  'keepAliveMs',
  'refreshIntervalMs',
  'leaseTimeoutMs',
  'heartbeatMs',
];
const NOT_MILLISECONDS = [0, -1, 1.5, Number.NaN, Infinity, 2 ** 31, '1000', 10n, true, null];
const COUNTS = ['maxLeasedPerNode', 'maxLeased'];
const NOT_COUNTS = [0, -1, 1.5, Number.NaN, Infinity, '5', null];
const FLAGS = ['lazyConnect', 'requireFullCoverage', 'dynamicStartupNodes'];
const NOT_FLAGS = [0, 1, 'true', null, {}];

describe('an invalid option is rejected, with its name and the expected value', () => {
  it.each<[option: string, value: unknown, expected: RegExp]>([
    ...MILLISECONDS.flatMap((name) =>
      NOT_MILLISECONDS.map((value): [string, unknown, RegExp] => [
        name,
        value,
        /whole number of milliseconds/,
      ]),
    ),
    ...COUNTS.flatMap((name) =>
      NOT_COUNTS.map((value): [string, unknown, RegExp] => [name, value, /whole number of at least 1/]),
    ),
    ...FLAGS.flatMap((name) =>
      NOT_FLAGS.map((value): [string, unknown, RegExp] => [name, value, /true or false/]),
    ),

    ['nodes', [], /at least one node/],
    ['nodes', null, /list/],
    ['nodes', '127.0.0.1:7000', /list/],
    ['nodes', { host: 'h', port: 7000 }, /list/],
    ['nodes', [undefined], /host:port/],
    ['nodes', [null], /host:port/],
    ['nodes', [7000], /host:port/],
    ['nodes', [{}], /host:port/],
    ['nodes', [{ host: 'h' }], /port from 1 to 65535/],
    ['nodes', [{ host: '', port: 7000 }], /host:port/],
    ['nodes', [{ host: 'h', port: '7000' }], /port from 1 to 65535/],
    ['nodes', [{ host: 'h', port: 0 }], /port from 1 to 65535/],
    ['nodes', [{ host: 'h', port: 65_536 }], /port from 1 to 65535/],
    ['nodes', [{ host: 'h', port: 70.5 }], /port from 1 to 65535/],
    ['nodes', [{ host: 'h', port: 7000, password: SECRET }], /password.*option/],
    ['nodes', [{ host: 'h', port: 7000, username: SECRET }], /username.*option/],
    ['nodes', [{ host: 'h', port: 7000, tls: { key: SECRET } }], /tls.*option/],
    ['nodes', [''], /host:port/],
    ['nodes', ['h'], /host:port/],
    ['nodes', ['h:'], /host:port/],
    ['nodes', [':7000'], /host:port/],
    ['nodes', ['h:port'], /host:port/],
    ['nodes', ['h:0'], /port from 1 to 65535/],
    ['nodes', ['h:65536'], /port from 1 to 65535/],
    ['nodes', ['::1:7000'], /\[ipv6\]:port/],
    ['nodes', [`user:${SECRET}@h:7000`], /host:port/],
    ['nodes', ['h:7000,h:7001'], /host:port/],
    ['nodes', ['http://h:7000'], /redis:\/\/ or rediss:\/\//],
    ['nodes', ['redis-sentinel://h:7000'], /redis:\/\/ or rediss:\/\//],
    ['nodes', ['redis://'], /host|cannot be read/],
    ['nodes', [`redis://:${SECRET}@h:port`], /cannot be read/],
    ['nodes', [`redis://:${SECRET}@h:99999`], /cannot be read/],
    ['nodes', [`redis://:${SECRET}@h:7000/1`], /option database/],
    ['nodes', [`redis://:${SECRET}@h:7000/path`], /option database/],
    ['nodes', [`redis://:${SECRET}@h:7000#${SECRET}`], /query|fragment/],
    ['nodes', [`redis://${SECRET}@h:7000`], /user and no password/],
    ['nodes', [`redis://u:%zz${SECRET}@h:7000`], /percent-encoded/],
    ['nodes', [`unix:///tmp/${SECRET}.sock`], /unix socket/],

    ['username', 7, /string/],
    ['username', SECRET, /password/],
    ['password', 7, /string/],
    ['password', null, /string/],
    ['password', { secret: SECRET }, /string/],
    ['credentialsProvider', { password: SECRET }, /function/],
    ['tls', 'yes', /TLS options or a boolean/],
    ['tls', null, /TLS options or a boolean/],
    ['tls', 1, /TLS options or a boolean/],
    ['clientName', '', /printable ASCII/],
    ['clientName', 'two words', /printable ASCII/],
    ['clientName', 'é', /printable ASCII/],
    ['clientName', 'a\r\nFLUSHALL', /printable ASCII/],
    ['clientName', 7, /printable ASCII/],
    ['database', -1, /number of a database/],
    ['database', 1.5, /number of a database/],
    ['database', '1', /number of a database/],
    ['protocol', 1, /2, 3/],
    ['protocol', '3', /2, 3/],
    ['keyPrefix', '{tag}', /braces/],
    ['keyPrefix', 'a}', /braces/],
    ['keyPrefix', 7, /string without braces/],
    ['addressRemap', { 'a:1': 'b:2' }, /function/],
    ['readFrom', 'nearest', /primary, primaryPreferred, .*lowestLatency/],
    ['readFrom', 'toString', /primary/],
    ['readFrom', null, /primary/],
    ['retry', 'often', /safe, reads, never, always/],
    ['retry', true, /safe, reads, never, always/],
    ['maxPendingPerNode', 1000, /commands, bytes/],
    ['maxPendingPerNode', null, /commands, bytes/],
    ['maxPendingPerNode', { commands: 0 }, /whole number of at least 1/],
    ['maxPendingPerNode', { bytes: '1mb' }, /whole number of at least 1/],
    ['allowBlocked', 'shutdown', /list of command names/],
    ['allowBlocked', [1], /list of command names/],
    ['allowBlocked', ['get'], /get is not a blocked command/],
    ['allowBlocked', ['toString'], /is not a blocked command/],
    ['allowBlocked', ['subscribe'], /cannot be allowed/],
    ['codec', 'xml', /json, text, binary/],
    ['codec', {}, /encode\(\) and decode\(\)/],
    ['scripts', null, /by name/],
    ['scripts', ['return 1'], /by name/],
    ['scripts', 'return 1', /by name/],
  ])('%s: %p', (name, value, expected) => {
    const error = refusal({ [name]: value });
    expect(error.message).toContain(name);
    expect(error.message).toMatch(expected);
    expect(error.argument).toContain(name);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false, applied: false });
    expect(seen(error)).not.toContain(SECRET);
  });

  it.each<[option: string, value: unknown, came: string]>([
    ['deadlineMs', 0, 'got 0'],
    ['deadlineMs', Number.NaN, 'got NaN'],
    ['deadlineMs', '1000', 'got a string'],
    ['deadlineMs', null, 'got null'],
    ['deadlineMs', 10n, 'got a bigint'],
    ['maxLeased', 1.5, 'got 1.5'],
    ['maxPendingPerNode', { bytes: '1mb' }, 'got a string'],
    ['lazyConnect', 'true', 'got a string'],
    ['lazyConnect', 1, 'got 1'],
    ['readFrom', 'nearest', "got 'nearest'"],
    ['readFrom', `redis://:${SECRET}@h:1`, 'got a string'],
    ['retry', true, 'got true'],
    ['protocol', '3', 'got a string'],
    ['protocol', 1, 'got 1'],
    ['password', 12345, 'got a number'],
    ['username', {}, 'got an object'],
    ['credentialsProvider', SECRET, 'got a string'],
    ['onConnect', {}, 'got an object'],
    ['addressRemap', [], 'got an empty list'],
    ['tls', 'yes', 'got a string'],
    ['clientName', '', 'got an empty string'],
    ['clientName', 'two words', 'got another string'],
    ['keyPrefix', '{tag}', 'got another string'],
    ['keyPrefix', 7, 'got a number'],
    ['allowBlocked', 'shutdown', 'got another string'],
    ['allowBlocked', [1], 'got another list'],
    ['codec', 'xml', 'got another string'],
    ['codec', {}, 'got an object'],
    ['scripts', ['return 1'], 'got a list'],
    ['nodes', [], 'got an empty list'],
    ['nodes', 'h:7000', 'got a string'],
    [
      'nodes',
      ['h:7000', 7000],
      'nodes[1]: a node is "host:port", a redis:// or rediss:// URL, or { host, port }, got a number',
    ],
    ['nodes', ['h:7000', { host: '', port: 1 }], 'got an object whose host is an empty string'],
    ['nodes', ['h:7000', { port: 1 }], 'got an object whose host is undefined'],
    ['nodes', ['h:7000', { host: 'h', port: '1' }], 'got a string'],
    ['nodes', ['h:7000', 'h:0'], 'nodes[1]: a node needs a port from 1 to 65535, got 0'],
    ['nodes', ['h:7000', `user:${SECRET}@h`], 'got another string'],
    ['nodes', ['h:7000', `redis://:${SECRET}@h/5`], 'nodes[1]: a node given as URL names a database'],
  ])('%s: %p, with the value received', (name, value, came) => {
    const error = refusal({ [name]: value });
    expect(error.message).toContain(came);
    expect(seen(error)).not.toMatch(new RegExp(`${SECRET}|12345`));
  });

  it.each([
    'node',
    'Nodes',
    'timeout',
    'startup_nodes',
    'db',
    'redisOptions',
    'toString',
    '__proto__',
    'constructor',
    '',
  ])('the unknown name %p, with the known names', (name) => {
    const error = refusal(Object.defineProperty({}, name, { value: SECRET, enumerable: true }));
    expect(error.argument).toBe(name);
    expect(error.message).toContain(`Unknown option ${name}`);
    for (const known of ['deadlineMs', 'codec', 'scripts']) expect(error.message).toContain(known);
    expect(seen(error)).not.toContain(SECRET);
  });

  it.each<[string, unknown]>([
    ['a URL', `redis://:${SECRET}@h:7000`],
    ['a list of nodes, as for ioredis', [{ host: 'h', port: 7000, password: SECRET }]],
    ['null', null],
    ['a number', 7000],
  ])('%s as the options', (_, options) => {
    const error = refusal(options);
    expect(error.message).toMatch(/options.*object/);
    expect(seen(error)).not.toContain(SECRET);
  });

  it('an undefined option counts as left out', () => {
    const names = [
      ...MILLISECONDS,
      ...COUNTS,
      ...FLAGS,
      'nodes',
      'password',
      'tls',
      'readFrom',
      'codec',
      'retry',
    ];
    const client = new ClusterClient(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(client.status).toBe('wait');
  });
});

describe('credentials', () => {
  it.each<[string, ClusterClientOptions, RegExp]>([
    ['two URLs', { nodes: ['redis://:a@h:1', `redis://:${SECRET}@h:2`] }, /different credentials/],
    ['two users', { nodes: [`redis://a:${SECRET}@h:1`, `redis://b:${SECRET}@h:2`] }, /different credentials/],
    ['a URL and the options', { nodes: ['redis://:a@h:1'], password: SECRET }, /different credentials/],
    [
      'a provider and a password',
      { password: SECRET, credentialsProvider: () => ({ password: '' }) },
      /excludes/,
    ],
    [
      'a provider and a URL',
      { nodes: [`redis://:${SECRET}@h:1`], credentialsProvider: () => ({ password: '' }) },
      /excludes/,
    ],
    ['a user without a password', { username: SECRET }, /needs a password/],
    ['TLS that is off, and a rediss URL', { nodes: [`rediss://:${SECRET}@h:1`], tls: false }, /rediss/],
    ['TLS for some nodes', { nodes: [`rediss://:${SECRET}@h:1`, 'redis://h:2'] }, /all nodes or none/],
  ])('that contradict each other are rejected: %s', (_, options, expected) => {
    const error = refusal(options);
    expect(error.message).toMatch(expected);
    expect(seen(error)).not.toContain(SECRET);
  });

  // T2
  it.each<[string, ClusterClientOptions, { username?: string; password: string } | undefined]>([
    ['none', { nodes: ['redis://h:1'] }, undefined],
    ['a password in a URL', { nodes: ['redis://:pw@h:1/0'] }, { password: 'pw' }],
    [
      'a user in a URL, percent-encoded',
      { nodes: ['redis://us%40er:p%2Fw%3A%25@h:1/'] },
      { username: 'us@er', password: 'p/w:%' },
    ],
    ['the same in all URLs', { nodes: ['redis://:pw@h:1', 'redis://:pw@h:2', 'h:3'] }, { password: 'pw' }],
    [
      'in the options',
      { username: 'u', password: 'pw', nodes: ['redis://u:pw@h:1'] },
      { username: 'u', password: 'pw' },
    ],
    ['from a provider', { credentialsProvider: async () => ({ password: 'pw' }) }, { password: 'pw' }],
  ])('can be given in different places: %s', async (_, options, expected) => {
    const credentials = await resolveOptions(options).credentials();
    expect(credentials && { ...credentials }).toEqual(expected);
  });
});

describe('a credentialsProvider', () => {
  it.each<[unknown]>([
    [undefined],
    [null],
    [SECRET],
    [{}],
    [{ username: SECRET }],
    [{ password: 5 }],
    [{ username: 5, password: SECRET }],
  ])('that returns %p is rejected', async (given) => {
    const { credentials } = resolveOptions({ credentialsProvider: () => given as { password: string } });
    const error: unknown = await credentials().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      argument: 'credentialsProvider',
      message: expect.stringContaining('password'),
    });
    expect(seen(error)).not.toContain(SECRET);
  });
});

describe('nodes', () => {
  // T1, T2
  it.each<[unknown, { host: string; port: number }]>([
    ['localhost:7000', { host: 'localhost', port: 7000 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['redis://h', { host: 'h', port: 6379 }],
    ['redis://h:7000/', { host: 'h', port: 7000 }],
    ['REDIS://h:7000/0', { host: 'h', port: 7000 }],
    ['redis://[2001:db8::1]:7000', { host: '2001:db8::1', port: 7000 }],
    ['redis://node-1.example:7000', { host: 'node-1.example', port: 7000 }],
    [
      { host: '::1', port: 7000 },
      { host: '::1', port: 7000 },
    ],
    [
      { host: '[::1]', port: 7000 },
      { host: '::1', port: 7000 },
    ],
    [
      { host: 'h', port: 7000, id: 'x', role: 'primary' },
      { host: 'h', port: 7000 },
    ],
  ])('are read from %p', (node, address) => {
    expect(resolveOptions({ nodes: [node as string] }).nodes).toEqual([address]);
  });

  it('TLS follows from a rediss URL, or applies to all nodes without a scheme', () => {
    expect(resolveOptions({ nodes: ['rediss://h:1', 'rediss://h:2'] }).tls).toEqual({});
    expect(resolveOptions({ nodes: ['rediss://h:1', 'h:2'], tls: true }).tls).toEqual({});
    expect(resolveOptions({ nodes: ['h:1'], tls: { servername: 'n' } }).tls).toEqual({ servername: 'n' });
    expect(resolveOptions({ nodes: ['h:1'] }).tls).toBeUndefined();
  });

  describe('if none are given', () => {
    const before = process.env.REDIS_CLUSTER_NODES;
    afterEach(() => {
      if (before === undefined) delete process.env.REDIS_CLUSTER_NODES;
      else process.env.REDIS_CLUSTER_NODES = before;
    });

    it('come from the environment, or else are 127.0.0.1:7000', () => {
      process.env.REDIS_CLUSTER_NODES = ' a:1, redis://b:2 ,,';
      expect(resolveOptions().nodes).toEqual([
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ]);
      delete process.env.REDIS_CLUSTER_NODES;
      expect(resolveOptions({}).nodes).toEqual([{ host: '127.0.0.1', port: 7000 }]);
    });

    it('are rejected without being repeated if the environment contains garbage', () => {
      process.env.REDIS_CLUSTER_NODES = `redis://:${SECRET}@h:7000/5`;
      const error = refusal({});
      expect(error.message).toContain('REDIS_CLUSTER_NODES, node 1');
      expect(error.argument).toBe('REDIS_CLUSTER_NODES');
      expect(seen(error)).not.toContain(SECRET);
    });
  });
});

describe('secrets are never shown', () => {
  const options: ClusterClientOptions = {
    nodes: [`rediss://app:${SECRET}@127.0.0.1:7000`],
    tls: { key: SECRET, passphrase: SECRET, pfx: Buffer.from(SECRET) },
  };
  const client = new ClusterClient(options);

  it.each<[string, unknown]>([
    ['the client', client],
    ['a view of it', client.with({ deadlineMs: 5 })],
    ['a target', client.target('all')],
    ['a pipeline', client.pipeline().get('k')],
    ['a transaction', client.multi().get('k')],
    ['pub/sub', client.pubsub],
    ['the topology', client.topology],
    ['an observable', client.topology$],
    ['a copy of the client', { ...client }],
    ['another client', client.duplicate({ clientName: 'other' })],
  ])('by inspecting %s', (_, shown) => {
    // bytes are shown as hexadecimal digits
    const hexadecimal = (Buffer.from(SECRET).toString('hex').match(/../g) as string[]).join(' ');
    expect(seen(shown)).not.toContain(SECRET);
    expect(seen(shown)).not.toContain(hexadecimal);
  });

  it('when the client is converted to text', () => {
    expect(JSON.stringify(client) + String(client)).not.toContain(SECRET);
  });
});

describe('fromUrl', () => {
  // T2
  it('accepts options in addition to the URL', () => {
    const client = ClusterClient.fromUrl('redis://:pw@127.0.0.1:7000', {
      nodes: ['127.0.0.1:7001'],
      retry: 'never',
    });
    expect(client.status).toBe('wait');
    expect(() => ClusterClient.fromUrl(`redis://:${SECRET}@h:1/3`)).toThrow(InvalidArgumentError);
    expect(() => ClusterClient.fromUrl(undefined as unknown as string)).toThrow(InvalidArgumentError);
  });

  // T2
  it('accepts options in the query, each according to its type', () => {
    const query =
      'readFrom=replica&deadlineMs=5000&requireFullCoverage=false&clientName=a%20b&keyPrefix=7&protocol=3';
    expect(splitUrl(`rediss://u:p%3Fw@h:1/0?${query}`)).toEqual({
      node: 'rediss://u:p%3Fw@h:1/0',
      options: {
        readFrom: 'replica',
        deadlineMs: 5_000,
        requireFullCoverage: false,
        clientName: 'a b',
        keyPrefix: '7',
        protocol: 3,
      },
    });
    expect(ClusterClient.fromUrl(`redis://h:1?${query.replace('%20', '')}`).status).toBe('wait');
    // what the URL says wins
    expect(() => ClusterClient.fromUrl('redis://h:1?retry=often', { retry: 'never' })).toThrow(
      /retry.*safe, reads, never, always/,
    );
  });

  it.each([
    ['password', /password cannot be given in the query/],
    ['nodes', /nodes cannot be given/],
    ['db', /db cannot be given.*deadlineMs/],
    ['deadlineMs', /deadlineMs must be a whole number/],
    ['lazyConnect', /lazyConnect must be true or false/],
    ['protocol', /protocol must be one of 2, 3/],
    ['__proto__', /__proto__ cannot be given/],
  ])('rejects %s in the query if it is not an option, or has an invalid value', (name, message) => {
    let error: unknown;
    try {
      ClusterClient.fromUrl(`redis://:${SECRET}@h:1?${name}=${SECRET}`);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as Error).message).toMatch(message);
    expect(seen(error)).not.toContain(SECRET);
  });
});

describe('docs/client-options.md', () => {
  // the table of blocked commands begins with names, too
  const page = readFileSync(join(import.meta.dirname, '../../docs/client-options.md'), 'utf8').replace(
    /^## Blocked commands$.*?(?=^## )/ms,
    '',
  );
  /** The first two columns of the rows that begin with an option's name. */
  const rows = new Map(
    [...page.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(([, name, fallback]) => [
      name,
      fallback.replaceAll('`', ''),
    ]),
  );

  it('contains a row for every option, and no others', () => {
    const known = /known are (.*)$/.exec(refusal({ unknown: 1 }).message)?.[1].split(', ');
    expect([...rows.keys()].toSorted()).toEqual(known?.toSorted());
  });

  it('states the defaults', () => {
    const defaults = resolveOptions({ nodes: ['h:1'] }) as unknown as Record<string, unknown>;
    const { commands, bytes } = defaults.maxPendingPerNode as { commands: number; bytes: number };
    expect(rows.get('maxPendingPerNode')).toBe(`{ commands: ${commands}, bytes: ${bytes} }`);
    const plain = [...rows].filter(([name]) =>
      ['number', 'boolean', 'string'].includes(typeof defaults[name]),
    );
    expect(plain.length).toBeGreaterThan(15);
    for (const [name, told] of plain) {
      expect([name, told.replaceAll("'", '')]).toEqual([
        name,
        defaults[name] === '' ? 'none' : String(defaults[name]),
      ]);
    }
  });
});

describe('an unknown option', () => {
  it.each([
    ['scaleReads', 'Unknown option scaleReads of a client (here: readFrom); known are'],
    ['maxRedirections', 'Unknown option maxRedirections of a client (here: deadlineMs); known are'],
    ['rootNodes', 'Unknown option rootNodes of a client (here: nodes); known are'],
    ['replyTimeout', 'Unknown option replyTimeout of a client (did you mean replyTimeoutMs?); known are'],
    ['heart', 'Unknown option heart of a client (did you mean heartbeatMs?); known are'],
    ['toString', 'Unknown option toString of a client; known are'],
  ])('%s is answered by the name that was probably meant', (option, message) => {
    expect(refusal({ [option]: 1 }).message.startsWith(message)).toBe(true);
  });

  it.each([
    [{ readFrom: { az: 'a' } }, 'Unknown option az of readFrom; known are zone, fallback, zones'],
    [
      { maxPendingPerNode: { command: 1 } },
      'Unknown option command of maxPendingPerNode (did you mean commands?)',
    ],
    [{ readFrom: 'replicas' }, "got 'replicas' (did you mean replica?)"],
  ])('or word inside an option, such as %j, is named', (options, message) => {
    expect(refusal(options).message).toContain(message);
  });

  it('of another client is answered by an option that exists', () => {
    const known = refusal({ toString: 1 }).message.split('known are ')[1].split(', ');
    for (const names of Object.values(NAMES_ELSEWHERE))
      for (const name of names.replace(', beside nodes', '').split(/, | and /)) expect(known).toContain(name);
  });
});
