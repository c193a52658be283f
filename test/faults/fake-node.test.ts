import type { Socket } from 'node:net';
import { ClusterClient, ClusterError, keySlot, ReplyError, type ClusterClientOptions } from 'keyslot';
import { eventually } from '../cluster-fixture.js';
import { FakeNode, SILENCE, slotsReply, type FakeAnswer } from '../fake-node.js';

const nodes: FakeNode[] = [];
const clients: ClusterClient[] = [];

async function fakeNode(script?: FakeAnswer): Promise<FakeNode> {
  const node = await FakeNode.start(script);
  nodes.push(node);
  return node;
}

function clientOf(node: FakeNode, options: ClusterClientOptions = {}): ClusterClient {
  const client = new ClusterClient({ nodes: [node], deadlineMs: 200, replyTimeoutMs: 50, ...options });
  clients.push(client);
  return client;
}

const errorOf = (promise: Promise<unknown>): Promise<ClusterError> =>
  promise.then(
    (reply) => {
      throw new Error(`there was no error, but ${String(reply)}`);
    },
    (error: ClusterError) => error,
  );

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

describe('a node that redirects to an unusable target', () => {
  const slot = keySlot('k');
  const redirects = [
    `-MOVED`,
    `-MOVED `,
    `-MOVED ${slot}`,
    `-MOVED ${slot} garbage`,
    `-MOVED ${slot} unknown-host.invalid:7000`,
    `-MOVED ${slot} 127.0.0.1:1`,
    `-MOVED ${slot} :0`,
    `-MOVED ${slot} 127.0.0.1:99999`,
    `-MOVED ${slot} ?:7000`,
    `-MOVED 99999 127.0.0.1:7000`,
    `-MOVED -1 127.0.0.1:7000`,
    `-MOVED __proto__ 127.0.0.1:7000`,
    `-MOVED constructor prototype:7000`,
    `-MOVED ${slot} __proto__:7000`,
    `-MOVED 1e3 127.0.0.1:7000`,
    `-MOVED ${slot} ${'x'.repeat(10_000)}:7000`,
    `-ASK ${slot} unknown-host.invalid:7000`,
    `-ASK __proto__ __proto__:1`,
    `-ASK`,
  ];

  it.each(redirects.map((text) => [text.slice(0, 60), text]))('%s', async (_, redirect) => {
    const before = Object.keys(Object.prototype);
    const node = await fakeNode(([name]) => (/^(get|incr|EXEC)$/.test(name) ? `${redirect}\r\n` : undefined));
    const client = clientOf(node);
    await client.connect();
    const view = client.topology.nodes;
    const [read, write, queued, piped] = await Promise.all([
      errorOf(client.get('k')),
      errorOf(client.incr('k')),
      errorOf(client.multi().set('k', 1).exec()),
      client.pipeline().get('k').exec(),
    ]);
    for (const error of [read, piped[0][0]]) {
      expect(error).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        applied: false,
        cause: expect.any(ReplyError),
      });
    }
    // a write may just have been sent once more when its deadline comes
    for (const { code, applied, cause } of [write, queued]) {
      expect(applied).toBe(code === 'DEADLINE_EXCEEDED' ? false : 'unknown');
      expect([code, cause]).toEqual([
        expect.stringMatching(/^(DEADLINE_EXCEEDED|OUTCOME_UNKNOWN)$/),
        expect.any(ReplyError),
      ]);
    }
    expect(client.topology.nodes).toEqual(view);
    expect(Object.keys(Object.prototype)).toEqual(before);
    // and it is left in peace between attempts
    expect(node.asked('get').length).toBeLessThan(100);
    node.become(() => undefined);
    expect(await client.get('k')).toBe('OK');
  });

  it('redirects to itself, again and again', async () => {
    const node = await fakeNode(([name], socket) =>
      name === 'incr' ? `-MOVED ${slot} 127.0.0.1:${socket.localPort}\r\n` : undefined,
    );
    const client = clientOf(node);
    expect(await errorOf(client.incr('k'))).toMatchObject({ code: 'DEADLINE_EXCEEDED', applied: false });
    expect(node.asked('incr').length).toBeLessThan(100);
  });

  it('redirects to a node that redirects back', async () => {
    const second = await fakeNode();
    const first = await fakeNode(([name]) =>
      name === 'get' ? `-MOVED ${slot} ${second.name}\r\n` : name === 'CLUSTER' ? slots() : undefined,
    );
    const slots = (): string => slotsReply([0, 8191, first], [8192, 16383, second]);
    second.become(([name]) => {
      if (name === 'get') return `-MOVED ${slot} ${first.name}\r\n`;
      return name === 'CLUSTER' ? slots() : undefined;
    });
    const client = clientOf(first);
    expect(await errorOf(client.get('k'))).toMatchObject({ code: 'DEADLINE_EXCEEDED', applied: false });
    expect(first.asked('get').length + second.asked('get').length).toBeLessThan(100);
  });

  it('redirects thousands of times: the topology is read only occasionally, over existing connections', async () => {
    const second = await fakeNode();
    const first = await fakeNode();
    const slots = (): string => slotsReply([0, 8191, first], [8192, 16383, second]);
    const movedTo =
      (other: FakeNode): FakeAnswer =>
      ([command, key]) =>
        command === 'CLUSTER'
          ? slots()
          : command === 'get'
            ? `-MOVED ${keySlot(key)} ${other.name}\r\n`
            : undefined;
    first.become(movedTo(second));
    second.become(movedTo(first));
    // all of it happens in this process, which must not take its own slowness for silence
    const client = clientOf(first, { replyTimeoutMs: 10_000 });
    await client.connect();
    const before = first.asked('cluster').length + second.asked('cluster').length;
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => errorOf(client.get(`k${i}`))));
    expect(first.asked('get').length + second.asked('get').length).toBeGreaterThanOrEqual(2_000);
    expect(first.asked('cluster').length + second.asked('cluster').length - before).toBeLessThanOrEqual(6);
    expect([first.accepted, second.accepted]).toEqual([1, 1]);
  });

  it('redirects to an address for which addressRemap throws', async () => {
    const node = await fakeNode(([name]) =>
      /^(get|incr)$/.test(name) ? `-MOVED ${slot} 127.0.0.1:1\r\n` : undefined,
    );
    const client = clientOf(node, {
      addressRemap: (address) => {
        if (address.port === 1) throw new Error('not in the table');
        return address;
      },
    });
    await client.connect();
    const [read, write] = await Promise.all([errorOf(client.get('k')), errorOf(client.incr('k'))]);
    expect([read.message, write.message]).toEqual(['not in the table', 'not in the table']);
    node.become(() => undefined);
    expect(await client.incr('k')).toBe('OK');
  });

  it('sends no credentials to an unknown node', async () => {
    const stranger = await fakeNode();
    const node = await fakeNode(([name]) =>
      /^(get|blpop)$/.test(name)
        ? `-MOVED ${slot} ${stranger.name}\r\n`
        : name === 'set'
          ? `-ASK ${slot} ${stranger.name}\r\n`
          : undefined,
    );
    const client = clientOf(node, { password: 'planted' });
    await Promise.all([errorOf(client.get('k')), errorOf(client.set('k', 1)), errorOf(client.blpop('k', 1))]);
    expect([stranger.accepted, stranger.requests]).toEqual([0, []]);
  });
});

describe('a node that rejects commands', () => {
  it.each(['CLUSTERDOWN', 'TRYAGAIN', 'LOADING', 'MASTERDOWN', 'READONLY'])(
    '%s: the command is sent again until it is executed',
    async (code) => {
      let refusals = 3;
      const node = await fakeNode(([name]) =>
        /^(incr|EXEC)$/.test(name) && refusals-- > 0
          ? `-${code} not now\r\n`
          : name === 'EXEC'
            ? '*1\r\n:1\r\n'
            : undefined,
      );
      const client = clientOf(node, { deadlineMs: 5_000 });
      expect(await client.incr('k')).toBe('OK');
      refusals = 3;
      expect(await client.multi().incr('k').exec()).toEqual([[null, 1]]);
      refusals = Infinity;
      const hurried = client.with({ deadlineMs: 100 });
      expect(await errorOf(hurried.incr('k'))).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        applied: false,
        cause: expect.objectContaining({ code }),
      });
      expect(await errorOf(client.with({ retry: 'never' }).incr('k'))).toMatchObject({
        name: 'ReplyError',
        code,
      });
    },
  );

  it('begins to serve between two requests: the calls that it rejected keep their order', async () => {
    let pushes = 0;
    const executed: string[] = [];
    const node = await fakeNode(([name, , value]) => {
      if (name !== 'rpush') return undefined;
      // the three calls, and the first request after them
      if (pushes++ < 4) return '-CLUSTERDOWN not now\r\n';
      return `:${executed.push(value)}\r\n`;
    });
    const client = clientOf(node, { deadlineMs: 5_000 });
    const lengths = await Promise.all(['1', '2', '3'].map((value) => client.rpush('k', value)));
    expect(lengths).toEqual([1, 2, 3]);
    expect(executed).toEqual(['1', '2', '3']);
  });

  it('rejects a call once more while a later one is made: that one waits', async () => {
    let pushes = 0;
    let later: Promise<number> | undefined;
    const executed: string[] = [];
    const node = await fakeNode(([name, , value]) => {
      if (name !== 'rpush') return undefined;
      // the client has not read the second rejection yet
      if (++pushes === 2) later = client.rpush('k', '2');
      return pushes <= 2 ? '-CLUSTERDOWN not now\r\n' : `:${executed.push(value)}\r\n`;
    });
    const client = clientOf(node, { deadlineMs: 5_000 });
    expect(await client.rpush('k', '1')).toBe(1);
    expect(await later).toBe(2);
    expect(executed).toEqual(['1', '2']);
  });

  it('rejects a call of a slot for its keys alone: others are served in the meantime', async () => {
    let moving = true;
    const node = await fakeNode(([name]) => {
      if (name !== 'mset') return undefined;
      if (node.asked('mset').length === 1) return '-CLUSTERDOWN not now\r\n';
      return moving ? '-TRYAGAIN not now\r\n' : undefined;
    });
    const client = clientOf(node, { deadlineMs: 5_000 });
    const both = client.mset('{k}1', 1, '{k}2', 2);
    await eventually(() => node.asked('mset').length > 0);
    expect(await client.set('{k}3', 3)).toBe('OK');
    moving = false;
    expect(await both).toBe('OK');
  });

  it('rejects each command of a transaction: the whole transaction is sent again', async () => {
    let refusals = 1;
    const node = await fakeNode(([name]) => {
      if (name === 'incr') return refusals > 0 ? '-CLUSTERDOWN down\r\n' : '+QUEUED\r\n';
      if (name === 'EXEC') return refusals-- > 0 ? '-EXECABORT discarded\r\n' : '*2\r\n:1\r\n:2\r\n';
      return undefined;
    });
    const client = clientOf(node, { deadlineMs: 5_000 });
    expect(await client.multi().incr('k').incr('k').exec()).toEqual([
      [null, 1],
      [null, 2],
    ]);
    expect(node.asked('exec')).toHaveLength(2);
  });

  it('rejects MULTI itself: the outcome of the rest is unknown', async () => {
    const node = await fakeNode(([name]) =>
      name === 'MULTI' ? '-NOPERM no\r\n' : name === 'EXEC' ? '-ERR\r\n' : undefined,
    );
    const client = clientOf(node);
    expect(await errorOf(client.multi().incr('k').exec())).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await client.get('k')).toBe('OK');
  });

  it('executes a write, loses the reply, and then rejects the resend: the outcome is unknown', async () => {
    let sets = 0;
    const node = await fakeNode(([name], socket) => {
      if (name !== 'set') return undefined;
      if (sets++ === 0) return void socket.destroy();
      return '-CLUSTERDOWN down\r\n';
    });
    const client = clientOf(node);
    expect(await errorOf(client.set('k', 1))).toMatchObject({ code: 'OUTCOME_UNKNOWN', applied: 'unknown' });
    expect(sets).toBeGreaterThan(1);
  });
});

describe('a node with invalid replies', () => {
  const ways: [string, string | ((socket: { destroy(): unknown }) => string | undefined)][] = [
    ['closes before the reply', (socket) => void socket.destroy()],
    ['closes in the middle of a reply', '$100\r\nonly so much'],
    ['sends garbage', '\u0000\u00ff garbage\r\n'],
    ['sends HTML', '<html><body>502 Bad Gateway</body></html>\r\n'],
    ['announces a negative length', '$-7\r\n'],
    ['announces a length beyond all bounds', '$99999999999999\r\n'],
    ['announces an array beyond all bounds', '*99999999999999\r\n'],
    ['sends a number that is none', ':12x\r\n'],
    ['sends a string without an end', '$2\r\nabcd'],
  ];

  it.each(ways)('%s', async (name, way) => {
    let failing = true;
    const node = await fakeNode(([command], socket) => {
      if (!failing || !/^(get|incr|EXEC)$/.test(command))
        return command === 'EXEC' ? '*1\r\n:1\r\n' : undefined;
      if (typeof way === 'function') return way(socket);
      socket.write(way, 'latin1');
      if (name.includes('middle')) socket.end();
      return SILENCE;
    });
    const client = clientOf(node, { deadlineMs: 5_000 });
    await client.connect();
    expect(await errorOf(client.incr('k'))).toMatchObject({ code: 'OUTCOME_UNKNOWN', applied: 'unknown' });
    expect(await errorOf(client.multi().incr('k').exec())).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    const tried = node.asked('get').length;
    const read = client.get('k');
    await eventually(() => node.asked('get').length > tried);
    failing = false;
    expect(await read).toBe('OK');
    expect(await client.incr('k')).toBe('OK');
  });

  it('sends arbitrary bytes: every call ends, and the next one can succeed', async () => {
    const pieces = [
      '$',
      '*',
      '+',
      '-',
      ':',
      '%',
      '>',
      '~',
      '|',
      '_',
      '#',
      '(',
      ',',
      '=',
      '!',
      '\r\n',
      '\n',
      '0',
      '1',
      '-1',
      '7',
      'x',
      'MOVED 1 a:1',
    ];
    const anything = (): string =>
      Array.from(
        { length: 1 + Math.floor(Math.random() * 8) },
        () => pieces[Math.floor(Math.random() * pieces.length)],
      ).join('');
    let garbage = '';
    const node = await fakeNode(([command]) => (command === 'get' ? garbage : undefined));
    const client = clientOf(node);
    const hurried = client.with({ deadlineMs: 30, retry: 'never' });
    for (let round = 0; round < 30; round++) {
      garbage = anything();
      const outcome: unknown = await hurried.get('k').catch((error: unknown) => error);
      if (outcome instanceof Error && !(outcome instanceof ClusterError))
        throw new Error(garbage, { cause: outcome });
      garbage = '+fine\r\n';
      node.cut();
      expect(await client.get('k')).toBe('fine');
    }
  });

  it('never replies: every kind of call ends at its deadline', async () => {
    const node = await fakeNode(([name]) => (/^(HELLO|CLUSTER|COMMAND)$/.test(name) ? undefined : SILENCE));
    const client = clientOf(node);
    await client.connect();
    const [read, write, queued, spread, piped] = await Promise.all([
      errorOf(client.get('k')),
      errorOf(client.incr('k')),
      errorOf(client.multi().get('k').exec()),
      errorOf(client.dbsize()),
      client.pipeline().get('k').incr('k').exec(),
    ]);
    expect([read.code, read.applied]).toEqual(['DEADLINE_EXCEEDED', false]);
    for (const error of [write, queued])
      expect([error.code, error.applied]).toEqual(['OUTCOME_UNKNOWN', 'unknown']);
    expect(spread).toBeInstanceOf(ClusterError);
    expect(piped.map(([error]) => (error as ClusterError).code)).toEqual([
      'DEADLINE_EXCEEDED',
      'OUTCOME_UNKNOWN',
    ]);
  });

  it('is silent, and then replies on the old connection after a new one was opened', async () => {
    let greeted = 0;
    let silent: Socket | undefined;
    const node = await fakeNode(([name], socket) => {
      if (name === 'incr') silent = socket;
      // late, as from a node that wakes up and finds both
      if (name === 'HELLO' && ++greeted === 2) setTimeout(() => silent?.write(':7\r\n'), 20);
      return name === 'incr' ? SILENCE : undefined;
    });
    const client = clientOf(node, { deadlineMs: 5_000 });
    expect(await client.incr('k')).toBe(7);
    expect(greeted).toBe(2);
  });

  it('replies twice: the connection is dropped, and the client continues', async () => {
    const node = await fakeNode(([name]) => (name === 'get' ? '+once\r\n+twice\r\n' : undefined));
    const client = clientOf(node);
    expect(await client.get('k')).toBe('once');
    expect(await client.set('k', 1)).toBe('OK');
    expect(await client.get('k')).toBe('once');
    expect(await client.set('k', 1)).toBe('OK');
    expect(node.accepted).toBeGreaterThan(1);
  });

  it('sends a reply without a request', async () => {
    const node = await fakeNode();
    const client = clientOf(node);
    await client.set('k', 1);
    const { accepted } = node;
    for (const bytes of ['+hello\r\n', '>2\r\n+message\r\n+x\r\n']) node.say(bytes);
    await eventually(() => client.set('k', 1).then((reply) => reply === 'OK'));
    await eventually(() => node.accepted > accepted || node.open > 0);
    expect(await client.incr('k')).toBe('OK');
  });

  it('replies one byte at a time', async () => {
    const node = await fakeNode(([name], socket) => {
      if (name !== 'get') return undefined;
      for (const byte of '$6\r\nh\u00c3\u00a9llo\r\n') socket.write(byte, 'latin1');
      return '';
    });
    const client = clientOf(node);
    expect(await client.get('k')).toBe('héllo');
  });
});
