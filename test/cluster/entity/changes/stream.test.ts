import { firstValueFrom, take, toArray } from 'rxjs';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  UnindexedQueryError,
} from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { counted } from '../fixtures.js';

@ClusterEntity({ name: 'Box' })
class Box {
  @PrimaryKey() id!: number;
  @Property() label?: string;
}

@ClusterEntity({ name: 'Thing', partition: () => Box })
class Thing {
  @PartitionKey() boxId!: number;
  @PrimaryKey() id!: string;
  @Index() @Property() size?: number;
}

const { nodes, keyspace } = sharedCluster();
// glob characters in the prefix, and another client whose prefix they would match
const prefixes = [`${keyspace}[a-z]*:`, `${keyspace}abc:`];
let clients: ClusterClient[];
let client: ReturnType<typeof counted>;
let boxes: ClusterRepository<Box>;
let things: ClusterRepository<Thing>;
const all = Array.from({ length: 250 }, (_, id) => id);

beforeAll(async () => {
  clients = prefixes.map((keyPrefix) => new ClusterClient({ nodes, keyPrefix }));
  client = counted(clients[0]);
  const registry = createRepositories(client, [Box, Thing]);
  boxes = registry.repository(Box);
  things = registry.repository(Thing);
  await boxes.saveMany(all.map((id) => boxes.create({ id, label: `${id}` })));
  await things.saveMany(all.map((n) => things.create({ boxId: n % 10, id: `:${n}`, size: n })));
  const others = createRepositories(clients[1], [Box]).repository(Box);
  await others.insert(others.create({ id: 1_000 }));
  // what others wrote, or nobody did
  await clients[0].hset('{Box:x}:Box:x', 'label', 'no id of ours');
  await clients[0].hset('{Box:1}:Box:2', 'label', 'in a wrong partition');
  await clients[0].set('{Box:7000}:Box:7000', 'no hash');
});
afterAll(() => Promise.all(clients.map((one) => one.close())));

async function collect<E>(stream: AsyncIterable<E>): Promise<E[]> {
  const found: E[] = [];
  for await (const entity of stream) found.push(entity);
  return found;
}
const numbers = (found: readonly (Box | Thing)[]): number[] =>
  [...new Set(found.map(({ id }) => Number(String(id).replace(':', ''))))].sort((a, b) => a - b);

describe('stream', () => {
  it('returns every entity of the cluster, of its class and its client only', async () => {
    const found = await collect(boxes.stream());
    expect(numbers(found)).toEqual(all);
    expect(found[0]).toBeInstanceOf(Box);
    expect(found.every(({ id, label }) => label === `${id}`)).toBe(true);
    expect(numbers(await collect(things.stream(undefined, { batchSize: 7 })))).toEqual(all);
  });

  it('returns the matches of a query, in order', async () => {
    const where = { boxId: 3, size: { gte: 100 } };
    const found = await collect(things.stream(where, { batchSize: 4 }));
    expect(found).toEqual(await things.findBy(where));
    expect(found).toHaveLength(15);
    await expect(collect(things.stream({ boxId: 3, boxes: 1 } as object))).rejects.toThrow(
      UnindexedQueryError,
    );
  });

  it('reads ahead only on request, and stops with the loop', async () => {
    client.calls.length = 0;
    const stream = things.stream({ boxId: 3 }, { batchSize: 5 });
    expect(client.calls).toEqual([]);
    let seen = 0;
    for await (const thing of stream) {
      expect(thing.boxId).toBe(3);
      expect(client.calls).toEqual(
        seen < 5 ? ['zrangebylex', 'pipeline'] : ['zrangebylex', 'pipeline', 'zrangebylex', 'pipeline'],
      );
      if (++seen === 7) break;
    }
    expect(client.calls).toHaveLength(4);
    client.calls.length = 0;
    for await (const box of boxes.stream(undefined, { batchSize: 10 })) {
      expect(box.label).toBeDefined();
      break;
    }
    expect(client.calls.filter((call) => call === 'pipeline')).toHaveLength(1);
  });

  it('is ended by a signal', async () => {
    const controller = new AbortController();
    let seen = 0;
    const reading = (async () => {
      for await (const thing of things.stream({ boxId: 3 }, { batchSize: 5, signal: controller.signal })) {
        expect(thing).toBeInstanceOf(Thing);
        if (++seen === 3) controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(seen).toBe(5);
    for (const batchSize of [0, 1_001, 0.5])
      await expect(collect(boxes.stream(undefined, { batchSize }))).rejects.toThrow(InvalidArgumentError);
  });
});

describe('observe', () => {
  it('emits the same entities to each subscriber', async () => {
    const observed = things.observe({ boxId: 4 });
    const [first, second] = await Promise.all([
      firstValueFrom(observed.pipe(toArray())),
      firstValueFrom(observed.pipe(toArray())),
    ]);
    expect(first).toEqual(await things.findBy({ boxId: 4 }));
    expect(second).toEqual(first);
    expect(numbers(await firstValueFrom(boxes.observe().pipe(toArray())))).toEqual(all);
  });

  it('reads nothing after it is unsubscribed', async () => {
    client.calls.length = 0;
    const observed = things.observe({ boxId: 3 }, { batchSize: 5 });
    expect(client.calls).toEqual([]);
    expect(await firstValueFrom(observed.pipe(take(3), toArray()))).toHaveLength(3);
    await things.findOne({ boxId: 3, id: ':3' }); // by now a next batch would have been asked for
    expect(client.calls).toEqual(['zrangebylex', 'pipeline', 'hmget', 'exists']);
  });

  it('fails with the error of the stream', async () => {
    await expect(firstValueFrom(things.observe({ size: 1 } as object))).rejects.toThrow(InvalidArgumentError);
  });
});
