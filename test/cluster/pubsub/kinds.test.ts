import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { type ClusterMessage, InvalidArgumentError, keySlot } from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { collect, commandCalls, pubsubFactory, type PubSubHandle } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const connect = (): PubSubHandle => open({ nodes: cluster.nodes });
const name = (suffix: string): string => `${cluster.keyspace}${suffix}`;

/** Names with slots all over the cluster. */
const spread = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => name(`${prefix}${i}`));

describe('pattern', () => {
  it('receives messages of any channel it matches, wherever they are published', async () => {
    const { pubsub } = connect();
    const channels = spread('p.', 30);
    const messages = lastValueFrom(pubsub.pattern<number>(name('p.*')).pipe(take(30), toArray()));
    await pubsub.ready();
    await Promise.all(channels.map((channel, i) => pubsub.publish(channel, i)));
    await pubsub.publish(name('other'), 0);
    const seen = (await messages).toSorted((a, b) => a.payload - b.payload);
    expect(seen).toEqual(
      channels.map((channel, i) => ({
        channel,
        pattern: name('p.*'),
        payload: i,
        receivedAt: expect.any(Number),
      })),
    );
  });

  it('is independent of subscriptions to channels and other patterns', async () => {
    const { pubsub } = connect();
    const seen = collect<ClusterMessage>();
    const subscription = pubsub.pattern([name('own.*'), name('own.?')]).subscribe(seen.observer);
    subscription.add(pubsub.channel(name('own.1')).subscribe(seen.observer));
    await pubsub.ready();
    await pubsub.publish(name('own.1'), 'x');
    await eventually(() => expect(seen.values).toHaveLength(3));
    expect(seen.values.map(({ pattern }) => pattern).toSorted()).toEqual([
      name('own.*'),
      name('own.?'),
      undefined,
    ]);
    subscription.unsubscribe();
  });

  it('is created once and ends with the last subscriber', async () => {
    const { pubsub } = connect();
    const before = await pubsub.numpat();
    const messages = pubsub.pattern(name('n.*'));
    const one = messages.subscribe();
    const other = messages.subscribe();
    await pubsub.ready();
    expect(await pubsub.numpat()).toBe(before + 1);
    one.unsubscribe();
    other.unsubscribe();
    await eventually(async () => expect(await pubsub.numpat()).toBe(before));
  });

  it('in bytes returns channels in bytes', async () => {
    const { pubsub } = connect();
    const channel = Buffer.concat([Buffer.from(name('bytes.')), Buffer.from([0xff, 0x00, 0xc3])]);
    const first = firstValueFrom(pubsub.pattern(Buffer.from(name('bytes.*')), { codec: 'binary' }));
    await pubsub.ready();
    await pubsub.publish(channel, channel, { codec: 'binary' });
    const message = await first;
    expect(message.channel).toEqual(channel);
    expect(message.pattern).toEqual(Buffer.from(name('bytes.*')));
    expect(message.payload).toEqual(channel);
  });

  it('matches names with letters outside ASCII', async () => {
    const { pubsub } = connect();
    const first = firstValueFrom(pubsub.pattern(name('grüße.🎉*')));
    await pubsub.ready();
    await pubsub.publish(name('grüße.🎉!'), 1);
    expect((await first).channel).toBe(name('grüße.🎉!'));
  });

  it('matches names in ASCII, in other letters and in bytes that are given together', async () => {
    const { pubsub } = connect();
    const bytes = Buffer.concat([Buffer.from(name('mixed.')), Buffer.from([0xff, 0xe9])]);
    const names = [name('mixed.plain'), bytes, name('mixed.grüße🎉'), Buffer.from(name('mixed.é'))];
    const given = [...names];
    given[1] = Buffer.from(bytes);
    const messages = lastValueFrom(pubsub.pattern<number, string | Buffer>(given).pipe(take(4), toArray()));
    // a caller may use its Buffer for something else
    given[1].fill('x');
    await pubsub.ready();
    for (const [i, one] of names.entries()) await pubsub.publish(one, i);
    expect((await messages).map(({ pattern, payload }) => [pattern, payload])).toEqual(
      names.map((one, i) => [one, i]),
    );
  });

  it.each([[''], [[]], [Buffer.alloc(0)]])('%p is rejected at once', (pattern) => {
    const { pubsub } = connect();
    expect(() => pubsub.pattern(pattern as string)).toThrow(InvalidArgumentError);
  });

  it('reports channel and pattern for payloads that cannot be decoded', async () => {
    const { pubsub } = connect();
    const unreadable = firstValueFrom(pubsub.errors$);
    const subscription = pubsub.pattern(name('bad.*')).subscribe();
    await pubsub.ready();
    await pubsub.publish(name('bad.1'), '{', { codec: 'text' });
    expect(await unreadable).toMatchObject({
      channel: name('bad.1'),
      pattern: name('bad.*'),
      raw: Buffer.from('{'),
    });
    subscription.unsubscribe();
  });
});

describe('sharded', () => {
  it('delivers what is published to it, in every shard', async () => {
    const { pubsub, engine } = connect();
    const channels = spread('room:', 30);
    const messages = lastValueFrom(pubsub.sharded<number>(channels).pipe(take(30), toArray()));
    await pubsub.ready();
    const shards = new Set(channels.map((channel) => engine.topology.nodeForKey(channel)?.name));
    expect(shards.size).toBe(3);
    const counts = await Promise.all(channels.map((channel, i) => pubsub.publishSharded(channel, i)));
    expect(new Set(counts)).toEqual(new Set([1]));
    const seen = (await messages).toSorted((a, b) => a.payload - b.payload);
    expect(seen.map(({ channel, payload }) => [channel, payload])).toEqual(
      channels.map((channel, i) => [channel, i]),
    );
  });

  it('is separate from classic channels', async () => {
    const { pubsub } = connect();
    const seen = collect<ClusterMessage>();
    const subscription = pubsub.sharded(name('both')).subscribe(seen.observer);
    subscription.add(pubsub.channel(name('both')).subscribe(seen.observer));
    await pubsub.ready(name('both'));
    await pubsub.publish(name('both'), 'classic');
    await pubsub.publishSharded(name('both'), 'sharded');
    await eventually(() => expect(seen.values).toHaveLength(2));
    expect(seen.values.map(({ payload }) => payload).toSorted()).toEqual(['classic', 'sharded']);
    subscription.unsubscribe();
  });

  it('is created once and ends with the last subscriber', async () => {
    const { pubsub } = connect();
    const channel = name('shard-once');
    const subscriptions = [pubsub.sharded(channel), pubsub.sharded(channel)].map((messages) =>
      messages.subscribe(),
    );
    await pubsub.ready();
    expect(await pubsub.shardNumsub(channel)).toEqual(new Map([[channel, 1]]));
    expect(await pubsub.shardChannels(channel)).toEqual([channel]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    await eventually(async () => expect(await pubsub.shardChannels(channel)).toEqual([]));
  });

  it('keeps the order of a publisher that awaits each publish', async () => {
    const { pubsub } = connect();
    const numbers = Array.from({ length: 300 }, (_, i) => i);
    const received = lastValueFrom(pubsub.sharded<number>(name('order')).pipe(take(300), toArray()));
    await pubsub.ready();
    for (const number of numbers) await pubsub.publishSharded(name('order'), number);
    expect((await received).map(({ payload }) => payload)).toEqual(numbers);
  });

  it('carries bytes in names and payloads', async () => {
    const { pubsub } = connect();
    const channel = Buffer.concat([Buffer.from(cluster.keyspace), Buffer.from([0xff, 0x00, 0x7b])]);
    const first = firstValueFrom(pubsub.sharded(channel, { codec: 'binary' }));
    await pubsub.ready();
    await pubsub.publishSharded(channel, Buffer.from([0x80]), { codec: 'binary' });
    expect(await first).toMatchObject({ channel, payload: Buffer.from([0x80]) });
  });

  it('sends one command per slot, however many channels the slot has', async () => {
    const { pubsub, engine } = connect();
    await engine.connect();
    const channels = [...spread('{one}:', 2_000), ...spread('{two}:', 2_000)].map((channel) => channel);
    expect(new Set(channels.map(keySlot)).size).toBe(2);
    const before = await commandCalls(cluster.nodes, 'ssubscribe');
    const subscription = pubsub.sharded(channels).subscribe();
    await pubsub.ready();
    expect((await commandCalls(cluster.nodes, 'ssubscribe')) - before).toBeLessThan(20);
    subscription.unsubscribe();
    await eventually(async () => expect(await pubsub.shardChannels(name('{*'))).toEqual([]));
  });

  it('leaves no subscription behind if it is ended during the round trip', async () => {
    const { pubsub, engine } = connect();
    await engine.connect();
    const kept = pubsub.sharded(name('kept')).subscribe();
    await pubsub.ready();
    for (let i = 0; i < 10; i++) {
      const subscription = pubsub.sharded([name('gone'), name(`gone-${i}`)]).subscribe();
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      subscription.unsubscribe();
    }
    await eventually(async () =>
      expect(await pubsub.shardChannels(`${cluster.keyspace}*`)).toEqual([name('kept')]),
    );
    kept.unsubscribe();
  });
});

describe('introspection', () => {
  it('merges the replies of all nodes', async () => {
    const { pubsub } = connect();
    const channels = spread('seen:', 20);
    const one = pubsub.channel(channels).subscribe();
    const { pubsub: other } = connect();
    const another = other.channel(channels.slice(0, 5)).subscribe();
    await Promise.all([pubsub.ready(), other.ready()]);
    expect((await pubsub.channels(name('seen:*'))).toSorted()).toEqual(channels.toSorted());
    expect(await pubsub.channels()).toEqual(expect.arrayContaining(channels));
    const expected = [
      ...channels.map((channel, i) => [channel, i < 5 ? 2 : 1] as const),
      [name('no'), 0] as const,
    ];
    expect(await pubsub.numsub([...channels, name('no')])).toEqual(new Map(expected));
    const bytes = Buffer.from(channels[0]);
    expect([...(await pubsub.numsub(bytes))]).toEqual([[bytes, 2]]);
    one.unsubscribe();
    another.unsubscribe();
  });
});
