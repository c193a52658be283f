import { ClusterClient, InvalidArgumentError } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const clients: ClusterClient[] = [];
const clientOf = (): ClusterClient => {
  const client = new ClusterClient({ nodes });
  clients.push(client);
  return client;
};
const name = (text: string): string => `${keyspace}${text}`;

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

it('emits messages as events, as text and as bytes, and still accepts commands', async () => {
  const client = clientOf();
  const heard: unknown[] = [];
  for (const event of [
    'message',
    'messageBuffer',
    'pmessage',
    'pmessageBuffer',
    'smessage',
    'smessageBuffer',
  ])
    client.on(event, (...args: unknown[]) => heard.push([event, ...args]));
  expect(await client.subscribe(name('a'), name('b'))).toBe(2);
  expect(await client.subscribe([name('b')])).toBe(2);
  expect(await client.psubscribe(name('p.*'))).toBe(3);
  expect(await client.ssubscribe(name('s'), name('t'))).toBe(2);

  await client.publish(name('a'), 'to a');
  await client.publish(name('p.x'), 'to p');
  await client.spublish(name('t'), Buffer.from([0, 255]));
  await eventually(() => heard.length === 6);
  expect(heard).toEqual(
    expect.arrayContaining([
      ['message', name('a'), 'to a'],
      ['messageBuffer', Buffer.from(name('a')), Buffer.from('to a')],
      ['pmessage', name('p.*'), name('p.x'), 'to p'],
      ['pmessageBuffer', name('p.*'), Buffer.from(name('p.x')), Buffer.from('to p')],
      ['smessage', name('t'), Buffer.from([0, 255]).toString()],
      ['smessageBuffer', Buffer.from(name('t')), Buffer.from([0, 255])],
    ]),
  );

  expect(await client.unsubscribe(name('a'))).toBe(2);
  expect(await client.unsubscribe()).toBe(1);
  expect(await client.punsubscribe(name('p.*'))).toBe(0);
  expect(await client.sunsubscribe()).toBe(0);
  await eventually(async () => {
    expect([...(await client.pubsub.numsub([name('a'), name('b')])).values()]).toEqual([0, 0]);
  });
});

it('accepts callbacks, and rejects invalid names', async () => {
  const client = clientOf();
  const told = await new Promise((resolve) => {
    void client.subscribe(name('c'), (error, count) => resolve([error, count]));
  });
  expect(told).toEqual([null, 1]);
  await expect(client.subscribe()).rejects.toThrow(InvalidArgumentError);
  await expect(client.psubscribe('')).rejects.toThrow(InvalidArgumentError);
  await expect(client.unsubscribe(5 as unknown as string)).rejects.toThrow(InvalidArgumentError);
});

it('passes the failure of a call with a callback only to the callback', async () => {
  const client = clientOf();
  const unhandled: unknown[] = [];
  const note = (reason: unknown): unknown => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    const failure = await new Promise((resolve) => void client.psubscribe('', resolve as never));
    expect(failure).toBeInstanceOf(InvalidArgumentError);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});

it('calls the callback of quit()', async () => {
  const client = clientOf();
  await client.connect();
  const told = await new Promise((resolve) => {
    void client.quit((error, reply) => resolve([error, reply, client.status]));
  });
  expect(told).toEqual([null, 'OK', 'end']);
});

describe.each(['quit', 'disconnect'] as const)('after %s()', (end) => {
  it('a client that is told to connect starts over, and keeps its defined commands', async () => {
    const client = clientOf();
    client.defineCommand('twice', { numberOfKeys: 0, lua: 'return ARGV[1] * 2' });
    await client.subscribe(name('before'));
    const blocked = client.blpop(name('list'), 0).catch((error: Error) => error.message);
    await client[end]();
    expect(await blocked).toBe('Connection is closed.');
    expect(client.status).toBe('end');
    await expect(client.get(name('k'))).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });

    const states: string[] = [];
    for (const event of ['connecting', 'ready']) client.on(event, () => states.push(event));
    await Promise.all([client.connect(), client.connect()]);
    expect(states).toEqual(['connecting', 'ready']);
    expect(await (client as unknown as { twice(n: number): Promise<number> }).twice(21)).toBe(42);

    const heard: unknown[] = [];
    client.on('message', (channel, message) => heard.push([channel, message]));
    expect(await client.subscribe(name('after'))).toBe(1);
    await client.publish(name('after'), 'hello');
    await eventually(() => expect(heard).toEqual([[name('after'), 'hello']]));
  });
});

it('stays closed after close()', async () => {
  const client = clientOf();
  await client.connect();
  client.disconnect();
  await client.close();
  await expect(client.connect()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
});

it('shows options under the names of ioredis, without credentials', () => {
  const client = new ClusterClient({ nodes, password: 'secret-word', clientName: 'shop', keyPrefix: 'p:' });
  clients.push(client);
  expect(client.options).toEqual({
    keyPrefix: 'p:',
    lazyConnect: false,
    redisOptions: { connectionName: 'shop', db: 0, maxRetriesPerRequest: null },
  });
  client.status = 'end';
  expect(client.status).toBe('wait');
});
