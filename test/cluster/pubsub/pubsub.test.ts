import { firstValueFrom, lastValueFrom, Subject, take, takeUntil, toArray, config } from 'rxjs';
import {
  type ChannelName,
  ClientClosedError,
  type ClusterMessage,
  type ClusterPubSub,
  InvalidArgumentError,
  TopologyError,
  type UnreadableMessage,
} from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { collect, commandCalls, pubsubFactory, type PubSubHandle } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const connect = (): PubSubHandle => open({ nodes: cluster.nodes });
const name = (suffix: string): string => `${cluster.keyspace}${suffix}`;

const subscribers = async (pubsub: ClusterPubSub, channel: ChannelName): Promise<number | undefined> =>
  (await pubsub.numsub(channel)).get(channel);

describe('channel', () => {
  it('delivers messages that are published once it is ready', async () => {
    const { pubsub } = connect();
    const first = firstValueFrom(pubsub.channel<{ id: number }>(name('news')));
    await pubsub.ready();
    const before = Date.now();
    await pubsub.publish(name('news'), { id: 7 });
    const message = await first;
    expect(message).toEqual({ channel: name('news'), payload: { id: 7 }, receivedAt: expect.any(Number) });
    expect(message.receivedAt).toBeGreaterThanOrEqual(before);
  });

  it('says what in a message JSON cannot represent', async () => {
    const { pubsub } = connect();
    await expect(pubsub.publish(name('news'), { cents: [5n] })).rejects.toThrow(
      'The json codec needs a value that JSON can represent, got an object with a bigint',
    );
  });

  it('subscribes once for all subscribers, with the first one, and unsubscribes with the last one', async () => {
    const { pubsub } = connect();
    const channel = name('shared');
    const [one, other] = [pubsub.channel<number>(channel), pubsub.channel<number>(channel)];
    expect(await subscribers(pubsub, channel)).toBe(0);
    const seen: number[] = [];
    const subscriptions = [one, one, other].map((messages, i) =>
      messages.subscribe(({ payload }) => seen.push(payload + i)),
    );
    await pubsub.ready();
    expect(await subscribers(pubsub, channel)).toBe(1);
    expect(await pubsub.publish(channel, 10)).toBe(1);
    await eventually(() => expect(seen.toSorted()).toEqual([10, 11, 12]));
    subscriptions[0].unsubscribe();
    subscriptions[1].unsubscribe();
    await pubsub.publish(channel, 20);
    await eventually(() => expect(seen).toEqual(expect.arrayContaining([22])));
    expect(seen).toHaveLength(4);
    subscriptions[2].unsubscribe();
    await eventually(async () => expect(await subscribers(pubsub, channel)).toBe(0));
  });

  it('accepts several names, each once', async () => {
    const { pubsub } = connect();
    const names = [name('a'), name('b'), name('a'), name('c')];
    const messages = lastValueFrom(pubsub.channel(names).pipe(take(3), toArray()));
    await pubsub.ready(names);
    for (const channel of new Set(names)) await pubsub.publish(channel, channel);
    const pairs = (await messages).map(({ channel, payload }) => [channel, payload]);
    expect(pairs.toSorted()).toEqual([...new Set(names)].map((channel) => [channel, channel]));
  });

  it('is ready when a subscriber joins an active channel', async () => {
    const { pubsub } = connect();
    const first = pubsub.channel(name('late')).subscribe();
    await pubsub.ready();
    const second = firstValueFrom(pubsub.channel(name('late')));
    await pubsub.ready();
    await pubsub.publish(name('late'), 'hello');
    expect((await second).payload).toBe('hello');
    first.unsubscribe();
  });

  it('keeps the order of a publisher that awaits each publish', async () => {
    const { pubsub } = connect();
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    const received = lastValueFrom(pubsub.channel<number>(name('order')).pipe(take(500), toArray()));
    await pubsub.ready();
    for (const number of numbers) await pubsub.publish(name('order'), number);
    expect((await received).map(({ payload }) => payload)).toEqual(numbers);
  });

  it('works with firstValueFrom and takeUntil', async () => {
    const { pubsub } = connect();
    const stop = new Subject<void>();
    const seen = collect();
    pubsub.channel(name('until')).pipe(takeUntil(stop)).subscribe(seen.observer);
    await pubsub.ready();
    stop.next();
    expect(seen.completed).toBe(1);
    await eventually(async () => expect(await subscribers(pubsub, name('until'))).toBe(0));
  });

  it('isolates its subscribers: one that throws does not affect the others', async () => {
    const { pubsub } = connect();
    const thrown: unknown[] = [];
    config.onUnhandledError = (error) => thrown.push(error);
    try {
      const seen = collect<ClusterMessage>();
      const messages = pubsub.channel(name('throws'));
      messages.subscribe(() => {
        throw new Error('mine');
      });
      messages.subscribe(seen.observer);
      await pubsub.ready();
      await pubsub.publish(name('throws'), 1);
      await pubsub.publish(name('throws'), 2);
      await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual([1, 2]));
      await eventually(() => expect(thrown).toEqual([new Error('mine'), new Error('mine')]));
    } finally {
      config.onUnhandledError = null;
    }
  });

  it('sends pipelined batches, however many names there are', async () => {
    const { pubsub, engine } = connect();
    await engine.connect();
    const names = Array.from({ length: 10_000 }, (_, i) => name(`many-${i}`));
    const before = await commandCalls(cluster.nodes, 'subscribe');
    const seen = collect<ClusterMessage>();
    const subscription = pubsub.channel(names).subscribe(seen.observer);
    await pubsub.ready();
    expect((await commandCalls(cluster.nodes, 'subscribe')) - before).toBeLessThan(100);
    await Promise.all([0, 4_999, 9_999].map((i) => pubsub.publish(names[i], i)));
    await eventually(() => expect(seen.values).toHaveLength(3));
    subscription.unsubscribe();
    await eventually(async () => expect(await pubsub.channels(`${cluster.keyspace}many-*`)).toEqual([]));
  });
});

describe('unsubscribing during the subscribe round trip', () => {
  it('leaves no subscription behind', async () => {
    const { pubsub, engine } = connect();
    await engine.connect();
    const kept = pubsub.channel(name('kept')).subscribe();
    await pubsub.ready();
    for (let i = 0; i < 20; i++) {
      const subscription = pubsub.channel([name('gone'), name(`gone-${i}`)]).subscribe();
      if (i % 2 === 0) await Promise.resolve();
      subscription.unsubscribe();
    }
    await pubsub.ready();
    await eventually(async () =>
      expect(await pubsub.channels(`${cluster.keyspace}*`)).toEqual([name('kept')]),
    );
    kept.unsubscribe();
  });

  it('and subscribing again delivers every message once', async () => {
    const { pubsub, engine } = connect();
    await engine.connect();
    const channel = name('back');
    for (let i = 0; i < 20; i++) {
      pubsub.channel(channel).subscribe().unsubscribe();
      const first = pubsub.channel(channel).subscribe();
      await new Promise((resolve) => setImmediate(resolve));
      first.unsubscribe();
      const seen = collect<ClusterMessage>();
      const subscription = pubsub.channel(channel).subscribe(seen.observer);
      await pubsub.ready();
      expect(await subscribers(pubsub, channel)).toBe(1);
      await pubsub.publish(channel, i);
      await pubsub.publish(channel, 'end');
      await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual([i, 'end']));
      subscription.unsubscribe();
    }
  });
});

describe('payloads', () => {
  it('are decoded by the codec of each observable', async () => {
    const { pubsub } = connect();
    const channel = name('codecs');
    const roman = { encode: (value: number) => 'I'.repeat(value), decode: (raw: Buffer) => raw.length };
    const json = firstValueFrom(pubsub.channel<number>(channel));
    const text = firstValueFrom(pubsub.channel(channel, { codec: 'text' }));
    const binary = firstValueFrom(pubsub.channel(channel, { codec: 'binary' }));
    const own = firstValueFrom(pubsub.channel(channel, { codec: roman }));
    await pubsub.ready();
    expect(await subscribers(pubsub, channel)).toBe(1);
    await pubsub.publish(channel, '[1]', { codec: 'text' });
    expect((await json).payload).toEqual([1]);
    expect((await text).payload).toBe('[1]');
    expect((await binary).payload).toEqual(Buffer.from('[1]'));
    expect((await own).payload).toBe(3);
    const third = firstValueFrom(pubsub.channel(channel, { codec: 'text' }));
    await pubsub.ready();
    await pubsub.publish(channel, 3, { codec: roman });
    expect((await third).payload).toBe('III');
  });

  it('are decoded by the codec of the client by default', async () => {
    const { pubsub } = open({ nodes: cluster.nodes }, { codec: 'text' });
    const first = firstValueFrom(pubsub.channel<string>(name('default')));
    await pubsub.ready();
    await pubsub.publish(name('default'), 'not json');
    expect((await first).payload).toBe('not json');
  });

  it('keep every byte, in names too', async () => {
    const { pubsub } = connect();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const channel = Buffer.concat([Buffer.from(cluster.keyspace), bytes]);
    const similar = Buffer.concat([channel.subarray(0, -1), Buffer.from([0xfe])]);
    const seen = collect<ClusterMessage<Buffer, Buffer>>();
    const subscription = pubsub.channel([channel, similar], { codec: 'binary' }).subscribe(seen.observer);
    await pubsub.ready([channel]);
    await pubsub.publish(channel, bytes, { codec: 'binary' });
    await eventually(() => expect(seen.values).toHaveLength(1));
    expect(seen.values[0].channel.equals(channel)).toBe(true);
    expect(seen.values[0].payload.equals(bytes)).toBe(true);
    subscription.unsubscribe();
  });

  it('arrive with the channel in the form in which the observable named it', async () => {
    const { pubsub } = connect();
    const text = firstValueFrom(pubsub.channel(name('form')));
    const bytes = firstValueFrom(pubsub.channel(Buffer.from(name('form'))));
    const both = firstValueFrom(
      pubsub.channel<unknown, Buffer | string>([Buffer.from(name('form')), name('form')]),
    );
    await pubsub.ready();
    expect(await subscribers(pubsub, name('form'))).toBe(1);
    await pubsub.publish(name('form'), 1);
    expect((await text).channel).toBe(name('form'));
    expect((await bytes).channel).toEqual(Buffer.from(name('form')));
    expect((await both).channel).toEqual(Buffer.from(name('form')));
  });

  it('can be large, and so can names', async () => {
    const { pubsub } = connect();
    const channel = name('n'.repeat(1024 * 1024));
    const payload = 'p'.repeat(3 * 1024 * 1024);
    const first = firstValueFrom(pubsub.channel(channel, { codec: 'text' }));
    await pubsub.ready();
    await pubsub.publish(channel, payload, { codec: 'text' });
    expect((await first).payload === payload).toBe(true);
  });

  it('that cannot be decoded go to errors$ as bytes, and the stream continues', async () => {
    const { pubsub } = connect();
    const unreadable = collect<UnreadableMessage>();
    const seen = collect<ClusterMessage>();
    pubsub.errors$.subscribe(unreadable.observer);
    const messages = pubsub.channel(name('poison'));
    messages.subscribe(seen.observer);
    messages.subscribe();
    pubsub.channel(name('poison')).subscribe();
    await pubsub.ready();
    await pubsub.publish(name('poison'), '{"half":', { codec: 'text' });
    await pubsub.publish(name('poison'), Buffer.from([0xff]), { codec: 'binary' });
    await pubsub.publish(name('poison'), 'fine');
    await eventually(() => expect(seen.values.map(({ payload }) => payload)).toEqual(['fine']));
    expect(seen.errors).toEqual([]);
    expect(unreadable.values).toEqual([
      {
        channel: name('poison'),
        raw: Buffer.from('{"half":'),
        error: expect.any(SyntaxError),
        receivedAt: expect.any(Number),
      },
      {
        channel: name('poison'),
        raw: Buffer.from([0xff]),
        error: expect.any(TypeError),
        receivedAt: expect.any(Number),
      },
    ]);
  });

  it('that cannot be encoded are not published', async () => {
    const { pubsub } = connect();
    const broken = {
      encode: () => {
        throw new Error('will not');
      },
      decode: () => 0,
    };
    await expect(pubsub.publish(name('x'), 1, { codec: broken })).rejects.toThrow('will not');
    await expect(pubsub.publish(name('x'), undefined)).rejects.toThrow(InvalidArgumentError);
    const wrong = { encode: () => 7 as unknown as string, decode: () => 0 };
    await expect(pubsub.publish(name('x'), 1, { codec: wrong })).rejects.toThrow(InvalidArgumentError);
  });
});

describe('invalid names', () => {
  it.each([[''], [[]], [['a', '']], [Buffer.alloc(0)], [undefined], [7], [[null]], [{}]])(
    '%p is rejected at once',
    async (names) => {
      const { pubsub } = connect();
      expect(() => pubsub.channel(names as string)).toThrow(InvalidArgumentError);
      await expect(pubsub.ready(names === undefined ? '' : (names as string))).rejects.toThrow(
        InvalidArgumentError,
      );
      if (Array.isArray(names)) return;
      await expect(pubsub.publish(names as string, 1)).rejects.toThrow(InvalidArgumentError);
    },
  );

  it('an unknown codec is rejected at once', () => {
    const { pubsub } = connect();
    expect(() => pubsub.channel('a', { codec: 'xml' as 'json' })).toThrow(InvalidArgumentError);
    expect(() => pubsub.channel('a', { gaps: 1 as unknown as true })).toThrow(
      '"gaps" must be true or false, got 1',
    );
  });
});

describe('ready', () => {
  it('resolves if there are no subscriptions', async () => {
    const { pubsub } = connect();
    await expect(pubsub.ready()).resolves.toBeUndefined();
  });

  it('rejects a name without subscribers', async () => {
    const { pubsub } = connect();
    const subscription = pubsub.channel(name('known')).subscribe();
    await expect(pubsub.ready([name('known'), name('unknown')])).rejects.toThrow(/unknown/);
    await pubsub.ready(name('known'));
    subscription.unsubscribe();
  });

  it('resolves when the subscription that it waits for is no longer wanted', async () => {
    const { pubsub } = connect();
    const subscription = pubsub.channel(name('brief')).subscribe();
    const ready = pubsub.ready();
    subscription.unsubscribe();
    await expect(ready).resolves.toBeUndefined();
  });
});

describe('close', () => {
  it('completes all observables and closes every connection', async () => {
    const { pubsub, engine } = connect();
    const before = (await pubsub.channels(`${cluster.keyspace}*`)).length;
    const seen = collect();
    const errors = collect();
    const gaps = collect();
    pubsub.channel([name('one'), name('two'), name('three')]).subscribe(seen.observer);
    pubsub.errors$.subscribe(errors.observer);
    pubsub.gaps$.subscribe(gaps.observer);
    await pubsub.ready();
    await pubsub.close();
    expect([seen, errors, gaps].map(({ completed }) => completed)).toEqual([1, 1, 1]);
    expect(seen.errors).toEqual([]);
    await eventually(async () =>
      expect(
        await engine.run('pubsub', ['channels', `${cluster.keyspace}*`], engine.options, { buffers: false }),
      ).toHaveLength(before),
    );
    await pubsub.close();
  });

  it('rejects later subscriptions', async () => {
    const { pubsub } = connect();
    const late = pubsub.channel(name('late'));
    await pubsub.close();
    await expect(firstValueFrom(late)).rejects.toThrow(ClientClosedError);
    await expect(pubsub.publish(name('late'), 1)).rejects.toThrow(ClientClosedError);
    await expect(pubsub.ready()).rejects.toThrow(ClientClosedError);
  });

  it('completes pending subscriptions, and ready() rejects', async () => {
    const { pubsub } = connect();
    const seen = collect();
    pubsub.channel(name('closing')).subscribe(seen.observer);
    const ready = pubsub.ready();
    const closed = pubsub.close();
    await expect(ready).rejects.toThrow(ClientClosedError);
    await closed;
    expect(seen.completed).toBe(1);
  });

  it('happens when the client is closed', async () => {
    const { pubsub, engine } = connect();
    const seen = collect();
    pubsub.channel(name('client')).subscribe(seen.observer);
    await pubsub.ready();
    await engine.close(0);
    expect(seen.completed).toBe(1);
  });
});

describe('a cluster that cannot be reached', () => {
  it('is an error of the observable, and of ready()', async () => {
    const { pubsub } = open({ nodes: ['127.0.0.1:1'], startupTimeoutMs: 100 });
    const first = firstValueFrom(pubsub.channel('a'));
    const ready = pubsub.ready();
    await expect(first).rejects.toThrow(TopologyError);
    await expect(ready).rejects.toThrow(TopologyError);
  });
});
