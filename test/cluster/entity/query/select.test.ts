import { lastValueFrom, toArray } from 'rxjs';
import {
  AfterLoad,
  BelongsTo,
  ClusterEntity,
  type ClusterRepository,
  type ClusterSet,
  Counter,
  createRepositories,
  CreatedAt,
  ExpiresAt,
  Index,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  SchemaMismatchError,
  SetOf,
  Shape,
  Unique,
  Version,
} from 'keyslot';
import { Order, counted, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();

@ClusterEntity({ name: 'Report', partition: () => Order })
class Report {
  declare readonly [Shape]: {
    key: 'orderId' | 'id';
    indexed: 'status' | 'code' | 'region' | 'rank';
    global: 'region' | 'rank';
    counters: 'views';
  };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Property() title?: string;
  @Property() body?: string;
  @Index() @Property() status?: string;
  @Unique() @Property() code?: string;
  @Index({ name: 'place', fields: ['region', 'rank'], scope: 'global' }) @Property() region?: string;
  @Property() rank?: number;
  @Property() priority: number = 3;
  @Property() due?: Date;
  @Property() seal?: Buffer;
  @Counter() views!: number;
  @CreatedAt() createdAt?: Date;
  @ExpiresAt() expiresAt?: Date;
  @Version() version!: number;
  @SetOf(String) tags!: ClusterSet<string>;
  @BelongsTo(() => Order) order!: Related<Order | null>;
  loads = 0;

  @AfterLoad()
  loaded(): void {
    this.loads++;
  }
}

let orderId: string;
let reports: ClusterRepository<Report>;

beforeEach(() => {
  orderId = freshId();
  reports = createRepositories(cluster.client, [Order, Report]).repository(Report);
});

const insert = (id: string, data: Partial<Report> = {}): Promise<Report> =>
  reports.insert(reports.create({ orderId, id, title: `title ${id}`, body: 'long', ...data }));

it('reads the named properties and those of the key', async () => {
  await insert('a', { status: 'open', due: new Date(5) });
  const found = await reports.findOne({ orderId, id: 'a' }, { select: ['title', 'status'] });
  expect(found).toEqual({ orderId, id: 'a', title: 'title a', status: 'open' });
  expect(Object.keys(found!)).toEqual(['orderId', 'id', 'title', 'status']);
  expect(JSON.parse(JSON.stringify(found))).toEqual({ orderId, id: 'a', title: 'title a', status: 'open' });
  const other = await reports.findOneOrFail({ orderId, id: 'a' }, { select: ['due'] });
  expect(other.due).toEqual(new Date(5));
});

it('has properties of every kind: bytes, defaults, counters, the version and times', async () => {
  const expiresAt = new Date(Date.now() + 60_000);
  const report = await insert('a', { seal: Buffer.from([0xff, 0xfe]), expiresAt });
  await reports.increment({ orderId, id: 'a' }, 'views', 7);
  const select = ['seal', 'priority', 'views', 'version', 'expiresAt', 'createdAt', 'body'] as const;
  const found = await reports.findOne({ orderId, id: 'a' }, { select });
  expect(found).toMatchObject({
    seal: Buffer.from([0xff, 0xfe]),
    priority: 3,
    views: 7,
    version: report.version,
    expiresAt,
    createdAt: report.createdAt,
    body: 'long',
  });
  await reports.update({ orderId, id: 'a' }, { priority: null as never });
  expect(await reports.findOne({ orderId, id: 'a' }, { select: ['priority'] })).toEqual({
    orderId,
    id: 'a',
    priority: undefined,
  });
});

it('shows defaults of rows that lack the property, and undefined for what has no value', async () => {
  await cluster.client.hset(reports.keyOf({ orderId, id: 'raw' }), 'unknown', 'x');
  expect(await reports.findOne({ orderId, id: 'raw' }, { select: ['priority', 'title', 'views'] })).toEqual({
    orderId,
    id: 'raw',
    priority: 3,
    title: undefined,
    views: 0,
  });
});

it('reads nothing else', async () => {
  await insert('a');
  const asked: string[] = [];
  const client = counted(cluster.client);
  client.pipeline = () => {
    const pipeline = cluster.client.pipeline();
    const { exec, hgetall, hgetallBuffer, hmgetBuffer } = pipeline;
    const hmget = (key: string, ...fields: string[]): unknown => {
      asked.push(...fields);
      return pipeline.hmget(key, ...fields);
    };
    const others = Object.fromEntries(
      Object.entries({ exec, hgetall, hgetallBuffer, hmgetBuffer }).map(([name, method]) => [
        name,
        (method as () => void).bind(pipeline),
      ]),
    );
    return { ...others, hmget } as never;
  };
  const repository = createRepositories(client, [Order, Report]).repository(Report);
  await repository.findOne({ orderId, id: 'a' }, { select: ['title'] });
  expect(asked).toEqual(['~v', '~x', 'title']);
  expect(client.calls).toEqual([]);
});

it('gives null for missing and expired rows', async () => {
  expect(await reports.findOne({ orderId, id: 'none' }, { select: ['title'] })).toBeNull();
  await insert('gone', { expiresAt: new Date(Date.now() - 1) });
  await insert('a');
  const keys = ['gone', 'a', 'none'].map((id) => ({ orderId, id }));
  expect(await reports.findMany(keys, { select: ['title'] })).toEqual([
    null,
    { orderId, id: 'a', title: 'title a' },
    null,
  ]);
  expect(await reports.findMany([], { select: ['title'] })).toEqual([]);
  await expect(reports.findOneOrFail(keys[0], { select: ['title'] })).rejects.toThrow(/There is no Report/);
});

it('works in queries, whose conditions need not be selected', async () => {
  await insert('a', { status: 'open', code: '1', region: 'eu', rank: 1 });
  await insert('b', { status: 'open', code: '2', region: 'eu', rank: 2 });
  await insert('c', { status: 'done', code: '3' });
  const select = ['title'] as const;
  const [a, b] = ['a', 'b'].map((id) => ({ orderId, id, title: `title ${id}` }));
  expect(await reports.findBy({ orderId, status: 'open' }, { select })).toEqual([a, b]);
  expect(await reports.findBy({ orderId }, { select, limit: 1 })).toEqual([a]);
  expect(await reports.findOneBy({ orderId, code: '2' }, { select })).toEqual(b);
  const page = await reports.findPage({ orderId, status: 'open' }, { select, limit: 1 });
  expect(page.items).toEqual([a]);
  const next = await reports.findPage({ orderId, status: 'open' }, { select, cursor: page.cursor });
  expect(next.items).toEqual([b]);
  const mine = (rows: { orderId: string }[]): object[] => rows.filter((row) => row.orderId === orderId);
  expect(mine(await reports.findBy({ region: 'eu' }, { select }))).toEqual([a, b]);
});

it('works in streams and observables', async () => {
  await insert('a', { status: 'open' });
  await insert('b', { status: 'open' });
  const titles = [];
  for await (const { title } of reports.stream({ orderId, status: 'open' }, { select: ['title'] }))
    titles.push(title);
  expect(titles).toEqual(['title a', 'title b']);
  const all = [];
  for await (const row of reports.stream(undefined, { select: ['title'], batchSize: 7 }))
    if (row.orderId === orderId) all.push(row);
  expect(all).toHaveLength(2);
  expect(all[0]).not.toHaveProperty('body');
  const emitted = await lastValueFrom(
    reports.observe({ orderId, status: 'open' }, { select: ['title'] }).pipe(toArray()),
  );
  expect(emitted.map(({ id }) => id)).toEqual(['a', 'b']);
});

it('is a frozen plain object, and runs no hooks', async () => {
  await insert('a');
  const found = (await reports.findOne({ orderId, id: 'a' }, { select: ['title'] }))!;
  expect(Object.isFrozen(found)).toBe(true);
  expect(found).not.toBeInstanceOf(Report);
  expect(found).not.toHaveProperty('loads');
  expect(() => ((found as { title?: string }).title = 'x')).toThrow(TypeError);
});

it('cannot be written or removed', async () => {
  await insert('a');
  const found = (await reports.findOne({ orderId, id: 'a' }, { select: ['title'] })) as never;
  const refused = { name: InvalidArgumentError.name, message: expect.stringContaining('read with select') };
  for (const method of ['save', 'insert', 'upsert', 'remove'] as const)
    await expect(reports[method](found)).rejects.toMatchObject(refused);
  expect(await reports.saveMany([found])).toMatchObject([{ ok: false, error: refused }]);
  for (const method of ['save', 'insert', 'remove'] as const)
    await expect(reports.transaction(orderId, async (tx) => tx[method](found))).rejects.toMatchObject(
      refused,
    );
  expect(await reports.findOne({ orderId, id: 'a' })).toMatchObject({ body: 'long' });
});

it.each([
  [[], 'select of Report is empty'],
  [['title', 'title'], 'names title twice'],
  [['titel'], 'names titel, which is not a stored property (did you mean title?)'],
  [['tags'], "names tags, which is a collection with a key of its own: read it with collection(key, 'tags')"],
  [['order'], "names order, which is a relation: load it with { with: ['order'] } instead of select"],
  [['loads'], 'names loads, which is not a stored property'],
  [['toString'], 'names toString, which is not a stored property'],
  [[7], 'names properties by strings, got a number'],
  ['title', "must be a list of properties, such as ['id'], got a string"],
  [null, "must be a list of properties, such as ['id'], got null"],
])('rejects the select %j', async (select, message) => {
  const options = { select: select as never };
  const refused = { argument: 'select', message: expect.stringContaining(message) };
  const key = { orderId, id: 'a' };
  await expect(reports.findOne(key, options)).rejects.toMatchObject(refused);
  await expect(reports.findMany([key], options)).rejects.toMatchObject(refused);
  await expect(reports.findBy({ orderId }, options)).rejects.toMatchObject(refused);
  await expect(reports.findPage({ orderId }, options)).rejects.toMatchObject(refused);
  await expect(reports.stream({ orderId }, options).next()).rejects.toMatchObject(refused);
});

it('is not combined with relations', async () => {
  const refused = { argument: 'select', message: expect.stringContaining('exclude each other') };
  const options = { select: ['title'], with: ['order'] } as const;
  await expect(reports.findOne({ orderId, id: 'a' }, options)).rejects.toMatchObject(refused);
  await expect(reports.findMany([{ orderId, id: 'a' }], options)).rejects.toMatchObject(refused);
});

it('reports a stored field of another type, and only if it is selected', async () => {
  await insert('a');
  await cluster.client.hset(reports.keyOf({ orderId, id: 'a' }), 'rank', 'no number');
  const key = { orderId, id: 'a' };
  await expect(reports.findOne(key, { select: ['rank'] })).rejects.toThrow(SchemaMismatchError);
  expect(await reports.findOne(key, { select: ['title'] })).toMatchObject({ title: 'title a' });
  await cluster.client.hset(reports.keyOf(key), 'title', Buffer.from([0xff]));
  await expect(reports.findOne(key, { select: ['title'] })).rejects.toThrow(SchemaMismatchError);
});
