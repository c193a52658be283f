import { LocalCluster } from 'keyslot/testing';
import { type ClusterMessage, keySlot, type SubscriptionGap } from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { FakeNode, Relays, SILENCE } from '../../fake-node.js';
import { collect, NumberPublisher, pubsubFactory, subscribersOf } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const name = (suffix: string): string => `${cluster.keyspace}${suffix}`;
const bytes = (suffix: string, ...more: number[]): Buffer =>
  Buffer.concat([Buffer.from(name(suffix)), Buffer.from(more)]);

/** Servers that know no HELLO, and so no RESP3. */
let old: LocalCluster;

beforeAll(async () => {
  old = await LocalCluster.start({
    primaries: 2,
    replicasPerPrimary: 0,
    users: { first: 'on >first ~* &* +@all', second: 'on >second ~* &* +@all' },
    config: { 'rename-command': 'HELLO ""' },
  });
});
afterAll(() => old?.stop());

const SERVERS = { 2: () => old.seeds, 3: () => cluster.nodes };

describe.each([2, 3] as const)('over RESP%i', (protocol) => {
  const connect = () => open({ nodes: SERVERS[protocol]() }, { heartbeatMs: 50 });

  it('names, patterns and payloads keep their exact bytes', async () => {
    const { pubsub } = connect();
    const channel = bytes('raw.', 0xff, 0x00, 0x0d, 0x0a, 0xc3);
    const pattern = bytes('raw.', 0xff, 0x2a);
    const seen = collect<ClusterMessage<Buffer, Buffer>>();
    const options = { codec: 'binary' } as const;
    pubsub.channel(channel, options).subscribe(seen.observer);
    pubsub.pattern(pattern, options).subscribe(seen.observer);
    pubsub.sharded(channel, options).subscribe(seen.observer);
    await pubsub.ready();
    await pubsub.publish(channel, channel, options);
    await pubsub.publishSharded(channel, Buffer.alloc(0), options);
    await pubsub.publish(bytes('raw.', 0xfe, 0x41), channel, options);
    await eventually(() => expect(seen.values).toHaveLength(3));
    expect(seen.values).toEqual(
      expect.arrayContaining([
        { channel, payload: channel, receivedAt: expect.any(Number) },
        { channel, pattern, payload: channel, receivedAt: expect.any(Number) },
        { channel, payload: Buffer.alloc(0), receivedAt: expect.any(Number) },
      ]),
    );
  });

  it('names and payloads can be a megabyte long', async () => {
    // these take a busy server longer than the heartbeat of the other tests, after which there would be a gap
    const { pubsub } = open({ nodes: SERVERS[protocol]() }, { heartbeatMs: 30_000 });
    const channel = name('x'.repeat(1024 * 1024));
    const payload = '🎉'.repeat(256 * 1024);
    const seen = collect<ClusterMessage<string>>();
    const subscription = pubsub.channel<string>([channel, name('small')]).subscribe(seen.observer);
    subscription.add(pubsub.pattern<string>(`${channel}*`).subscribe(seen.observer));
    await pubsub.ready();
    await pubsub.publish(channel, payload);
    await eventually(() => expect(seen.values).toHaveLength(2));
    for (const message of seen.values)
      expect(message.channel === channel && message.payload === payload).toBe(true);
    subscription.unsubscribe();
    await eventually(async () => expect(await pubsub.channels(name('small'))).toEqual([]));
  });

  it('heartbeats pass between messages, and are not mistaken for a loss', async () => {
    const { pubsub } = connect();
    const gaps = collect();
    const seen = collect<ClusterMessage<number>>();
    pubsub.gaps$.subscribe(gaps.observer);
    pubsub.channel<number>(name('beats')).subscribe(seen.observer);
    pubsub.sharded<number>(name('beats')).subscribe(seen.observer);
    await pubsub.ready();
    const until = Date.now() + 300;
    let sent = 0;
    while (Date.now() < until) {
      await pubsub.publish(name('beats'), sent);
      await pubsub.publishSharded(name('beats'), sent++);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await eventually(() => expect(seen.values).toHaveLength(2 * sent));
    expect(gaps.values).toEqual([]);
  });
});

it('renewed credentials replace a connection that accepts no AUTH, and a gap is reported', async () => {
  let current = { username: 'first', password: 'first' };
  const { pubsub, engine } = open(
    { nodes: old.seeds, credentialsProvider: () => current },
    { heartbeatMs: 50 },
  );
  const gaps = collect<SubscriptionGap>();
  const seen = collect<ClusterMessage<number>>();
  pubsub.gaps$.subscribe(gaps.observer);
  pubsub.channel<number>('numbered').subscribe(seen.observer);
  await pubsub.ready();
  const publisher = new NumberPublisher((number) => pubsub.publish('numbered', number));
  await eventually(() => seen.values.length > 10);
  // nothing new: the connection stays
  await engine.refreshCredentials();
  await engine.refreshCredentials();
  expect(await subscribersOf(old)).toEqual(['first']);
  expect(gaps.values).toEqual([]);
  current = { username: 'second', password: 'second' };
  await engine.refreshCredentials();
  await eventually(() => expect(gaps.values).toHaveLength(1));
  expect(gaps.values[0]).toMatchObject({ reason: 'credentialsRenewed', names: ['numbered'] });
  await eventually(async () => expect(await subscribersOf(old)).toEqual(['second']));
  const asOf = seen.values.length;
  await eventually(() => seen.values.length > asOf + 10);
  await publisher.stop();
  const last = publisher.published.findLast(({ acknowledged }) => acknowledged)!.number;
  await eventually(() => seen.values.at(-1)!.payload === last);
  const numbers = seen.values.map(({ payload }) => payload);
  expect(publisher.account(numbers, gaps.values)).toEqual({ doubled: [], lost: [] });
});

it('many commands are sent in few writes', async () => {
  const relays = await Relays.start(cluster.nodes);
  try {
    const { pubsub, engine } = open(relays.options);
    await engine.connect();
    const kept = pubsub.sharded(name('kept')).subscribe();
    await pubsub.ready();
    relays.forget();
    const channels = Array.from({ length: 600 }, (_, i) => name(`slot-${i}`));
    kept.add(pubsub.sharded(channels).subscribe());
    await pubsub.ready();
    const commands = relays.seen('ssubscribe').length;
    expect(commands).toBe(new Set(channels.map(keySlot)).size);
    const writes = relays.all
      .flatMap(({ chunks }) => chunks)
      .filter((chunk) => chunk.some(([word]) => word === 'ssubscribe'));
    expect(writes.length).toBeLessThan(commands / 10);
    kept.unsubscribe();
  } finally {
    await relays.stop();
  }
});

it('close does not wait for a node that accepts connections but never answers', async () => {
  const node = await FakeNode.start();
  try {
    const { pubsub, engine } = open({ nodes: [node] });
    await engine.connect();
    node.become(([word]) => (word === 'HELLO' ? SILENCE : undefined));
    const seen = collect();
    const before = node.asked('hello').length;
    pubsub.channel('silent').subscribe(seen.observer);
    const ready = pubsub.ready().catch((error: unknown) => error);
    await eventually(() => expect(node.asked('hello').length).toBeGreaterThan(before));
    await pubsub.close();
    expect(seen.completed).toBe(1);
    expect(await ready).toMatchObject({ code: 'CLIENT_CLOSED' });
  } finally {
    await node.stop();
  }
});
