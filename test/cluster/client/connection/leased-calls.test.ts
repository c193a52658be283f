import { setTimeout as delay } from 'node:timers/promises';
import type { Socket } from 'node:net';
import {
  BackpressureError,
  ClusterClient,
  CommandAbortedError,
  ConnectionError,
  DeadlineExceededError,
  keySlot,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';
import { FakeNode, Relays, SILENCE } from '../../../fake-node.js';

const shared = sharedCluster();
let names = 0;
let client: ClusterClient;

beforeAll(async () => {
  client = new ClusterClient({ nodes: shared.nodes });
  await client.connect();
});
afterAll(() => client.close());

const key = (name: string): string => `${shared.keyspace}{leased}${name}`;

/** A client whose connections are told from those of others. */
function named(options: object = {}): { own: ClusterClient; name: string } {
  const name = `${shared.keyspace.replace(':', '')}-${names++}`;
  return { own: new ClusterClient({ nodes: shared.nodes, clientName: name, ...options }), name };
}

/** What the servers say of the leased connections of a client. */
async function leasedOf(name: string): Promise<string[]> {
  const lists = [...(await client.target('primaries').client('LIST')).values()].map(String);
  return lists.flatMap((list) => list.split('\n')).filter((line) => line.includes(`name=leased:${name} `));
}

const untilBlocked = (name: string, count = 1): Promise<unknown> =>
  eventually(async () => (await leasedOf(name)).filter((line) => line.includes('flags=b')).length === count);

describe('a blocking call that is aborted', () => {
  it('takes nothing while it connects or waits for a connection', async () => {
    const { own, name } = named({ maxLeasedPerNode: 1, leaseTimeoutMs: 60_000, deadlineMs: 60_000 });
    await own.connect();
    const [first, second] = [new AbortController(), new AbortController()];
    const connecting = own.with({ signal: first.signal }).blpop(key('a'), 0);
    setImmediate(() => first.abort());
    await expect(connecting).rejects.toThrow(CommandAbortedError);
    const holding = own.blpop(key('b'), 0);
    await untilBlocked(name);
    const waiting = own.with({ signal: second.signal }).blpop(key('a'), 0);
    await own.ping();
    second.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'CommandAbortedError', applied: false });
    await client.rpush(key('a'), 'kept');
    await client.rpush(key('b'), 'taken');
    expect(await holding).toEqual([key('b'), 'taken']);
    expect(await client.llen(key('a'))).toBe(1);
    // its place is free again
    expect(await own.blpop(key('a'), 1)).toEqual([key('a'), 'kept']);
    await own.close();
  });

  it.each([
    { protocol: 3, replyMapping: 'resp3' },
    { protocol: 3, replyMapping: 'resp3', stringNumbers: true },
  ])('certainly takes nothing with replies as %j', async (options) => {
    const { own, name } = named(options);
    await own.connect();
    const controller = new AbortController();
    const call = own.with({ signal: controller.signal }).blpop(key('mapped'), 0);
    await untilBlocked(name);
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'CommandAbortedError', applied: false });
    await own.close();
  });

  it('takes nothing while it blocks, as the server confirms', async () => {
    const { own, name } = named();
    const control = new AbortController();
    const call = own.with({ signal: control.signal }).blpop(key('c'), 0);
    await untilBlocked(name);
    control.abort(new Error('mine'));
    await expect(call).rejects.toMatchObject({ name: 'CommandAbortedError', cause: new Error('mine') });
    await client.rpush(key('c'), 'kept');
    expect(await client.llen(key('c'))).toBe(1);
    await own.close();
  });
});

describe('a client that is closing with leased calls', () => {
  it('waits for a durable write that the replicas have not confirmed yet', async () => {
    const { own } = named();
    const counter = key('n');
    const write = own.with({ durability: { replicas: 9, timeoutMs: 400 } }).incr(counter);
    const outcome = expect(write).rejects.toMatchObject({ name: 'DurabilityError', applied: true });
    await eventually(async () => (await client.get(counter)) === '1');
    await own.close();
    await outcome;
  });

  it('does not claim that a pending durable write was not executed, if it does not wait', async () => {
    const { own } = named();
    const counter = key('m');
    const write = own.with({ durability: { replicas: 9, timeoutMs: 60_000 } }).incr(counter);
    // true or 'unknown', by whether the reply to INCR has been read by then
    const outcome = expect(write).rejects.not.toMatchObject({ applied: false });
    await eventually(async () => (await client.get(counter)) === '1');
    own.disconnect();
    await outcome;
  });

  it('waits for a transaction', async () => {
    const { own, name } = named();
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const call = own.transaction([key('t')], async (tx) => {
      await gate;
      return tx.multi().set(key('t'), 'written');
    });
    await eventually(async () => (await leasedOf(name)).some((line) => line.includes('cmd=watch')));
    const closed = own.close();
    goOn();
    expect(await call).toEqual([[null, 'OK']]);
    await closed;
    expect(await client.get(key('t'))).toBe('written');
  });

  it('ends a blocking call with a known outcome, and no element is lost', async () => {
    const { own, name } = named();
    const call = own.blpop(key('q'), 0);
    const outcome = expect(call).rejects.toMatchObject({ name: 'ClientClosedError', applied: false });
    await untilBlocked(name);
    await own.close();
    await outcome;
    await client.rpush(key('q'), 'kept');
    expect(await client.llen(key('q'))).toBe(1);
  });

  it('reports an unknown outcome for a blocking call that it cuts off', async () => {
    const { own, name } = named();
    const outcome = expect(own.blpop(key('r'), 0)).rejects.toMatchObject({
      name: 'ClientClosedError',
      applied: 'unknown',
    });
    await untilBlocked(name);
    own.disconnect();
    await outcome;
  });
});

describe('the deadline of a leased call', () => {
  it('holds while there is no cluster', async () => {
    const nowhere = new ClusterClient({ nodes: ['127.0.0.1:1'], deadlineMs: 200, startupTimeoutMs: 600_000 });
    const durable = nowhere.with({ durability: { replicas: 1, timeoutMs: 10 } });
    await expect(nowhere.blpop('a', 1)).rejects.toThrow(DeadlineExceededError);
    await expect(durable.set('a', 1)).rejects.toThrow(DeadlineExceededError);
    await expect(nowhere.transaction(['a'], async (tx) => tx.multi())).rejects.toThrow(DeadlineExceededError);
    nowhere.disconnect();
  });

  it('holds while no connection is free', async () => {
    const { own, name } = named({ maxLeasedPerNode: 1, leaseTimeoutMs: 600_000 });
    const holding = own.blpop(key('d'), 0);
    await untilBlocked(name);
    const call = own.with({ deadlineMs: 100 }).transaction([key('d')], async (tx) => tx.multi());
    await expect(call).rejects.toMatchObject({
      name: 'DeadlineExceededError',
      cause: expect.objectContaining({ name: 'LeaseTimeoutError' }),
    });
    await client.rpush(key('d'), 'x');
    await holding;
    await own.close();
  });

  it('restarts for a blocking call once a server has accepted it', async () => {
    await using cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    await using own = new ClusterClient({
      nodes: cluster.seeds,
      deadlineMs: 1_500,
      maxLeasedPerNode: 1,
      leaseTimeoutMs: 60_000,
    });
    await own.connect();
    const popped = own.blpop('q', 0);
    // one that was called later, and waits for the connection, has had all of its time
    await expect(own.blpop('{q}2', 0)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const from = await cluster.primaryOfSlot(keySlot('q'));
    const to = cluster.primaries.find((node) => node !== from);
    await cluster.migrateSlots([keySlot('q')], from, to!);
    await own.rpush('q', 'x');
    expect(await popped).toEqual(['q', 'x']);
  });
});

describe('callers that wait for leased connections', () => {
  it('are limited in number', async () => {
    const { own, name } = named({
      maxLeasedPerNode: 1,
      leaseTimeoutMs: 60_000,
      maxPendingPerNode: { commands: 2 },
    });
    const calls = [own.blpop(key('w'), 0)];
    await untilBlocked(name);
    const view = own.with({ deadlineMs: 60_000 });
    calls.push(view.blpop(key('w'), 0), view.blpop(key('w'), 0));
    await own.ping();
    await expect(own.blpop(key('w'), 0)).rejects.toThrow(BackpressureError);
    await client.rpush(key('w'), 1, 2, 3);
    expect((await Promise.all(calls)).map((popped) => popped?.[1])).toEqual(['1', '2', '3']);
    await own.close();
  });

  it('get no more connections than maxLeased, including idle ones', async () => {
    const { own, name } = named({ maxLeased: 1 });
    await own.connect();
    for (const primary of own.topology.primaries) {
      let index = 0;
      while (own.topology.nodeForKey(`idle${index}`)?.name !== primary.name) index++;
      expect(await own.blpop(`${shared.keyspace}none{idle${index}}`, 0.01)).toBeNull();
    }
    await eventually(async () => expect(await leasedOf(name)).toHaveLength(1));
    await own.close();
  });
});

describe('nodes that redirect a leased call', () => {
  it.each([
    ['safe', 'DeadlineExceededError'],
    ['never', 'ReplyError'],
  ] as const)(
    'are followed a few times at once, and then after a pause (retry: %s)',
    async (retry, error) => {
      const node = await FakeNode.start((request) =>
        request[0].toLowerCase() === 'blpop' ? `-MOVED 5 ${node.name}\r\n` : undefined,
      );
      const own = new ClusterClient({ nodes: [node], retry, deadlineMs: 700 });
      await expect(own.blpop('q', 1)).rejects.toMatchObject({ name: error });
      expect(node.asked('blpop').length).toBeLessThan(40);
      await own.close();
      await node.stop();
    },
  );

  it('let a blocking call wait for the rest of its timeout', async () => {
    let refused = false;
    const node = await FakeNode.start(([name]) => {
      if (name.toLowerCase() !== 'blpop') return undefined;
      if (refused) return '*2\r\n$1\r\nq\r\n$1\r\nx\r\n';
      refused = true;
      return '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n';
    });
    await using own = new ClusterClient({ nodes: [node] });
    expect(await own.blpop('q', 5)).toEqual(['q', 'x']);
    const [first, second] = node.asked('blpop').map((request) => Number(request.at(-1)));
    expect(first).toBe(5);
    expect(second).toBeLessThan(5);
    expect(second).toBeGreaterThan(0);
    await own.close();
    await node.stop();
  });
});

it('an idle connection that died unnoticed is replaced, with all others to its node', async () => {
  const replyTimeoutMs = 100;
  const sockets = new Set<unknown>();
  const held: Socket[] = [];
  const node = await FakeNode.start(([name], socket) => {
    if (name.toLowerCase() !== 'blpop') return undefined;
    sockets.add(socket);
    if (held.length === 2) return '*2\r\n$1\r\nq\r\n$1\r\nx\r\n';
    // both calls are under way at once, so that each has a connection, which says nothing more afterwards
    held.push(socket);
    if (held.length === 2) for (const each of held) each.write('*2\r\n$1\r\nq\r\n$1\r\nx\r\n');
    return SILENCE;
  });
  await using own = new ClusterClient({ nodes: [node], replyTimeoutMs });
  await Promise.all([own.blpop('q', 0), own.blpop('q', 0)]);
  expect(sockets.size).toBe(2);
  // how long they are idle is the condition here: only those that have been for longer are asked
  await delay(2 * replyTimeoutMs);
  expect(await own.blpop('q', 0)).toEqual(['q', 'x']);
  expect(sockets.size).toBe(3);
  for (const socket of held) await eventually(() => expect(socket.destroyed).toBe(true));
  await own.close();
  await node.stop();
});

it('a blocking call with a timeout ends when its connection has died unnoticed', async () => {
  const relays = await Relays.start(client.topology.nodes);
  for (const relay of relays.all)
    relay.strandsAt = ([name]) => ['blpop', 'xread'].includes(name.toLowerCase());
  await using own = new ClusterClient({ ...relays.options, deadlineMs: 500 });
  await own.connect();
  const calls = [own.blpop(key('dead'), 0.2), own.xread('BLOCK', 200, 'STREAMS', key('silent'), '0')];
  expect(await Promise.allSettled(calls)).toMatchObject([
    { reason: { code: 'OUTCOME_UNKNOWN' } },
    { reason: { code: 'DEADLINE_EXCEEDED' } },
  ]);
  // its other connections go on
  expect(await own.ping()).toBe('PONG');
  await own.close();
  await relays.stop();
});

it('a full server is waited for', async () => {
  await using cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
  await using own = new ClusterClient({ nodes: cluster.seeds, deadlineMs: 60_000 });
  await own.connect();
  await own.rpush('q', 'x');
  const node = own.topology.primaries[0];
  const { connection } = cluster.primaries[0];
  const open = String(await connection.call('CLIENT', 'LIST'))
    .trim()
    .split('\n').length;
  await connection.call('CONFIG', 'SET', 'maxclients', String(open));
  const refused = async (): Promise<number> =>
    Number(/rejected_connections:(\d+)/.exec(String(await own.target(node).info('stats')))?.[1]);
  const popped = own.blpop('q', 1);
  await eventually(async () => (await refused()) > 0);
  await connection.call('CONFIG', 'SET', 'maxclients', '10000');
  expect(await popped).toEqual(['q', 'x']);
});

it('a stream consumer continues when its slot moves', async () => {
  await using cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
  await using own = new ClusterClient({ nodes: cluster.seeds });
  await own.xgroup('CREATE', 's', 'g', '$', 'MKSTREAM');
  const read = own.xreadgroup('GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>');
  const from = await cluster.primaryOfSlot(keySlot('s'));
  await eventually(async () =>
    String(await from.connection.call('CLIENT', 'LIST')).includes('cmd=xreadgroup'),
  );
  await cluster.migrateSlots(
    [keySlot('s')],
    from,
    cluster.primaries.find((node) => node !== from)!,
  );
  await own.xadd('s', '1-0', 'f', 'v');
  expect(await read).toEqual([['s', [['1-0', ['f', 'v']]]]]);
});

it('connections with the same name are distinguished by purpose', async () => {
  const { own, name } = named();
  const list = key('name');
  const popped = own.blpop(list, 0);
  await untilBlocked(name);
  const node = own.topology.nodeForKey(list)!;
  const clients = String(await client.target(node).client('LIST')).split('\n');
  expect(clients.filter((line) => line.includes(` name=${name} `))).toHaveLength(1);
  expect(clients.filter((line) => line.includes(` name=leased:${name} `))).toHaveLength(1);
  await client.rpush(list, 'x');
  await popped;
  await own.close();
});

it('credentials that are refreshed while a node is frozen fail in time', async () => {
  await using cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0, password: 'x' });
  const own = new ClusterClient({ nodes: cluster.seeds, password: 'x', connectTimeoutMs: 300 });
  await own.connect();
  await cluster.freeze(cluster.nodes[0]);
  await expect(own.refreshCredentials()).rejects.toThrow(ConnectionError);
  await cluster.thaw(cluster.nodes[0]);
  own.disconnect();
});
