import { inspect } from 'node:util';
import { firstValueFrom, lastValueFrom, map, take, toArray } from 'rxjs';
import { InvalidPayloadError, type MessageCodec, type UnreadableMessage } from 'keyslot';
import { z } from 'zod';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { collect, pubsubFactory } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const name = (suffix: string): string => `${cluster.keyspace}${suffix}`;

const Order = z.object({
  id: z.number(),
  at: z.coerce.date(),
  lines: z.array(z.object({ sku: z.string() })),
});

describe('a schema as codec', () => {
  it('delivers the payload as the schema transforms it, with its type', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const orders = pubsub.channel(name('orders'), { codec: Order });
    const years = firstValueFrom(orders.pipe(map(({ payload }) => payload.at.getUTCFullYear())));
    await pubsub.ready();
    await pubsub.publish(name('orders'), { id: 1, at: '2026-11-21', lines: [] });
    expect(await years).toBe(2026);
  });

  it('sends invalid payloads to errors$ as bytes, without their content in the error', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const unreadable = collect<UnreadableMessage>();
    pubsub.errors$.subscribe(unreadable.observer);
    const orders = collect<{ payload: { id: number } }>();
    pubsub.channel(name('bad'), { codec: Order }).subscribe(orders.observer);
    await pubsub.ready();
    await pubsub.publish(name('bad'), { id: 'hush-hush', at: '2026-11-21', lines: [{ sku: 7 }] });
    await pubsub.publish(name('bad'), 'not JSON', { codec: 'text' });
    await pubsub.publish(name('bad'), { id: 2, at: '2026-11-21', lines: [] });
    await eventually(() => expect(orders.values.map(({ payload }) => payload.id)).toEqual([2]));
    const [unfit, noJson] = unreadable.values;
    expect(unfit.error).toBeInstanceOf(InvalidPayloadError);
    expect(unfit.error).toMatchObject({ code: 'INVALID_PAYLOAD', paths: ['id', 'lines.0.sku'] });
    expect(inspect(unfit.error)).not.toContain('hush');
    expect(unfit.raw.toString()).toContain('hush-hush');
    expect(noJson.error).toBeInstanceOf(SyntaxError);
  });

  it('keeps the order of messages, even if validation takes time', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const Slow = z.number().refine(async (n) => {
      for (let turns = (n * 7) % 5; turns > 0; turns--) await new Promise(setImmediate);
      return n !== 13;
    });
    const seen = lastValueFrom(
      pubsub.channel(name('slow'), { codec: Slow }).pipe(
        take(49),
        map(({ payload }) => payload),
        toArray(),
      ),
    );
    await pubsub.ready();
    const values = Array.from({ length: 50 }, (_, i) => i);
    await pubsub.publishMany(values.map((value) => ({ channel: name('slow'), value })));
    expect(await seen).toEqual(values.filter((n) => n !== 13));
  });

  it('awaits non-native promises too, and keeps the order', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const codec: MessageCodec<number> = {
      encode: (value) => ({ then: (resolve) => Promise.resolve(String(value)).then(resolve) }),
      decode: (payload) => ({
        then: (resolve, reject) =>
          new Promise<number>((done, fail) =>
            payload.toString() === '3' ? fail(new Error('no three')) : done(Number(payload)),
          ).then(resolve, reject),
      }),
    };
    const seen = lastValueFrom(
      pubsub.channel(name('thenable'), { codec }).pipe(
        take(4),
        map(({ payload }) => payload),
        toArray(),
      ),
    );
    const unreadable = firstValueFrom(pubsub.errors$);
    await pubsub.ready();
    const values = [1, 2, 3, 4, 5];
    await pubsub.publishMany(
      values.map((value) => ({ channel: name('thenable'), value })),
      { codec },
    );
    expect(await seen).toEqual([1, 2, 4, 5]);
    expect((await unreadable).raw.toString()).toBe('3');
  });

  it('reports a decoded value that throws when it is looked at, and keeps the connection', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const revoked = (): object => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    };
    const codec = {
      encode: String,
      decode: (payload: Buffer): unknown => (String(payload) === '2' ? revoked() : Number(payload)),
    };
    const seen: unknown[] = [];
    const gaps: unknown[] = [];
    pubsub.gaps$.subscribe((gap) => gaps.push(gap));
    pubsub.channel(name('revoked'), { codec }).subscribe(({ payload }) => seen.push(payload));
    const unreadable = firstValueFrom(pubsub.errors$);
    await pubsub.ready();
    await pubsub.publishMany(
      [1, 2, 3].map((value) => ({ channel: name('revoked'), value })),
      { codec },
    );
    expect((await unreadable).raw.toString()).toBe('2');
    await eventually(() => expect(seen).toEqual([1, 3]));
    expect(gaps).toEqual([]);
  });

  it('has as long to encode a value as a call may take', async () => {
    const { pubsub } = open({ nodes: cluster.nodes, deadlineMs: 500 });
    const codec: MessageCodec<number> = { encode: () => new Promise(() => {}), decode: Number };
    const late = { code: 'DEADLINE_EXCEEDED', applied: false };
    await expect(pubsub.publish(name('never'), 1, { codec })).rejects.toMatchObject(late);
    await expect(pubsub.publishMany([{ channel: name('never'), value: 1 }], { codec })).rejects.toMatchObject(
      late,
    );
  });

  it('does not publish invalid values', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const Even = z.number().refine(async (n) => n % 2 === 0);
    const wrong = { id: 'x', at: new Date(), lines: [] } as unknown as z.infer<typeof Order>;
    await expect(pubsub.publish(name('out'), wrong, { codec: Order })).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      paths: ['id'],
    });
    await expect(pubsub.publish(name('out'), 1, { codec: Even })).rejects.toBeInstanceOf(InvalidPayloadError);
    await expect(pubsub.publish(name('out'), 2, { codec: Even })).resolves.toBe(0);
  });
});
