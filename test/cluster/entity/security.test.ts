import {
  ClusterClient,
  ClusterEntity,
  createRepositories,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  type ClusterRepository,
} from 'keyslot';
import { sharedCluster } from '../../cluster-fixture.js';

@ClusterEntity({ name: 'Planted' })
class Planted {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @Property(Object) extra?: unknown;
}

@ClusterEntity({ name: 'Part', partition: () => Planted })
class Part {
  declare readonly [Shape]: { key: 'plantedId' | 'id'; indexed: 'state' };
  @PartitionKey() plantedId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() state?: string;
}

/** What somebody may hope to be read as more than an id, a value or a name. */
const HOSTILE = [
  "'] redis.call('FLUSHALL') --[[",
  "']]) return redis.call('FLUSHALL') --",
  '${process.exit(1)}',
  '*1\r\n$8\r\nFLUSHALL\r\n',
  '\0\n\r"\\',
  '{other}:Planted:1',
  '}:Planted:1{',
  '*?[a-z]',
  '__proto__',
  'constructor',
  '%7B',
];

describe('rows from untrusted sources', () => {
  const { nodes, keyspace } = sharedCluster();
  let client: ClusterClient;
  let planted: ClusterRepository<Planted>;
  let parts: ClusterRepository<Part>;

  beforeAll(async () => {
    client = new ClusterClient({ nodes, keyPrefix: keyspace });
    const repositories = createRepositories(client, [Planted, Part]);
    planted = repositories.repository(Planted);
    parts = repositories.repository(Part);
    await client.set('witness', 'here');
  });
  afterAll(() => client?.close());

  it('fill only the properties that their class declares', async () => {
    await planted.insert(planted.create({ id: 'row', note: 'a', extra: {} }));
    const fields = { constructor: 'x', toString: 'y', hasOwnProperty: 'z', admin: 'true', save: 'w' };
    await client.hset(planted.keyOf('row'), fields);
    await client.hset(
      planted.keyOf('row'),
      '__proto__',
      '{"admin":true}',
      'extra',
      '{"__proto__":{"admin":true}}',
    );
    const row = await planted.findOneOrFail('row');
    expect(row).toBeInstanceOf(Planted);
    expect(Object.getPrototypeOf(row)).toBe(Planted.prototype);
    expect(Object.keys(row).toSorted()).toEqual(['extra', 'id', 'note']);
    expect(row.constructor).toBe(Planted);
    expect([row, row.extra, {}].map((thing) => (thing as { admin?: boolean }).admin)).toEqual(
      Array(3).fill(undefined),
    );
    row.note = 'b';
    await planted.save(row);
    expect(await client.hget(planted.keyOf('row'), 'admin')).toBe('true');
  });

  it.each(HOSTILE)('are the same whatever their ids and values contain: %j', async (text) => {
    await planted.insert(planted.create({ id: text, note: text, extra: { [text]: text } }));
    const row = await planted.findOneOrFail(text);
    expect([row.id, row.note, Object.entries(row.extra as object)]).toEqual([text, text, [[text, text]]]);
    await planted.transaction(text, async (tx) => {
      const found = (await tx.get(Planted, text))!;
      found.note = `${text}!`;
      tx.save(found);
    });
    await parts.save(parts.create({ plantedId: text, id: text, state: text }));
    expect(await parts.findBy({ plantedId: text, state: text })).toMatchObject([{ id: text, state: text }]);
    expect((await planted.findOneOrFail(text)).note).toBe(`${text}!`);
    expect(await client.get('witness')).toBe('here');
  });

  it('are returned in pages of a thousand at most', async () => {
    const where = { plantedId: 'none', state: 'x' };
    for (const limit of [0, 1_001, Infinity, NaN])
      await expect(parts.findPage(where, { limit })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await parts.findPage(where, { limit: 1_000 })).toEqual({ items: [] });
  });
});
