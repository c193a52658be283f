import { concatMap, from, NEVER, of, Subject, throwError, toArray, lastValueFrom, take } from 'rxjs';
import { BufferOverflowError, buffered, InvalidArgumentError, mapBuffered } from 'keyslot';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { collect, pubsubFactory } from './fixture.js';

const cluster = sharedCluster();
const open = pubsubFactory();
const name = (suffix: string): string => `${cluster.keyspace}${suffix}`;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A promise that is settled by hand. */
function gate(): { opened: Promise<void>; release: () => void } {
  let release!: () => void;
  const opened = new Promise<void>((resolve) => (release = resolve));
  return { opened, release };
}

describe('a consumer that is slower than the publisher', () => {
  it('buffers as many messages as it allows, without delaying other consumers', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const channel = name('flood');
    const slow = buffered(pubsub.channel<number>(channel), { size: 100, whenFull: 'dropOldest' }).open();
    const quick = collect<{ payload: number }>();
    pubsub.channel<number>(channel).subscribe(quick.observer);
    await pubsub.ready();
    const first = slow.next();
    for (let i = 0; i < 20_000; i += 1_000) {
      await pubsub.publishMany(numbers(1_000).map((n) => ({ channel, value: i + n })));
    }
    await eventually(() => expect(quick.values).toHaveLength(20_000));
    expect(quick.values.map(({ payload }) => payload)).toEqual(numbers(20_000));
    expect((await first).value?.payload).toBe(0);
    expect(slow.waiting).toBe(100);
    expect(slow.dropped).toBe(20_000 - 1 - 100);
    // what is left are the latest
    const rest: number[] = [];
    for await (const { payload } of slow) {
      rest.push(payload);
      if (payload === 19_999) break;
    }
    expect(rest).toEqual(numbers(20_000).slice(-100));
  });

  it('keeps the oldest messages if the newest are dropped', async () => {
    const source = new Subject<number>();
    const messages = buffered(source, { size: 3, whenFull: 'dropNewest' }).open();
    for (const n of numbers(10)) source.next(n);
    source.complete();
    const seen: number[] = [];
    for await (const n of messages) seen.push(n);
    expect(seen).toEqual([0, 1, 2]);
    expect(messages.dropped).toBe(7);
  });

  it('receives the buffered messages and then an error, if it asked for one', async () => {
    const source = new Subject<number>();
    const messages = buffered(source, { size: 2, whenFull: 'error' }).open();
    for (const n of numbers(5)) source.next(n);
    expect(source.observed).toBe(false);
    const seen: number[] = [];
    const loop = async (): Promise<void> => {
      for await (const n of messages) seen.push(n);
    };
    await expect(loop()).rejects.toBeInstanceOf(BufferOverflowError);
    expect(seen).toEqual([0, 1]);
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it('unsubscribes when it leaves its loop', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const channel = name('left');
    const messages = buffered(pubsub.channel<number>(channel)).open();
    await pubsub.ready();
    await pubsub.publish(channel, 1);
    for await (const { payload } of messages) {
      expect(payload).toBe(1);
      break;
    }
    await eventually(async () => expect((await pubsub.numsub(channel)).get(channel)).toBe(0));
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it('ends when pub/sub is closed', async () => {
    const { pubsub } = open({ nodes: cluster.nodes });
    const waiting = buffered(pubsub.channel(name('closed')))
      .open()
      .next();
    await pubsub.ready();
    await pubsub.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('handles a source that ends or fails immediately', async () => {
    expect(await buffered(of(1)).next()).toEqual({ done: false, value: 1 });
    const failing = buffered(throwError(() => new Error('no')));
    await expect(failing.next()).rejects.toThrow('no');
    expect(await failing.next()).toEqual({ done: true, value: undefined });
  });

  it.each([{ size: 0 }, { size: 1.5 }, { size: Number.NaN }, { whenFull: 'explode' as 'error' }])(
    'rejects %j',
    (options) => {
      expect(() => buffered(NEVER, options)).toThrow(InvalidArgumentError);
      expect(() => mapBuffered(async () => 1, options)).toThrow(InvalidArgumentError);
    },
  );
});

describe('mapBuffered', () => {
  it('processes values in order, one at a time, and loses nothing within its limits', async () => {
    let active = 0;
    const results = await lastValueFrom(
      from(numbers(50)).pipe(
        mapBuffered(async (n) => {
          expect(++active).toBe(1);
          await new Promise(setImmediate);
          active--;
          return n * 2;
        }),
        toArray(),
      ),
    );
    expect(results).toEqual(numbers(50).map((n) => n * 2));
  });

  it('processes as many at a time as configured, and reports what it drops', async () => {
    const source = new Subject<number>();
    const { opened, release } = gate();
    const started: number[] = [];
    const dropped: number[] = [];
    const results = lastValueFrom(
      source.pipe(
        mapBuffered(
          async (n) => {
            started.push(n);
            await opened;
            return n;
          },
          { concurrency: 3, size: 2, whenFull: 'dropOldest', onDropped: (count) => dropped.push(count) },
        ),
        toArray(),
      ),
    );
    for (const n of numbers(8)) source.next(n);
    expect(started).toEqual([0, 1, 2]);
    expect(dropped).toEqual([1, 2, 3]);
    source.complete();
    release();
    expect(await results).toEqual([0, 1, 2, 6, 7]);
  });

  it('passes on errors of the source, of the project function, and of the buffer', async () => {
    const boom = new Error('boom');
    const failing = throwError(() => boom).pipe(mapBuffered(async (n) => n));
    await expect(lastValueFrom(failing)).rejects.toBe(boom);
    const rejecting = of(1).pipe(mapBuffered(() => Promise.reject(boom)));
    await expect(lastValueFrom(rejecting)).rejects.toBe(boom);
    const throwing = of(1).pipe(
      mapBuffered(() => {
        throw boom;
      }),
    );
    await expect(lastValueFrom(throwing)).rejects.toBe(boom);
  });

  it('processes buffered values before it fails because of an overflow', async () => {
    const source = new Subject<number>();
    const { opened, release } = gate();
    const seen = collect<number>();
    const project = async (n: number): Promise<number> => {
      await opened;
      return n;
    };
    source
      .pipe(mapBuffered(project, { concurrency: 2, size: 3, whenFull: 'error' }))
      .subscribe(seen.observer);
    for (const n of numbers(6)) source.next(n);
    expect(source.observed).toBe(false);
    release();
    await eventually(() => expect(seen.errors).toHaveLength(1));
    expect(seen.values).toEqual(numbers(5));
    expect(seen.errors[0]).toBeInstanceOf(BufferOverflowError);
  });

  it.each([0, 1.5, -1, Number.NaN, '2'])('rejects a concurrency of %p', (concurrency) => {
    expect(() => mapBuffered(async () => 1, { concurrency: concurrency as number })).toThrow(
      /"concurrency" must be a positive integer or Infinity, got /,
    );
  });

  it('starts nothing more once it has no subscribers', async () => {
    const started: number[] = [];
    const project = async (n: number): Promise<number> => {
      started.push(n);
      return n;
    };
    await lastValueFrom(from(numbers(10)).pipe(mapBuffered(project), take(2)));
    await lastValueFrom(of(0).pipe(concatMap(() => new Promise(setImmediate))));
    expect(started.length).toBeLessThan(4);
  });
});
