import {
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  ExpiresAt,
  Index,
  type IndexIssue,
  IndexNotReadyError,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaRecordError,
  Shape,
  Unique,
  UniqueViolationError,
} from 'keyslot';
import { ownCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Hall' })
class Hall {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Seat', partition: () => Hall })
class Seat {
  declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: 'place' | 'state' | 'price' };
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: number;
  @Unique() @Property() place?: string;
  @Index() @Property() state?: string;
  @Index({ name: 'byPrice', fields: ['state', 'price'] }) @Property() price?: number;
  @ExpiresAt() until?: Date;
}

const cluster = sharedClient(ownCluster());
let seats: ClusterRepository<Seat>;
beforeAll(() => {
  seats = createRepositories(cluster.client, [Hall, Seat]).repository(Seat);
});

async function listed<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of all) list.push(each);
  return list;
}

const brief = (issues: readonly IndexIssue<Seat>[]): string[] =>
  issues.map(({ fault, index, key }) => `${fault} ${index} ${key.id}`).toSorted();

const found = async (hallId: string): Promise<string[]> =>
  brief(await listed(seats.verifyIndexes({ partition: hallId })));

/** A hall of ten seats. */
async function hall(): Promise<{ hallId: string; ix: string; uq: string; row: (id: number) => string }> {
  const hallId = freshId();
  const { tag } = seats.partition(hallId);
  const all = Array.from({ length: 10 }, (_, id) =>
    seats.create({ hallId, id, place: `p${id}`, state: id % 2 ? 'free' : 'sold', price: id }),
  );
  await seats.saveMany(all);
  return { hallId, ix: `${tag}:Seat~ix`, uq: `${tag}:Seat~uq`, row: (id) => `${tag}:Seat:${id}` };
}

async function damage({ ix, uq, row }: Awaited<ReturnType<typeof hall>>): Promise<void> {
  const { client } = cluster;
  await client.zrem(ix, '~pk\x000', 'state\0free\x001');
  await client.zadd(ix, 0, 'state\0lost\x002');
  await client.hdel(uq, 'place\0p3');
  await client.hset(uq, 'place\0nobody', '4');
  await client.hset(uq, 'place\0ghost', '77');
  await client.hset(row(5), 'state', 'sold'); // by another program
  await client.del(row(6));
  await client.hset(row(8), 'price', 'much');
}

const DAMAGE = [
  'extra byPrice 5',
  'extra byPrice 6',
  'extra place 4',
  'extra place 6',
  'extra place 77',
  'extra state 2',
  'extra state 5',
  'extra state 6',
  'extra ~pk 6',
  'missing byPrice 5',
  'missing place 3',
  'missing state 1',
  'missing state 5',
  'missing ~pk 0',
  'unreadable price 8',
  'wrong state 5',
];

describe('verifyIndexes', () => {
  it('reports nothing for a consistent partition, including expired rows and rows without index entries', async () => {
    const { hallId, row } = await hall();
    await seats.expire({ hallId, id: 1 }, -1);
    await seats.expire({ hallId, id: 2 }, 60_000);
    await seats.update({ hallId, id: 3 }, { place: null, state: null });
    await seats.delete({ hallId, id: 4 });
    expect(await found(hallId)).toEqual([]);
    expect(await cluster.client.exists(row(1))).toBe(1);
  });

  it('reports every inconsistency, and changes nothing', async () => {
    const place = await hall();
    await damage(place);
    expect(await found(place.hallId)).toEqual(DAMAGE);
    expect(await found(place.hallId)).toEqual(DAMAGE);
  });

  it('reports nothing for rows that are being written', async () => {
    const { hallId } = await hall();
    let isWriting = true;
    const write = async (id: number): Promise<void> => {
      for (let i = 0; isWriting; i++) {
        await seats.upsert(
          seats.create({ hallId, id, place: `q${id}-${i % 3}`, state: `s${i % 5}`, price: i }),
        );
        if (i % 4 === 0) await seats.delete({ hallId, id });
      }
    };
    const writers = Array.from({ length: 8 }, (_, id) => write(id));
    for (let i = 0; i < 10; i++) {
      expect(await found(hallId)).toEqual([]);
      const progress = await listed(seats.reindex({ partition: hallId }));
      expect(progress).toMatchObject([{ repaired: 0, unresolved: [], done: 1 }]);
    }
    isWriting = false;
    await Promise.all(writers);
    expect(await found(hallId)).toEqual([]);
  });
});

describe('reindex', () => {
  it('repairs what can be repaired, and reports the rest', async () => {
    const place = await hall();
    await damage(place);
    const [progress] = await listed(seats.reindex({ partition: place.hallId }));
    expect(progress.repaired).toBe(DAMAGE.length - 1);
    expect(brief(progress.unresolved)).toEqual(['unreadable price 8']);
    expect(await found(place.hallId)).toEqual(['unreadable price 8']);
    await cluster.client.hset(place.row(8), 'price', '8');
    expect(await found(place.hallId)).toEqual([]);
    const { hallId } = place;
    const ids = (await seats.findBy({ hallId, state: 'sold' })).map(({ id }) => id);
    expect(ids).toEqual([0, 2, 4, 5, 8]);
    expect(await seats.findOneBy({ hallId, place: 'p3' })).toMatchObject({ id: 3 });
  });

  it('reports two rows with one unique value, and changes neither', async () => {
    const { hallId, row } = await hall();
    await cluster.client.hset(row(1), 'place', 'p2');
    const [progress] = await listed(seats.reindex({ partition: hallId }));
    expect(brief(progress.unresolved)).toEqual(['duplicate place 1']);
    expect(await seats.findOneBy({ hallId, place: 'p2' })).toMatchObject({ id: 2 });
    await seats.update({ hallId, id: 1 }, { place: 'p1' });
    expect(await found(hallId)).toEqual([]);
  });

  it('continues from a cursor, over the whole cluster', async () => {
    const places = await Promise.all([hall(), hall(), hall()]);
    for (const { ix } of places) await cluster.client.zrem(ix, '~pk\x003');
    expect((await listed(seats.verifyIndexes())).length).toBeGreaterThanOrEqual(3);
    let cursor: string | undefined;
    let repaired = 0;
    let last = 0;
    for (let runs = 0; last < 1; runs++) {
      expect(runs).toBeLessThan(20);
      for await (const progress of seats.reindex({ cursor })) {
        ({ cursor } = progress);
        expect(progress.done).toBeGreaterThan(last);
        last = progress.done;
        repaired += progress.repaired;
        if (runs < 3) break; // as a process that ends
      }
    }
    expect(repaired).toBeGreaterThanOrEqual(3);
    for (const { hallId } of places) expect(await found(hallId)).toEqual([]);
    expect(await listed(seats.reindex({ cursor }))).toEqual([]);
    await expect(listed(seats.reindex({ cursor: 'x' }))).rejects.toMatchObject({ argument: 'cursor' });
  });
});

describe('the schema record', () => {
  const entity = <T extends object>(name: string, type: new () => T): new () => T => {
    ClusterEntity({ name, partition: () => Hall })(type);
    PartitionKey({ type: String })(type.prototype as { hallId: string }, 'hallId');
    PrimaryKey({ type: Number })(type.prototype as { id: number }, 'id');
    return type;
  };
  class Row {
    hallId!: string;
    id!: number;
    state?: string;
    code?: string;
  }
  const fields = (type: new () => object, property: string, form: unknown = String): void =>
    Property(form as never)(type.prototype as object, property);

  it('builds an index that is added to existing rows, and rejects queries on it until then', async () => {
    const name = `Row${process.pid}`;
    const Before = entity(name, class extends Row {});
    for (const property of ['state', 'code']) fields(Before, property);
    const old = createRepositories(cluster.client, [Hall, Before]);
    await old.checkSchemas();
    await old.checkSchemas(); // once more changes nothing
    const rows = old.repository(Before);
    const hallId = freshId();
    for (let id = 0; id < 5; id++)
      await rows.insert(rows.create({ hallId, id, state: 'old', code: `c${id}` }));

    const After = entity(name, class extends Row {});
    for (const property of ['state', 'code']) fields(After, property);
    Index()(After.prototype, 'state');
    Unique()(After.prototype, 'code');
    const registry = createRepositories(cluster.client, [Hall, After]);
    const added = registry.repository(After);
    await registry.checkSchemas();
    for (const where of [
      { hallId, state: 'old' },
      { hallId, code: 'c1' },
    ]) {
      await expect(added.findBy(where)).rejects.toThrow(IndexNotReadyError);
      await expect(added.countBy(where)).rejects.toMatchObject({ code: 'INDEX_NOT_READY' });
      await expect(added.transaction(hallId, (tx) => tx.find(After, where))).rejects.toThrow(
        IndexNotReadyError,
      );
    }
    expect(await added.findBy({ hallId })).toHaveLength(5);
    await added.insert(added.create({ hallId, id: 5, state: 'old' }));
    await added.update({ hallId, id: 0 }, { state: 'new' });

    const other = createRepositories(cluster.client, [Hall, After]);
    await other.checkSchemas();
    for await (const { unresolved } of added.reindex()) expect(unresolved).toEqual([]);
    for (const repository of [added, other.repository(After)]) {
      expect((await repository.findBy({ hallId, state: 'old' })).map(({ id }) => id)).toEqual([
        1, 2, 3, 4, 5,
      ]);
      expect(await repository.findBy({ hallId, code: 'c1' })).toHaveLength(1);
    }
    await expect(added.insert(added.create({ hallId, id: 9, code: 'c1' }))).rejects.toThrow(
      UniqueViolationError,
    );
    expect(await listed(added.verifyIndexes({ partition: hallId }))).toEqual([]);
  });

  it('rejects a class that does not fit the stored rows, and accepts one that only adds or omits properties', async () => {
    const name = `Kept${process.pid}`;
    const kept = (make: (type: new () => Row) => void) => {
      const type = entity(name, class extends Row {});
      make(type);
      return createRepositories(cluster.client, [Hall, type]).checkSchemas();
    };
    await kept((type) => fields(type, 'state'));
    await kept((type) => (fields(type, 'state'), fields(type, 'code', Number)));
    await kept((type) => fields(type, 'state')); // code is left out
    const changed = kept((type) => (fields(type, 'state', Number), fields(type, 'code')));
    await expect(changed).rejects.toThrow(SchemaRecordError);
    await expect(changed).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      faults: [
        'state was stored as text, and is number: @Property({ convertFrom: { type, convert } }) converts them',
        'code was stored as number, and is text: @Property({ convertFrom: { type, convert } }) converts them',
      ],
    });
    const counted = kept((type) =>
      Counter({ type: Number })(type.prototype as { state: never }, 'state' as never),
    );
    await expect(counted).rejects.toThrow(SchemaRecordError);
  });
});
