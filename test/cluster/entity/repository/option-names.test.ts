import { lastValueFrom } from 'rxjs';
import {
  ClusterEntity,
  type ClusterSet,
  Counter,
  createRepositories,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
} from 'keyslot';
import { Order, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();

@ClusterEntity({ name: 'Optioned', partition: () => Order, changes: true, idempotency: 'window' })
class Optioned {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() state?: string;
  @Counter() n!: number;
  @ExpiresAt() expiresAt?: Date;
  @SetOf(String) tags!: ClusterSet<string>;
}

const orderId = freshId();
const { signal } = new AbortController();
const key = { orderId, id: '1' };
const where = { orderId };

const repository = () => createRepositories(cluster.client, [Order, Optioned]).repository(Optioned);
type Repository = ReturnType<typeof repository>;

const drained = async (all: AsyncIterable<unknown>): Promise<void> => {
  for await (const one of all) void one;
};

const bulk = { deadlineMs: 5_000, signal, durability: undefined };
const write = { ...bulk, opId: 'op' };
const fresh = (items: Repository): Optioned => items.create({ orderId, id: freshId() } as never);

// Each call with every option that it knows.
const calls: [string, object, (items: Repository, options: never) => Promise<unknown>][] = [
  ['insert', write, (items, options) => items.insert(fresh(items), options)],
  ['save', write, (items, options) => items.save(fresh(items), options)],
  ['upsert', write, (items, options) => items.upsert(fresh(items), options)],
  [
    'update',
    { ...write, where: { state: 'x' } },
    (items, options) => items.update(key, { state: 'x' }, options),
  ],
  ['remove', bulk, async (items, options) => items.remove(await items.insert(fresh(items)), options)],
  ['delete', bulk, (items, options) => items.delete({ orderId, id: freshId() }, options)],
  ['saveMany', bulk, (items, options) => items.saveMany([fresh(items)], options)],
  ['deleteMany', bulk, (items, options) => items.deleteMany([{ orderId, id: freshId() }], options)],
  ['increment', write, (items, options) => items.increment(key, 'n', 1, options)],
  ['expire', bulk, (items, options) => items.expire(key, 60_000, options)],
  ['persist', bulk, (items, options) => items.persist(key, options)],
  ['collection.with', bulk, (items, options) => items.collection(key, 'tags').with(options).add('x')],
  ['findBy', { limit: 5 }, (items, options) => items.findBy(where, options)],
  ['findPage', { limit: 5, cursor: undefined }, (items, options) => items.findPage(where, options)],
  ['stream', { batchSize: 5, signal }, (items, options) => drained(items.stream(where, options))],
  [
    'observe',
    { batchSize: 5, signal },
    (items, options) => lastValueFrom(items.observe(where, options), { defaultValue: 0 }),
  ],
  [
    'changes',
    { from: 'start', pollMs: 50 },
    async (items, options) => items.changes(orderId, options).subscribe().unsubscribe(),
  ],
  [
    'transaction',
    { ...bulk, attempts: 3 },
    (items, options) => items.transaction(orderId, async (tx) => void (await tx.get(Optioned, key)), options),
  ],
  [
    'withLock',
    { name: 'a', ttlMs: 5_000, waitMs: 1_000, signal },
    (items, options) => items.withLock(orderId, async () => {}, options),
  ],
  ['sweepExpired', { partition: orderId, limit: 5, signal }, (items, options) => items.sweepExpired(options)],
  ['sweepGlobals', { limit: 5, signal }, (items, options) => items.sweepGlobals(options)],
  [
    'verifyIndexes',
    { partition: orderId, signal },
    (items, options) => drained(items.verifyIndexes(options)),
  ],
  [
    'reindex',
    { partition: orderId, signal, cursor: undefined },
    (items, options) => drained(items.reindex(options)),
  ],
];

describe('the options of a call', () => {
  beforeAll(async () => {
    const items = repository();
    await items.insert(items.create({ ...key, state: 'x' }));
  });

  it.each(calls)('%s takes those it knows, and refuses one it does not', async (_name, known, call) => {
    await call(repository(), known as never);
    const refused = async (): Promise<unknown> => call(repository(), { ...known, ordre: 'asc' } as never);
    await expect(refused()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'ordre' });
    await expect(refused()).rejects.toThrow(/^Unknown option ordre of .*; known are \w+/);
    const listed = async (): Promise<unknown> => call(repository(), [] as never);
    await expect(listed()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'options' });
  });
});
