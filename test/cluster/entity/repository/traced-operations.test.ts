import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ClusterEntity,
  ClusterRepository,
  createRepositories,
  DeletedAt,
  ExpiresAt,
  Counter,
  keyslotChannel,
  Partition,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';
import { lastValueFrom, take, toArray } from 'rxjs';
import { eventually } from '../../../cluster-fixture.js';
import { TracingRecorder } from '../../../tracing-recorder.js';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Spied' })
class Spied {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'SpiedItem', partition: () => Spied, changes: true })
class Item {
  declare readonly [Shape]: { key: 'spiedId' | 'id'; counters: 'n' };
  @PartitionKey() spiedId!: string;
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @Counter() n!: number;
  @ExpiresAt() until?: Date;
  @DeletedAt() deletedAt?: Date;
}

const cluster = sharedClient();
const spiedId = freshId();
const key = { spiedId, id: 'a' };

const repositoryOf = (): ClusterRepository<Item> =>
  createRepositories(cluster.client, [Spied, Item]).repository(Item);
const another = (items: ClusterRepository<Item>): Item => items.create({ spiedId, id: freshId() });

/** Takes all that an iteration yields. */
async function all<T>(iteration: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iteration) values.push(value);
  return values;
}

/** Calls of each method; null for a method that is not an operation, or returns what operates. */
type Calls<T> = Record<string, ((target: T, items: ClusterRepository<Item>) => Promise<unknown>) | null>;

const NOTHING_SENT = ['keyOf', 'create', 'collection', 'partition', 'changes', 'follow', 'deadLetters'];

const ofRepository: Calls<ClusterRepository<Item>> = {
  ...Object.fromEntries(NOTHING_SENT.map((name) => [name, null])),
  findOne: (items) => items.findOne(key),
  findOneOrFail: (items) => items.findOneOrFail(key),
  findMany: (items) => items.findMany([key]),
  findBy: (items) => items.findBy({ spiedId }),
  findOneBy: (items) => items.findOneBy({ spiedId }),
  findPage: (items) => items.findPage({ spiedId }),
  countBy: (items) => items.countBy({ spiedId }),
  exists: (items) => items.exists(key),
  stream: (items) => all(items.stream({ spiedId })),
  observe: (items) => lastValueFrom(items.observe({ spiedId }).pipe(toArray())),
  changesCursor: (items) => items.changesCursor(spiedId),
  save: (items) => items.save(another(items)),
  insert: (items) => items.insert(another(items)),
  upsert: (items) => items.upsert(another(items)),
  update: (items) => items.update(key, { note: 'x' }),
  remove: (_, items) => items.remove(items.create(key)).catch(() => {}),
  delete: (items) => items.delete({ spiedId, id: 'none' }),
  saveMany: (items) => items.saveMany([another(items)]),
  deleteMany: (items) => items.deleteMany([{ spiedId, id: 'none' }]),
  increment: (items) => items.increment(key, 'n'),
  expire: (items) => items.expire(key, 60_000),
  persist: (items) => items.persist(key),
  transaction: (items) => items.transaction(spiedId, async (tx) => void (await tx.get(Item, key))),
  withLock: (items) => items.withLock(spiedId, async () => {}),
  softDelete: (items) => items.softDelete({ spiedId, id: 'none' }),
  softRemove: (items) => items.softRemove(items.create(key)).catch(() => {}),
  restore: (items) => items.restore(key),
  findDeleted: (items) => items.findDeleted(spiedId),
  purgeDeleted: (items) => items.purgeDeleted({ olderThan: '1d', partition: spiedId }),
  sweepExpired: (items) => items.sweepExpired({ partition: spiedId }),
  sweepGlobals: (items) => items.sweepGlobals(),
  verifyIndexes: (items) => all(items.verifyIndexes({ partition: spiedId })),
  reindex: (items) => all(items.reindex({ partition: spiedId })),
  migrate: (items) => items.migrate(),
};

const ofPartition: Calls<Partition> = {
  changes: null,
  loadAll: (partition) => partition.loadAll([Spied, Item]),
  changesCursor: (partition) => partition.changesCursor(),
  size: (partition) => partition.size(),
  export: (partition) => all(partition.export()),
  import: (partition) => partition.import([]).catch(() => {}),
  transaction: (partition) => partition.transaction(async () => {}),
  withLock: (partition) => partition.withLock(async () => {}),
  delete: (_, items) => items.partition('empty').delete(),
};

/** The public methods of a class: those of which its declarations say so. */
function methodsOf(type: { prototype: object }): string[] {
  const names = new Set<string>();
  for (let level = type.prototype; level !== Object.prototype; level = Object.getPrototypeOf(level) as object)
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name);
  return [...names];
}

/** Methods that applications do not call. */
const INTERNAL = ['iterate', 'reads', 'readOne', 'readMany', 'deletedBy', 'tagOf', 'at', 'touch'];

describe('keyslot:entity', () => {
  let recorder: TracingRecorder;
  beforeEach(async () => {
    const items = repositoryOf();
    await items.upsert(items.create(key));
    recorder = new TracingRecorder(['keyslot:entity']);
  });
  afterEach(() => recorder.stop());

  it.each([
    [ClusterRepository, ofRepository],
    [Partition, ofPartition],
  ] as const)('has a test for each method of %p', (type, table) => {
    const names = methodsOf(type).filter((name) => !INTERNAL.includes(name));
    expect(names.toSorted()).toEqual(Object.keys(table).toSorted());
  });

  it.each(Object.entries(ofRepository))('has one context of repository.%s', async (operation, call) => {
    const items = repositoryOf();
    if (call) await call(items, items);
    else expect(NOTHING_SENT).toContain(operation);
    expect(recorder.of('keyslot:entity').map((one) => [one.entity, one.operation])).toEqual(
      call ? [['SpiedItem', operation]] : [],
    );
  });

  it.each(Object.entries(ofPartition))('has one context of partition.%s', async (operation, call) => {
    const items = repositoryOf();
    if (call) await call(items.partition(spiedId), items);
    expect(recorder.of('keyslot:entity').map((one) => [one.entity, one.operation])).toEqual(
      call ? [['SpiedItem', operation]] : [],
    );
  });

  it('has one context of a restore, and of a soft delete of a loaded entity', async () => {
    const items = repositoryOf();
    const item = await items.insert(another(items));
    recorder.clear();
    await items.softRemove(item);
    expect(await items.restore(item)).toMatchObject({ id: item.id });
    expect(recorder.of('keyslot:entity')).toMatchObject([
      { operation: 'softRemove', outcome: 'ok' },
      { operation: 'restore', outcome: 'ok' },
    ]);
  });

  it('has one context of a transaction under a lock, and of the lock', async () => {
    const items = repositoryOf();
    await items.withLock(spiedId, (lock) => lock.transaction(async (tx) => tx.increment(Item, key, 'n')));
    expect(recorder.of('keyslot:entity').map(({ operation }) => operation)).toEqual([
      'transaction',
      'withLock',
    ]);
  });
});

describe('the context of an iteration', () => {
  const ids = ['1', '2', '3'];
  const owner = freshId();
  let items: ClusterRepository<Item>;
  let recorder: TracingRecorder;
  beforeAll(async () => {
    items = repositoryOf();
    await items.saveMany(ids.map((id) => items.create({ spiedId: owner, id })));
  });
  beforeEach(() => {
    recorder = new TracingRecorder(['keyslot:entity', 'keyslot:command']);
  });
  afterEach(() => recorder.stop());

  it('begins with the first step, and ends after a break', async () => {
    const stream = items.stream({ spiedId: owner }, { batchSize: 1 });
    expect(recorder.events).toEqual([]);
    for await (const item of stream) if (item.id === '2') break;
    expect(recorder.only('keyslot:entity')).toMatchObject({
      operation: 'stream',
      outcome: 'ok',
      batchSize: 2,
    });
    expect([recorder.events[0], recorder.events.at(-1)]).toEqual([
      'keyslot:entity:start',
      'keyslot:entity:asyncEnd',
    ]);
  });

  it('ends with the error that the iteration throws', async () => {
    await expect(all(items.stream({ spiedId: owner }, { batchSize: 0 }))).rejects.toThrow('batchSize');
    expect(recorder.only('keyslot:entity')).toMatchObject({
      operation: 'stream',
      outcome: 'error',
      errorCode: 'INVALID_ARGUMENT',
    });
  });

  it('ends as ok if the loop throws, and is never published if no step is taken', async () => {
    const loop = async (): Promise<void> => {
      for await (const item of items.stream({ spiedId: owner })) throw new TypeError(item.id);
    };
    await expect(loop()).rejects.toThrow(TypeError);
    expect(recorder.only('keyslot:entity')).toMatchObject({ outcome: 'ok', batchSize: 1 });
    recorder.clear();
    await items.stream({ spiedId: owner }).return();
    expect(recorder.events).toEqual([]);
  });

  it('is that of one subscription of observe', async () => {
    const observed = items.observe({ spiedId: owner }, { batchSize: 1 });
    expect(await lastValueFrom(observed.pipe(toArray()))).toHaveLength(3);
    expect(recorder.only('keyslot:entity')).toMatchObject({ operation: 'observe', batchSize: 3 });
    recorder.clear();
    await lastValueFrom(observed.pipe(take(1)));
    await eventually(() => recorder.of('keyslot:entity').length === 1);
    expect(recorder.only('keyslot:entity')).toMatchObject({ operation: 'observe', outcome: 'ok' });
  });

  it('surrounds the commands of every step, whoever takes it', async () => {
    const store = new AsyncLocalStorage<unknown>();
    const { start } = keyslotChannel('keyslot:entity');
    const seen: unknown[] = [];
    const onCommand = (): void => void seen.push((store.getStore() as { operation?: string })?.operation);
    start.bindStore(store as never);
    keyslotChannel('keyslot:command').start.subscribe(onCommand);
    try {
      const stream = items.stream({ spiedId: owner }, { batchSize: 1 });
      for (let step = 0; step < 4; step++) await store.run({ operation: 'mine' }, () => stream.next());
      expect(seen.length).toBeGreaterThanOrEqual(3);
      expect(new Set(seen)).toEqual(new Set(['stream']));
    } finally {
      start.unbindStore(store as never);
      keyslotChannel('keyslot:command').start.unsubscribe(onCommand);
    }
  });
});
