import { lastValueFrom, take, toArray } from 'rxjs';
import { InvalidArgumentError } from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { pubsubFactory } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const name = (suffix: string | number): string => `${cluster.keyspace}${suffix}`;

describe('publishMany', () => {
  it.each(['channel', 'sharded'] as const)(
    'reaches every %s, and returns a count for each message',
    async (kind) => {
      const { pubsub } = open({ nodes: cluster.nodes });
      const channels = Array.from({ length: 200 }, (_, i) => name(`${kind}-${i}`));
      const messages = lastValueFrom(pubsub[kind]<number>(channels).pipe(take(400), toArray()));
      await pubsub.ready();
      const publications = channels.flatMap((channel, i) => [
        { channel, value: i },
        { channel, value: i + 0.5 },
      ]);
      const nobody = { channel: name(`${kind}-nobody`), value: 0 };
      const results = await pubsub[kind === 'channel' ? 'publishMany' : 'publishManySharded']([
        ...publications,
        nobody,
      ]);
      expect(results.slice(0, -1)).toEqual(publications.map(() => ({ ok: true, receivers: 1 })));
      expect(results.at(-1)).toEqual({ ok: true, receivers: 0 });
      const received = new Map<string, number[]>();
      for (const { channel, payload } of await messages) {
        received.set(channel, [...(received.get(channel) ?? []), payload]);
      }
      expect(received).toEqual(new Map(channels.map((channel, i) => [channel, [i, i + 0.5]])));
    },
  );

  it('accepts an empty list, and values of other codecs', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    expect(await pubsub.publishMany([])).toEqual([]);
    const bytes = [{ channel: Buffer.from([0xff]), value: Buffer.from([0, 0xff]) }];
    expect(await pubsub.publishMany(bytes, { codec: 'binary' })).toEqual([{ ok: true, receivers: 0 }]);
  });

  it('sends nothing if one message is invalid', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const seen: unknown[] = [];
    pubsub.channel(name('all-or-nothing')).subscribe(({ payload }) => seen.push(payload));
    await pubsub.ready();
    const good = { channel: name('all-or-nothing'), value: 1 };
    for (const bad of [{ channel: '', value: 1 }, { channel: 'x', value: undefined }, null, 'x', {}]) {
      await expect(pubsub.publishMany([good, bad as never])).rejects.toBeInstanceOf(InvalidArgumentError);
    }
    await expect(pubsub.publishMany(good as never)).rejects.toBeInstanceOf(InvalidArgumentError);
    await pubsub.publish(name('all-or-nothing'), 2);
    await eventually(() => expect(seen).toEqual([2]));
  });

  it('reports the result of each message', async () => {
    const { pubsub, engine } = open({ nodes: cluster.nodes });
    await engine.connect();
    const publishing = pubsub.publishMany([
      { channel: name('a'), value: 1 },
      { channel: name('b'), value: 2 },
    ]);
    await engine.close(0);
    for (const result of await publishing)
      expect(result).toMatchObject({ ok: false, error: expect.any(Error) });
  });
});
