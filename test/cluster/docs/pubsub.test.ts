import { readFileSync } from 'node:fs';
import { buffered, ClusterClient, isGap, mapBuffered, type MessageCodec } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { concatMap, filter, merge, startWith } from 'rxjs';
import { z } from 'zod';
import { eventually } from '../../cluster-fixture.js';
import { collect } from '../pubsub/fixture.js';

interface Order {
  id: number;
}

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/pubsub.md', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;
  let shown: unknown[];
  const console = { log: (...values: unknown[]) => void shown.push(values) };

  beforeAll(async () => {
    local = await LocalCluster.start({ config: { 'notify-keyspace-events': 'Kx' } });
  });

  beforeEach(() => {
    shown = [];
    cluster = new ClusterClient({ nodes: local.seeds });
  });

  // and with it, all that the blocks have subscribed to
  afterEach(() => cluster.close());

  afterAll(() => local?.stop());

  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/pubsub.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks).toHaveLength(11);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('subscribes and publishes, and lists subscribers', async () => {
    const subscription = cluster.pubsub.channel<Order>('orders').subscribe(({ payload, channel }) => {
      console.log(`${channel}: ${payload.id}`); // orders: 42
    });
    await cluster.pubsub.ready();
    await cluster.pubsub.publish('orders', { id: 42 });

    await eventually(() => expect(shown).toEqual([['orders: 42']]));
    shown = [];

    console.log(await cluster.pubsub.channels('orders*')); // ['orders']
    console.log((await cluster.pubsub.numsub('orders')).get('orders')); // 1

    expect(shown).toEqual([[['orders']], [1]]);
    subscription.unsubscribe();
  });

  it('uses patterns and sharded channels', async () => {
    cluster.pubsub.pattern('orders.*').subscribe(({ channel, pattern }) => {
      console.log(`${channel} by ${pattern}`); // orders.placed by orders.*
    });
    cluster.pubsub.sharded<string>(['room:1', 'room:2']).subscribe(({ payload }) => {
      console.log(payload); // hello
    });
    await cluster.pubsub.ready();
    await cluster.pubsub.publish('orders.placed', { id: 43 });
    await cluster.pubsub.publishSharded('room:2', 'hello');

    await eventually(() => expect(shown.toSorted()).toEqual([['hello'], ['orders.placed by orders.*']]));
  });

  it('validates payloads with a schema', async () => {
    const Reading = z.object({ sensor: z.string(), at: z.coerce.date() });
    cluster.pubsub.channel('readings', { codec: Reading }).subscribe(({ payload }) => {
      console.log(payload.at.getUTCFullYear()); // 2026
    });
    await cluster.pubsub.ready();
    await cluster.pubsub.publish('readings', { sensor: 'roof', at: '2026-11-21' });

    await eventually(() => expect(shown).toEqual([[2026]]));
  });

  it('publishes many messages at once', async () => {
    const results = await cluster.pubsub.publishMany([
      { channel: 'orders.placed', value: { id: 44 } },
      { channel: 'orders.paid', value: { id: 44 } },
    ]);
    console.log(results.every(({ ok }) => ok)); // true

    expect(shown).toContainEqual([true]);
  });

  it('marks gaps in the stream', async () => {
    cluster.pubsub.channel<Order>('paid', { gaps: true }).subscribe((item) => {
      if (isGap(item)) console.log(`something may be missing (${item.reason})`);
      else console.log(`paid: ${item.payload.id}`); // paid: 45
    });

    await cluster.pubsub.ready();
    await cluster.pubsub.publish('paid', { id: 45 });
    await eventually(() => expect(shown).toEqual([['paid: 45']]));
    for (const node of local.primaries) await local.command(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(shown).toContainEqual(['something may be missing (connectionLost)']));
  });

  it('limits the buffers of slow consumers', async () => {
    const worked: number[] = [];
    const work = async ({ id }: Order): Promise<void> => void worked.push(id);
    const publishing = setInterval(() => void cluster.pubsub.publish('slow', { id: 1 }), 200);

    const messages = buffered(cluster.pubsub.channel<Order>('slow'), { size: 500, whenFull: 'dropOldest' });
    for await (const { payload } of messages) {
      await work(payload);
      console.log(payload.id, messages.waiting, messages.dropped); // 1 0 0
      break; // unsubscribes
    }

    expect(shown).toEqual([[1, 0, 0]]);

    const worked$ = cluster.pubsub
      .channel<Order>('slow')
      .pipe(
        mapBuffered(({ payload }) => work(payload), { concurrency: 4, size: 500, whenFull: 'dropNewest' }),
      );

    const subscription = worked$.subscribe();
    await eventually(() => expect(worked.length).toBeGreaterThan(2));
    subscription.unsubscribe();
    clearInterval(publishing);
  });

  it('uses codecs', async () => {
    const celsius: MessageCodec<number> = {
      encode: (value) => value.toFixed(1),
      decode: (payload) => Number(payload),
    };
    cluster.pubsub.channel('room-temperature', { codec: celsius }).subscribe(({ payload }) => {
      console.log(payload + 273.15); // 294.65
    });
    await cluster.pubsub.ready();
    await cluster.pubsub.publish('room-temperature', 21.5, { codec: celsius });

    await eventually(() => expect(shown).toEqual([[294.65]]));
  });

  it('reads the state again after a gap', async () => {
    const reload = cluster.pubsub.gaps$.pipe(filter(({ names }) => names.includes('stock')));
    const stock$ = merge(cluster.pubsub.channel('stock'), reload).pipe(
      startWith('the first time'),
      concatMap(() => cluster.get('stock')),
    );

    await cluster.set('stock', '3');
    const seen = collect<string | null>();
    const subscription = stock$.subscribe(seen.observer);
    await cluster.pubsub.ready('stock');
    await eventually(() => expect(seen.values).toEqual(['3']));
    await cluster.set('stock', '2');
    await cluster.pubsub.publish('stock', 'sold');
    await eventually(() => expect(seen.values).toEqual(['3', '2']));
    await cluster.set('stock', '1');
    for (const node of local.nodes) await local.command(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(seen.values).toEqual(['3', '2', '1']));
    subscription.unsubscribe();
  });

  it('receives keyspace events', async () => {
    cluster.pubsub
      .keyspace({ pattern: 'session:*', events: ['expired'] })
      .subscribe(({ key, event, node }) => {
        console.log(key, event, node); // session:7 expired 127.0.0.1:7000
      });
    await cluster.pubsub.ready();

    await cluster.set('session:7', 'x', 'PX', 20);
    const owner = cluster.topology.nodeForKey('session:7')?.name;
    await eventually(() => expect(shown).toEqual([['session:7', 'expired', owner]]));
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
