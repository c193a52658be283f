import {
  ClusterClient,
  ClusterEntity,
  type ClusterSet,
  Counter,
  createRepositories,
  ExpiresAt,
  HashOf,
  type ClusterHash,
  PrimaryKey,
  PartitionKey,
  Property,
  SetOf,
} from 'keyslot';
import { libraryBuilt } from '../built-library.js';
import { sharedCluster } from '../cluster-fixture.js';
import { commandLine, keyslot, type Outcome } from './keyslot-program.js';

@ClusterEntity({ name: 'Order' })
class Order {
  @PrimaryKey() id!: string;
  @Property() title!: string;
  @Property() open!: boolean;
  @Property({ type: () => BigInt }) cents!: bigint;
  @Property() due?: Date;
  @Property() seal?: Buffer;
  @Property(Object) address?: { city: string };
  @ExpiresAt() expiry?: Date;
  @SetOf(String) tags!: ClusterSet<string>;
  @HashOf(String) notes!: ClusterHash<string>;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: number;
  @Property() amount!: number;
  @Counter() reserved!: number;
}

const { nodes, keyspace } = sharedCluster();
let client: ClusterClient;

const run = (...line: string[]): Promise<Outcome> =>
  commandLine([
    ...line,
    ...(line.includes('--prefix') ? [] : ['--prefix', keyspace]),
    '--nodes',
    nodes.map(({ host, port }) => `${host}:${port}`).join(),
  ]);

async function json(...line: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(...line, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('stored entities', () => {
  beforeAll(async () => {
    client = new ClusterClient({ nodes, keyPrefix: keyspace });
    const registry = createRepositories(client, [Order, OrderItem]);
    await registry.checkSchemas();
    const orders = registry.repository(Order);
    const items = registry.repository(OrderItem);
    const order = await orders.insert(
      orders.create({
        id: 'a:42',
        title: 'two\nlines \x1b[31m',
        open: true,
        cents: 9_007_199_254_740_993n,
        due: new Date('2030-01-02T03:04:05Z'),
        seal: Buffer.from([0, 255]),
        address: { city: 'Ulm' },
        expiry: new Date('2099-01-01T00:00:00Z'),
      }),
    );
    await order.tags.add('a', 'b');
    await order.notes.set('field', 'value');
    for (const id of [1, 2, 3]) await items.insert(items.create({ orderId: 'a:42', id, amount: id / 2 }));
    await items.increment({ orderId: 'a:42', id: 1 }, 'reserved', 5);
  });

  afterAll(async () => {
    const keys: string[] = [];
    for await (const key of client.scanIterator({ match: `${keyspace}*` }))
      keys.push(key.slice(keyspace.length));
    if (keys.length > 0) await client.del(...keys);
    await client.close();
  });

  describe('keyslot keys', () => {
    it('lists the entities, and the rows of one', async () => {
      expect(await run('keys')).toEqual({ code: 0, stdout: 'Order\nOrderItem\n', stderr: '' });
      expect(await run('keys', 'Order')).toEqual({ code: 0, stdout: 'Order\na:42\n', stderr: '' });
      const items = await run('keys', 'OrderItem');
      expect(items.stdout.split('\n').toSorted()).toEqual(
        ['', ...['1', '2', '3'].map((id) => `a:42   ${id}`), 'Order  OrderItem'].toSorted(),
      );
      expect(await json('keys', 'Order')).toEqual([
        { partition: 'a:42', id: 'a:42', key: `${keyspace}{Order:a%3A42}:Order:a%3A42` },
      ]);
    });

    it('stops at a limit', async () => {
      const { code, stdout, stderr } = await run('keys', 'OrderItem', '--limit', '2');
      expect(code).toBe(0);
      expect(stdout.trimEnd().split('\n')).toHaveLength(3);
      expect(stderr).toBe('There are more rows; --limit lists more than 2\n');
    });

    it('says why it may know no entity', async () => {
      const { code, stdout, stderr } = await run('keys', '--prefix', `${keyspace}other:`);
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      expect(stderr).toMatch(/no schema records.*ClusterModule.*checkSchemas\(\).*--prefix/);
    });

    it('suggests an entity', async () => {
      const { code, stderr } = await run('keys', 'OrderItems');
      expect(code).toBe(2);
      expect(stderr).toContain(
        'There is no entity OrderItems (did you mean OrderItem?). Known are Order, OrderItem',
      );
    });
  });

  describe('keyslot row', () => {
    it('decodes each property', async () => {
      expect(await json('row', 'Order', 'a:42')).toEqual({
        entity: 'Order',
        partition: null,
        id: 'a:42',
        key: `${keyspace}{Order:a%3A42}:Order:a%3A42`,
        version: expect.any(Number),
        expiresAt: '2099-01-01T00:00:00.000Z',
        expired: false,
        values: {
          address: { city: 'Ulm' },
          cents: '9007199254740993',
          due: '2030-01-02T03:04:05.000Z',
          open: true,
          seal: 'AP8=',
          title: 'two\nlines \x1b[31m',
        },
        collections: { notes: { kind: 'hash', size: 1 }, tags: { kind: 'set', size: 2 } },
      });
      const { stdout } = await run('row', 'Order', 'a:42');
      expect(stdout).toContain('expires at 2099-01-01T00:00:00.000Z');
      expect(stdout).toMatch(/^title +text +two\\x0alines \\x1b\[31m$/m);
      expect(stdout).toMatch(/^tags +set +2 elements$/m);
    });

    it('finds a row in a partition by both ids, or by its key', async () => {
      const row = (await json('row', 'OrderItem', 'a:42', '1')) as { key: string };
      expect(row).toMatchObject({
        partition: { entity: 'Order', id: 'a:42' },
        id: '1',
        values: { amount: 0.5, reserved: '5' },
      });
      expect(await json('row', 'OrderItem', row.key)).toEqual(row);
      const half = await run('row', 'OrderItem', '1');
      expect(half).toMatchObject({ code: 2, stdout: '' });
      expect(half.stderr).toContain('give the id of the Order, then that of the OrderItem');
    });

    it('shows what does not fit the schema, and says that there is no row', async () => {
      await client.hset('{Order:a%3A42}:OrderItem:2', 'amount', 'many', 'stray', 'text');
      const { stdout } = await run('row', 'OrderItem', 'a:42', '2');
      expect(stdout).toMatch(/^amount +number +many {2}\(not stored as number\)$/m);
      expect(stdout).toMatch(/^stray +unknown +text$/m);
      const missing = await run('row', 'OrderItem', 'a:42', '9');
      expect(missing).toEqual({
        code: 1,
        stdout: '',
        stderr: `There is no row at ${keyspace}{Order:a%3A42}:OrderItem:9\n`,
      });
    });
  });
});

describe('keyslot bench', () => {
  beforeAll(libraryBuilt);

  it('measures, and deletes its keys', async () => {
    const line = [
      'bench',
      nodes[0] && `${nodes[0].host}:${nodes[0].port}`,
      '--seconds',
      '1',
      '--concurrency',
      '5',
      '--json',
    ];
    const { code, stdout, stderr } = await keyslot(line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { results } = JSON.parse(stdout) as { results: Record<string, number | string>[] };
    expect(results.map(({ name }) => name)).toEqual(['SET', 'GET', 'pipeline of 100 GETs']);
    for (const result of results) {
      expect(result.errors).toBe(0);
      expect(result.commandsPerSecond).toBeGreaterThan(0);
      expect(result.p99Ms).toBeGreaterThanOrEqual(Number(result.p50Ms));
    }
    const left: string[] = [];
    const seeing = new ClusterClient({ nodes });
    for await (const key of seeing.scanIterator({ match: 'keyslot-bench:*', count: 1_000 })) left.push(key);
    await seeing.close();
    expect(left).toEqual([]);
  });
});
