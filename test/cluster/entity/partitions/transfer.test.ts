import {
  ClusterEntity,
  type ClusterHash,
  type ClusterList,
  type ClusterRepository,
  type ClusterSet,
  type ClusterSortedSet,
  type ClusterStream,
  Counter,
  createRepositories,
  Embedded,
  ExpiresAt,
  HashOf,
  Index,
  InvalidArgumentError,
  ListOf,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
  SortedSetOf,
  StreamOf,
  Unique,
  UniqueViolationError,
  Version,
  VersionConflictError,
} from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';

class Address {
  @Property() street!: string;
  @Property(() => BigInt) code!: bigint;
}

@ClusterEntity({ name: 'Shop' })
class Shop {
  @PrimaryKey() id!: string;
  @Property() name: string = 'unnamed';
  @Unique({ scope: 'global' }) @Property() domain?: string;
  @Version() version!: number;
}

@ClusterEntity({ name: 'Ware', partition: () => Shop })
class Ware {
  @PartitionKey() shopId!: string;
  @PrimaryKey() id!: number;
  @Unique() @Property() sku?: string;
  @Index() @Property(() => BigInt) cents?: bigint;
  @Property() weight?: number;
  @Property() isSold?: boolean;
  @Index() @Property() since?: Date;
  @Property() seal?: Buffer;
  @Property(() => [String]) names?: string[];
  @Property(Object) extra?: unknown;
  @Property({ enum: ['a', 'b'] }) grade?: 'a' | 'b' = 'a';
  @Embedded(() => Address) from?: Address;
  @Counter({ type: BigInt }) views!: bigint;
  @ExpiresAt() expiresAt?: Date;
  @Version() version!: number;
  @SetOf(String) tags!: ClusterSet<string>;
  @ListOf(Buffer) log!: ClusterList<Buffer>;
  @SortedSetOf(Number) ranks!: ClusterSortedSet<number>;
  @HashOf(Date) seen!: ClusterHash<Date>;
  @StreamOf(String) news!: ClusterStream<string>;
}

const shared = sharedCluster();
const source = sharedClient(shared);
const target = sharedClient({ ...shared, keyspace: `${shared.keyspace}other:` }); // stands for another cluster

interface Repositories {
  shops: ClusterRepository<Shop>;
  wares: ClusterRepository<Ware>;
}
const repositories = ({ client }: typeof source): Repositories => {
  const registry = createRepositories(client, [Shop, Ware]);
  return { shops: registry.repository(Shop), wares: registry.repository(Ware) };
};

/** A shop with wares that have everything. */
async function sample({ shops, wares }: Repositories): Promise<string> {
  const shopId = freshId();
  await shops.insert(shops.create({ id: shopId, name: 'Ærø {x}', domain: `${shopId}.example` }));
  const full = await wares.insert(
    wares.create({
      shopId,
      id: 1,
      sku: 'ink\u0000',
      cents: -(2n ** 70n),
      weight: 0.1,
      isSold: false,
      since: new Date(1),
      seal: Buffer.from([0, 255, 128]),
      names: ['a', 'ü'],
      extra: { __proto__: null, a: [1, null] },
      grade: 'b',
      from: Object.assign(new Address(), { street: 'x', code: 7n }),
      expiresAt: new Date(Date.now() + 3_600_000),
    }),
  );
  await wares.increment({ shopId, id: 1 }, 'views', 12n);
  await full.tags.add('red', 'ünic');
  await full.log.push(Buffer.from([1, 200]), Buffer.from('text'));
  await full.ranks.add(3, 0.5);
  await full.ranks.add(4, -1e300);
  await full.seen.set('ada', new Date(5));
  await full.news.append('first');
  await full.news.append('second');
  await wares.insert(wares.create({ shopId, id: 2, seal: Buffer.from('plain') }));
  await wares.update({ shopId, id: 2 }, { grade: null }); // removed on purpose
  await source.client.hset(wares.keyOf({ shopId, id: 2 }), 'ofNewerVersion', 'kept');
  return shopId;
}

async function linesOf({ shops }: Repositories, shopId: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of shops.partition(shopId).export()) lines.push(line);
  return lines;
}

/** What a partition holds, but for what differs between two writes of the same row. */
async function contents(from: typeof source, shopId: string): Promise<Record<string, unknown>> {
  const { tag } = repositories(from).shops.partition(shopId);
  const { client } = from;
  const prefix = from === source ? shared.keyspace : `${shared.keyspace}other:`;
  const keys = (await client.keys(`${prefix}${tag}*`)).map((key) => key.slice(prefix.length)).sort();
  const found: Record<string, unknown> = {};
  for (const key of keys.filter((one) => !one.endsWith('~fe'))) {
    const dump = await client.type(key);
    if (dump === 'hash') {
      const fields = await client.hgetallBuffer(key);
      delete fields['~op'];
      found[key] = Object.fromEntries(
        Object.entries(fields).map(([field, value]) => [
          field,
          field.startsWith('~g:') ? value.subarray(12).toString('hex') : value.toString('hex'),
        ]),
      );
    } else if (dump === 'zset') found[key] = await client.zrange(key, '0', '-1', 'WITHSCORES');
    else if (dump === 'set') found[key] = (await client.smembers(key)).sort();
    else if (dump === 'list')
      found[key] = (await client.lrangeBuffer(key, 0, -1)).map((one) => one.toString('hex'));
    else found[key] = await client.xrange(key, '-', '+');
    found[`${key} expires`] = await client.pexpiretime(key);
  }
  return found;
}

describe('partition(key).export() and import()', () => {
  it('carry all that a partition holds to another cluster', async () => {
    const [here, there] = [repositories(source), repositories(target)];
    const shopId = await sample(here);
    const lines = await linesOf(here, shopId);
    expect(lines.every((line) => typeof JSON.parse(line) === 'object')).toBe(true);
    expect(await there.shops.partition(shopId).import(lines)).toEqual({ rows: 3, expired: 0 });
    const [before, after] = [await contents(source, shopId), await contents(target, shopId)];
    expect(Object.keys(before).length).toBeGreaterThan(16);
    expect(after).toEqual(before);
    const issues = [];
    for await (const issue of there.wares.verifyIndexes({ partition: shopId })) issues.push(issue);
    for await (const issue of there.shops.verifyIndexes({ partition: shopId })) issues.push(issue);
    expect(issues).toEqual([]);
    expect(await there.shops.findOneBy({ domain: `${shopId}.example` })).toMatchObject({ name: 'Ærø {x}' });
    const ware = (await there.wares.findOne({ shopId, id: 1 }))!;
    expect(ware).toEqual(await here.wares.findOne({ shopId, id: 1 }));
    expect((await there.wares.findOne({ shopId, id: 2 }))!.grade).toBeUndefined();
    ware.weight = 2;
    await there.wares.save(ware); // its version is that of the row
    await expect(there.wares.update({ shopId, id: 1 }, { weight: 3 }, { ifVersion: 1 })).rejects.toThrow(
      VersionConflictError,
    );
  });

  it('refuse another key, unless it is asked for', async () => {
    const here = repositories(source);
    const shopId = await sample(here);
    const lines = (await linesOf(here, shopId)).filter((line) => !line.includes('"domain"'));
    lines[lines.length - 1] = JSON.stringify({ end: { rows: 2, unknown: [] } });
    const other = freshId();
    const partition = here.shops.partition(other);
    await expect(partition.import(lines)).rejects.toThrow(`is of the partition ${shopId}, not of ${other}`);
    expect(await partition.import(lines, { anotherKey: true })).toEqual({ rows: 2, expired: 0 });
    expect(await here.wares.findOne({ shopId: other, id: 1 })).toMatchObject({
      sku: 'ink\u0000',
      views: 12n,
    });
    expect(await here.wares.collection({ shopId: other, id: 1 }, 'tags').has('red')).toBe(true);
  });

  it('overwrite nothing, and take no value that another partition has', async () => {
    const here = repositories(source);
    const shopId = await sample(here);
    const lines = await linesOf(here, shopId);
    await expect(here.shops.partition(shopId).import(lines)).rejects.toThrow(/has rows already.*delete\(\)/);
    const copy = here.shops.partition(freshId()).import(lines, { anotherKey: true });
    await expect(copy).rejects.toThrow(UniqueViolationError); // the domain is that of the other shop
    await here.shops.partition(shopId).delete();
    expect(await here.shops.partition(shopId).import(lines)).toEqual({ rows: 3, expired: 0 });
    // the elements of a set have no order
    const ordered = (all: string[]): string[] => all.filter((line) => !line.includes('"kind":"set"'));
    expect(ordered(await linesOf(here, shopId))).toEqual(ordered(lines));
  });

  it('carry many rows and elements, from any source of lines', async () => {
    const [here, there] = [repositories(source), repositories(target)];
    const shopId = freshId();
    await here.wares.saveMany(
      Array.from({ length: 250 }, (_, id) =>
        here.wares.create({ shopId, id, seal: Buffer.alloc(10_000, id) }),
      ),
    );
    const elements = Array.from({ length: 2_500 }, (_, i) => Buffer.from(`${i} ${'x'.repeat(600)}`));
    await here.wares.collection({ shopId, id: 7 }, 'log').push(...elements);
    expect(await there.shops.partition(shopId).import(here.shops.partition(shopId).export())).toEqual({
      rows: 250,
      expired: 0,
    });
    expect(await there.wares.countBy({ shopId })).toBe(250);
    const log = await there.wares.collection({ shopId, id: 7 }, 'log').range();
    expect(Buffer.concat(log).equals(Buffer.concat(elements))).toBe(true);
  });

  it('leave out rows that have expired, and name keys of no class', async () => {
    const here = repositories(source);
    const shopId = freshId();
    await here.wares.insert(here.wares.create({ shopId, id: 1 }));
    await here.wares.insert(
      here.wares.create({ shopId, id: 2, expiresAt: new Date(Date.now() + 3_600_000) }),
    );
    await here.wares.collection({ shopId, id: 2 }, 'tags').add('x');
    const stray = `${here.shops.partition(shopId).tag}:Invoice:1`;
    await source.client.set(stray, 'x');
    const lines = await linesOf(here, shopId);
    expect(JSON.parse(lines.at(-1)!)).toEqual({ end: { rows: 2, unknown: [stray] } });
    const past = lines.map((line) => line.replace(/"expiresAt":\d+/, '"expiresAt":1'));
    await here.shops.partition(shopId).delete();
    expect(await here.shops.partition(shopId).import(past)).toEqual({ rows: 1, expired: 1 });
    await here.wares.expire({ shopId, id: 1 }, new Date(1));
    expect(JSON.parse((await linesOf(here, shopId)).at(-1)!).end.rows).toBe(0);
  });

  it.each<[string, (lines: string[]) => unknown]>([
    ['Line 1 is not the first line', (lines) => lines.slice(1)],
    ['Line 1 has the format 2', ([header, ...rest]) => [header.replace('"format":1', '"format":2'), ...rest]],
    ['Line 1 is of a partition of Order', ([header, ...rest]) => [header.replace('Shop', 'Order'), ...rest]],
    ['Line 1 has rows of Lamp', ([header, ...rest]) => [header.replace('"Ware"', '"Lamp"'), ...rest]],
    ['was cut off', (lines) => lines.slice(0, -1)],
    ['lines are missing', (lines) => lines.filter((line) => !line.includes('"id":"2"'))],
    ['comes after the end', (lines) => [...lines, lines[1]]],
    ['Line 2 is not a JSON object', ([header]) => [header, '{"entity":']],
    [
      'Line 3 has elements of a collection',
      (lines) => [lines[0], lines[1].replace('"id":"1"', '"id":"9"'), ...lines.slice(2)],
    ],
    [
      'has a cents that is not',
      (lines) => lines.map((line) => line.replace(/"cents":"[^"]*"/, '"cents":"x"')),
    ],
    ['has a field ~op that no export has', (lines) => lines.map((line) => line.replace('"sku"', '"~op"'))],
    [
      'has no valid version',
      (lines) => lines.map((line) => line.replace(/"version":"\d+"/, '"version":"-1"')),
    ],
    ['lines must be an iterable', () => 'one line'],
    ['lines must be an iterable', () => undefined],
  ])('refuse lines that are none: %s', async (why, spoil) => {
    const here = repositories(source);
    const shopId = await sample(here);
    const lines = await linesOf(here, shopId);
    await here.shops.partition(shopId).delete();
    const importing = here.shops.partition(shopId).import(spoil(lines) as string[]);
    const error = await importing.catch((refusal: Error) => refusal);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as Error).message).toContain(why);
  });
});
