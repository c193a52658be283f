import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObservable, lastValueFrom } from 'rxjs';
import * as keyslot from 'keyslot';
import {
  BelongsTo,
  type ChangeContext,
  type ChangeFollower,
  ClusterEntity,
  ClusterHash,
  ClusterList,
  ClusterRepository,
  ClusterRepositoryOf,
  ClusterSet,
  ClusterSortedSet,
  ClusterStream,
  Counter,
  type DeadLetters,
  createRepositories,
  type EntityRegistry,
  ExpiresAt,
  HashOf,
  Index,
  DeletedAt,
  ListOf,
  type Partition,
  PartitionKey,
  type PartitionLock,
  type PartitionTransaction,
  PrimaryKey,
  Property,
  type Related,
  SetOf,
  SortedSetOf,
  StreamOf,
} from 'keyslot';
import { ENTITY_OPTIONS } from '../../../../lib/entity/common/check-entity-options.js';
import { root } from '../../../docs-snippets.js';
import { ownCluster } from '../../../cluster-fixture.js';
import { Order, freshId, sharedClient } from '../fixtures.js';

// Every public method is called with undefined in each place, with each property undefined, and with a property or an
// option that it does not know. The tables below name what each parameter is; a method or parameter that is missing in
// them does not compile, and fails the test.

// a new group of followers leaves a key in each slot that has keys
const cluster = sharedClient(ownCluster());

@ClusterEntity({ name: 'Optioned', partition: () => Order, changes: true, idempotency: 'window' })
class Optioned {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() state?: string;
  @Index({ scope: 'global' }) @Property() region?: string;
  @Counter() n!: number;
  @ExpiresAt() expiresAt?: Date;
  @DeletedAt() deletedAt?: Date;
  @BelongsTo(() => Order) owner!: Related<Order | null>;
  @SetOf(String) tags!: ClusterSet<string>;
  @ListOf(String) log!: ClusterList<string>;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
  @HashOf(Number) sizes!: ClusterHash<number>;
  @StreamOf(String) news!: ClusterStream<string>;
}

const orderId = freshId();
const { signal } = new AbortController();
const key = { orderId, id: '1' };

const registry = (): EntityRegistry => createRepositories(cluster.client, [Order, Optioned]);
const repository = (): ClusterRepository<Optioned> => registry().repository(Optioned);

/** What a parameter is. */
interface Parameter {
  /** Makes a value for one call. */
  readonly value: (items: ClusterRepository<Optioned>) => unknown;
  /** What undefined in its place means. */
  readonly whole: 'refused' | 'left out';
  /** What undefined in the place of one of its properties means; absent where it has none. */
  readonly parts?: 'refused' | 'left out';
  /** Properties for which that is the other way round. */
  readonly conditions?: readonly string[];
  /** The names that it may have, for options. */
  readonly known?: readonly string[];
}

const needed = (value: unknown): Parameter => ({ value: () => value, whole: 'refused' });
const optional = (value: unknown): Parameter => ({ value: () => value, whole: 'left out' });
const ofKey: Parameter = { value: () => ({ ...key }), whole: 'refused', parts: 'refused' };
const ofWhere: Parameter = { value: () => ({ orderId, state: 'x' }), whole: 'refused', parts: 'refused' };
const ofPatch: Parameter = { value: () => ({ state: 'x' }), whole: 'refused', parts: 'left out' };
const fresh = (items: ClusterRepository<Optioned>): Optioned =>
  items.create({ orderId, id: freshId() } as never);
const ofEntity: Parameter = { value: fresh, whole: 'refused' };
const ofLoaded: Parameter = { value: (items) => items.insert(fresh(items)), whole: 'refused' };

const given: Record<string, unknown> = {
  deadlineMs: 5_000,
  signal,
  opId: undefined,
  durability: undefined,
  ifVersion: undefined,
  where: { state: 'x' },
  limit: 5,
  select: ['state'],
  cursor: undefined,
  batchSize: 5,
  from: undefined,
  pollMs: 50,
  olderThan: '1d',
  attempts: 3,
  name: 'a',
  ttlMs: 5_000,
  waitMs: 1_000,
  timeoutMs: 1_000,
  partition: orderId,
  reverse: true,
  to: undefined,
  min: 1,
  max: 2,
  offset: 0,
  maxLength: 5,
  after: undefined,
  with: ['owner'],
  batch: 10,
  onProgress: () => {},
  sample: 5,
  order: 'desc',
  scan: true,
  total: true,
  anotherKey: true,
};
/** Options of a call, each with a value where one fits. */
function options(call: keyof typeof ENTITY_OPTIONS, conditions: readonly string[] = []): Parameter {
  const known: readonly string[] = ENTITY_OPTIONS[call];
  const values = (): object =>
    Object.fromEntries(known.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]));
  return { value: values, whole: 'left out', parts: 'left out', conditions, known };
}
const bounds: Parameter = { ...options('a range of scores'), whole: 'refused', parts: 'refused' };

type Method = (...args: never[]) => unknown;
type MethodNames<T> = { [Name in keyof T]: T[Name] extends Method ? Name : never }[keyof T] & string;
type Table<T> = {
  [Name in MethodNames<T>]: T[Name] extends (...args: infer Args) => unknown
    ? { [I in keyof Args]-?: Parameter }
    : never;
};

const work = needed(async () => {});
const write = options('a write');
const many = options('a write of many rows');
// An order and a scan need a query, which a stream can do without.
const streamed: Parameter = {
  ...options('a stream of entities'),
  value: () => ({ batchSize: 5, signal }),
};

// select and with exclude each other
const byKey: Parameter = { ...options('a read by key'), value: () => ({ with: ['owner'] }) };

const ofRepository: Table<ClusterRepository<Optioned>> = {
  keyOf: [ofKey],
  findOne: [ofKey, byKey],
  findOneOrFail: [ofKey, byKey],
  findMany: [needed([key]), byKey],
  findBy: [ofWhere, options('findBy()')],
  findOneBy: [ofWhere, options('findOneBy()')],
  findPage: [ofWhere, options('findPage()')],
  countBy: [ofWhere, options('countBy()')],
  stream: [{ ...ofWhere, whole: 'left out' }, streamed],
  observe: [{ ...ofWhere, whole: 'left out' }, streamed],
  changes: [optional(orderId), options('changes()')],
  changesCursor: [optional(orderId)],
  follow: [{ value: freshId, whole: 'refused' }, needed(() => {}), options('follow()')],
  deadLetters: [needed('group'), optional([Optioned])],
  exists: [ofKey],
  softRemove: [ofLoaded, write],
  softDelete: [ofKey, write],
  restore: [ofKey, write],
  findDeleted: [needed(orderId), options('findDeleted()')],
  purgeDeleted: [{ ...options('purgeDeleted()', ['olderThan']), whole: 'refused' }],
  sweepExpired: [options('sweepExpired()')],
  sweepGlobals: [options('sweepGlobals()')],
  verifyIndexes: [options('verifyIndexes()')],
  reindex: [options('reindex()')],
  migrate: [options('migrate()')],
  create: [{ value: () => ({ orderId, state: 'x' }), whole: 'left out', parts: 'left out' }],
  save: [ofEntity, write],
  insert: [ofEntity, write],
  upsert: [ofEntity, write],
  update: [ofKey, ofPatch, options('an update', ['ifVersion', 'where'])],
  remove: [ofLoaded, write],
  delete: [ofKey, write],
  saveMany: [needed([]), many],
  deleteMany: [needed([key]), many],
  increment: [ofKey, needed('n'), optional(1), write],
  expire: [ofKey, needed(60_000), write],
  persist: [ofKey, write],
  collection: [ofKey, needed('tags')],
  partition: [needed(orderId)],
  transaction: [needed(orderId), work, options('a transaction')],
  withLock: [needed(orderId), work, options('a lock')],
};
/** The lines of an export without rows. The partition must have none, either. */
const ofLines: Parameter = {
  value: async (items) => {
    await items.partition(orderId).delete();
    const header = { keyslot: 'partition', format: 1, owner: 'Order', partition: orderId, entities: [] };
    return [JSON.stringify(header), JSON.stringify({ end: { rows: 0, unknown: [] } })];
  },
  whole: 'refused',
};
const ofPartition: Table<Partition> = {
  loadAll: [needed([Order, Optioned])],
  // undefined means all classes, of which Order does not record its changes
  changes: [needed([Optioned]), options('changes() of a partition')],
  changesCursor: [],
  delete: [options('partition.delete()')],
  size: [options('partition.size()')],
  export: [options('partition.export()')],
  import: [ofLines, options('partition.import()')],
  transaction: [work, options('a transaction')],
  withLock: [work, options('a lock')],
};
const ofTransaction: Table<PartitionTransaction> = {
  get: [needed(Optioned), ofKey],
  find: [needed(Optioned), ofWhere, options('tx.find()')],
  save: [ofEntity],
  insert: [ofEntity],
  remove: [ofLoaded],
  softRemove: [ofLoaded],
  restore: [needed(Optioned), ofKey],
  increment: [needed(Optioned), ofKey, needed('n'), optional(1)],
  collection: [needed(Optioned), ofKey, needed('tags')],
  emit: [needed('named'), optional({ a: 1 })],
};
const ofLock: Table<PartitionLock> = {
  repository: [needed(Optioned)],
  transaction: [work, options('a transaction')],
};
@ClusterRepositoryOf(Optioned)
class OwnRepository extends ClusterRepository<Optioned> {}

const ofRegistry: Table<Omit<EntityRegistry, 'parts' | 'covers' | 'overview'>> = {
  bind: [{ value: () => new OwnRepository(), whole: 'refused' }],
  register: [needed([Optioned])],
  checkSchemas: [],
  repository: [needed(Optioned)],
  subscribe: [needed(Optioned), { value: () => ({ afterLoad: () => {} }), whole: 'refused' }],
};
const ofSet: Table<ClusterSet<string>> = {
  with: [write],
  clear: [],
  add: [needed('a')],
  delete: [needed('a')],
  pop: [optional(1)],
  has: [needed('a')],
  size: [],
  members: [],
};
const ofList: Table<ClusterList<string>> = {
  with: [write],
  clear: [],
  push: [needed('a')],
  unshift: [needed('a')],
  pop: [],
  shift: [],
  trim: [needed(0), needed(5)],
  remove: [needed('a'), optional(1)],
  at: [needed(0)],
  range: [optional(0), optional(-1)],
  size: [],
};
const ofSortedSet: Table<ClusterSortedSet<string>> = {
  with: [write],
  clear: [],
  add: [needed('a'), needed(1)],
  addMany: [needed([['a', 1]])],
  increment: [needed('a'), optional(1)],
  delete: [needed('a')],
  deleteByScore: [bounds],
  keepHighest: [needed(5)],
  keepLowest: [needed(5)],
  score: [needed('a')],
  rank: [needed('a'), options('rank()')],
  range: [options('range() of a sorted set')],
  rangeByScore: [options('rangeByScore()', ['min', 'max'])],
  countByScore: [bounds],
  size: [],
};
const ofHash: Table<ClusterHash<number>> = {
  with: [write],
  clear: [],
  set: [needed('a'), needed(1)],
  setMany: [needed([['a', 1]])],
  delete: [needed('a')],
  increment: [needed('a'), needed(1)],
  get: [needed('a')],
  getMany: [needed(['a'])],
  getAll: [],
  has: [needed('a')],
  size: [],
};
const ofStream: Table<ClusterStream<string>> = {
  with: [write],
  clear: [],
  append: [needed('a'), options('append()')],
  trim: [needed(5)],
  delete: [needed('1-1')],
  range: [options('range() of a stream')],
  read: [options('read()')],
  size: [],
};

const ofFollower: Table<ChangeFollower> = { ready: [], close: [options('close() of a follower')] };
const ofDeadLetters: Table<DeadLetters> = {
  list: [],
  redrive: [needed(() => {})],
  discard: [needed('1:1-0')],
};
const ofContext: Table<ChangeContext> = { transaction: [work, options('a transaction')] };

/** Runs something with an object of the kind. */
type Use = (items: ClusterRepository<Optioned>, use: (target: object) => unknown) => unknown;
const handle =
  (name: 'tags' | 'log' | 'scores' | 'sizes' | 'news'): Use =>
  (items, use) =>
    use(items.collection(key, name));

const follower: Use = async (items, use) => {
  const one = items.follow(freshId(), () => {});
  try {
    await settled(use(one));
  } finally {
    await one.close();
  }
};
let following: ChangeFollower | undefined;
let onContext: ((context: ChangeContext) => Promise<void>) | undefined;
afterAll(() => following?.close());
/** Waits for a change, and for what is done with its context. */
const changeContext: Use = async (items, use) => {
  following ??= repository().follow(freshId(), async (_, context) => {
    const then = onContext;
    onContext = undefined;
    await then?.(context).catch(() => {});
  });
  await following.ready();
  await new Promise<void>((resolve, reject) => {
    onContext = async (context) => {
      const used = (async () => settled(use(context)))();
      used.then(resolve, reject);
      return used;
    };
    items.upsert(items.create({ ...key, state: freshId() })).catch(reject);
  });
};

const kinds: [name: string, table: Record<string, readonly Parameter[]>, use: Use][] = [
  ['a repository', ofRepository, (items, use) => use(items)],
  ['a partition', ofPartition, (items, use) => use(items.partition(orderId))],
  [
    'a transaction',
    ofTransaction,
    (items, use) => items.transaction(orderId, async (tx) => void (await settled(use(tx)))),
  ],
  [
    'a lock',
    ofLock,
    (items, use) => items.withLock(orderId, async (lock) => void (await settled(use(lock)))),
  ],
  ['a registry', ofRegistry, (_, use) => use(registry())],
  ['a set', ofSet, handle('tags')],
  ['a list', ofList, handle('log')],
  ['a sorted set', ofSortedSet, handle('scores')],
  ['a hash', ofHash, handle('sizes')],
  ['a stream', ofStream, handle('news')],
  ['a follower', ofFollower, follower],
  ['dead letters', ofDeadLetters, (items, use) => use(items.deadLetters(freshId()))],
  ['the context of a change', ofContext, changeContext],
];

/** Waits for what a method returns, and throws what it reports. */
async function settled(returned: unknown): Promise<void> {
  if (isObservable(returned)) {
    await lastValueFrom(returned, { defaultValue: undefined });
    return;
  }
  const value: unknown = await returned;
  // The iterator of a generator, not the handle of a collection.
  if (typeof (value as AsyncGenerator | undefined)?.next === 'function')
    for await (const one of value as AsyncGenerator) void one;
  const results = Array.isArray(value) ? (value as ({ error?: Error } | null)[]) : [];
  for (const result of results) if (result?.error) throw result.error;
}

/** A variant of a call: the arguments, and what is to become of it. */
interface Variant {
  readonly name: string;
  readonly args: unknown[];
  /** The name of what is refused; undefined where the call has to succeed. */
  readonly refused?: string;
  /** What the error also says. */
  readonly says?: string;
}

async function* variantsOf(
  parameters: readonly Parameter[],
  items: ClusterRepository<Optioned>,
): AsyncGenerator<Variant> {
  const valid = (): Promise<unknown[]> => Promise.all(parameters.map(async ({ value }) => value(items)));
  yield { name: 'as it is meant', args: await valid() };
  for (const [i, { whole, parts, conditions = [], known }] of parameters.entries()) {
    const withValue = async (value: unknown): Promise<unknown[]> => (await valid()).with(i, value);
    yield {
      name: `parameter ${i + 1} undefined`,
      args: await withValue(undefined),
      refused: whole === 'refused' ? '' : undefined,
    };
    if (parts === undefined) continue;
    const object = (await valid())[i] as object;
    for (const name of known ?? Object.keys(object)) {
      const isRefused = (parts === 'refused') !== conditions.includes(name);
      const args = await withValue({ ...object, [name]: undefined });
      yield { name: `${name} undefined`, args, refused: isRefused ? name : undefined };
    }
    yield { name: 'an unknown name', args: await withValue({ ...object, strange: 1 }), refused: 'strange' };
    if (known === undefined) continue;
    const misspelt = `${known[0]}s`;
    yield {
      name: `${misspelt} for ${known[0]}`,
      args: await withValue({ ...object, [misspelt]: 1 }),
      refused: misspelt,
      says: `(did you mean ${known[0]}?)`,
    };
    yield { name: 'a list in place of options', args: await withValue([]), refused: 'options' };
  }
}

describe.each(kinds)('each method of %s', (_kind, table, use) => {
  beforeEach(async () => {
    const items = repository();
    await items.upsert(items.create({ ...key, state: 'x', expiresAt: new Date(Date.now() + 60_000) }));
  });

  it('is in the table of this test', async () => {
    const found: string[] = [];
    await use(repository(), (target) => void found.push(...publicMethods(target)));
    expect(found.filter((name) => !Object.hasOwn(table, name))).toEqual([]);
    expect(found).toEqual(expect.arrayContaining(Object.keys(table)));
  });

  it.each(Object.keys(table))('%s', async (method) => {
    const items = repository();
    for await (const { name, args, refused, says } of variantsOf(table[method], items)) {
      const call = (target: object): unknown => {
        const returned: unknown = (Reflect.get(target, method) as Method)(...(args as never[]));
        if (method !== 'changes') return returned;
        (returned as { subscribe(): { unsubscribe(): void } }).subscribe().unsubscribe(); // it does not end
        return undefined;
      };
      const bound = (target: object): unknown => call(bindAll(target, method));
      const fate = await (async () => settled(await use(items, bound)))().then(
        () => 'succeeds',
        (error: Error & { code?: string; argument?: string }) => error,
      );
      if (refused === undefined) expect([name, fate]).toEqual([name, 'succeeds']);
      else {
        expect([name, fate]).toEqual([
          name,
          expect.objectContaining({
            code: expect.stringMatching(/^(INVALID_ARGUMENT|UNINDEXED_QUERY|SCHEMA_ERROR)$/),
            message: expect.stringContaining(says ?? refused),
          }),
        ]);
      }
    }
  });
});

it('every class of entities that the package exports has a table', async () => {
  const tested = new Set<string>();
  for (const [, , use] of kinds)
    await use(repository(), (target) => {
      for (let level = target; level !== Object.prototype; level = Object.getPrototypeOf(level) as object)
        tested.add(level.constructor.name);
    });
  const classes = Object.values(keyslot as Record<string, unknown>).filter(
    (value): value is new () => object => typeof value === 'function' && isOfEntities(value.name),
  );
  expect(classes.length).toBeGreaterThan(5);
  const withMethods = classes.filter(({ prototype }) => Object.getOwnPropertyNames(prototype).length > 1);
  expect(withMethods.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual([]);
});

/** Whether a file of lib/entity has the class. Errors have no methods. */
const isOfEntities = (className: string): boolean =>
  /^[A-Z]/.test(className) && !className.endsWith('Error') && fileOf(className) !== undefined;

/** The target with a method that keeps its `this`. */
const bindAll = (target: object, method: string): object => ({
  [method]: (Reflect.get(target, method) as Method).bind(target),
});

/** The methods of an object, but for those that its classes keep private. */
function publicMethods(target: object): string[] {
  const own = hiddenIn(target.constructor.name);
  const names = new Set(
    Object.keys(target).filter((name) => typeof Reflect.get(target, name) === 'function' && !own.has(name)),
  );
  for (
    let level = Object.getPrototypeOf(target) as object;
    level !== Object.prototype;
    level = Object.getPrototypeOf(level) as object
  ) {
    const { constructor } = level;
    const hidden = hiddenIn(constructor.name);
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (typeof value === 'function' && name !== 'constructor' && !hidden.has(name)) names.add(name);
  }
  return [...names];
}

const sources = readdirSync(join(root, 'lib/entity'), { recursive: true, encoding: 'utf8' });

/** The file that is named for a class. */
function fileOf(className: string): string | undefined {
  const file = `/${className.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.ts`;
  return sources.find((source) => source.endsWith(file));
}

/** What a class declares as private, protected or internal. */
function hiddenIn(className: string): Set<string> {
  const path = fileOf(className);
  const text = path === undefined ? '' : readFileSync(join(root, 'lib/entity', path), 'utf8');
  const kept = [...text.matchAll(/^ {2}(?:private|protected) (?:override |async |\*)*(\w+)[<(]/gm)];
  const fields = [...text.matchAll(/^ {2,4}(?:private|protected) (?:readonly )?(\w+)[!?:]/gm)];
  return new Set([...[...kept, ...fields].map(([, name]) => name), ...(INTERNAL[className] ?? [])]);
}

/** Public methods of classes that applications do not call. */
const INTERNAL: Record<string, readonly string[]> = {
  TransactionAttempt: ['commit', 'isStale'],
  EntityRegistry: ['parts', 'covers', 'overview'],
};
