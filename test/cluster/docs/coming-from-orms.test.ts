import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  CreatedAt,
  CrossPartitionError,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
  UnindexedQueryError,
  Version,
  VersionConflictError,
} from 'keyslot';
import { snippetFolder, snippetsOf, typeFaults } from '../../docs-snippets.js';
import { sharedCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const snippets = snippetsOf('docs/coming-from-orms.md');

@ClusterEntity({ name: 'Order' })
class Order {
  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Index({ scope: 'global' }) @Property() customerId!: string;
  @Property({ enum: ['open', 'paid'] }) status: 'open' | 'paid' = 'open';
  @Property() note?: string;
  @Version() version!: number;
  @CreatedAt() createdAt!: Date;
}

@ClusterEntity({ name: 'OrderLine', partition: () => Order })
class OrderLine {
  @PartitionKey() orderId!: string;
  @PrimaryKey() number!: number;
  @Unique() @Property() sku!: string;
  @Property() quantity!: number;
}

@ClusterEntity({ name: 'Person' })
class Person {
  @PrimaryKey() id!: string;
  @Property() name!: string;
}

describe('docs/coming-from-orms.md', () => {
  const folder = snippetFolder();
  let cluster: ClusterClient;
  let orders: ClusterRepository<Order>;
  let people: ClusterRepository<Person>;
  let orderLines: ClusterRepository<OrderLine>;

  beforeAll(() => {
    cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    const repositories = createRepositories(cluster, [Order, OrderLine, Person]);
    orders = repositories.repository(Order);
    people = repositories.repository(Person);
    orderLines = repositories.repository(OrderLine);
  });
  afterAll(() => cluster.close());

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippets.filter(({ language }) => language === 'ts').map(({ code }) => code);
    expect(blocks).toHaveLength(4);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
    // and the entities below are those that the page arrives at
    const after = entitiesOfThePage()
      .replace(/^import .*$/m, '')
      .replaceAll('export ', '');
    expect(here).toContain(squeezed(after));
  });

  it('ends with entities that compile', async () => {
    const file = join(folder, 'order.ts');
    writeFileSync(file, entitiesOfThePage());
    expect(await typeFaults(folder, [file])).toBe('');
  });

  it('reads by key what other mappers load by relation', async () => {
    const { id } = await orders.insert(orders.create({ customerId: 'ada' }));
    await people.insert(people.create({ id: 'ada', name: 'Ada' }));
    await orderLines.insert(orderLines.create({ orderId: id, number: 1, sku: 'pen', quantity: 2 }));

    const [[order], lines] = await orders.partition(id).loadAll([Order, OrderLine]);
    const others = await orders.findBy({ customerId: order.customerId }); // by the global index
    const customers = await people.findMany(others.map(({ customerId }) => customerId)); // one batch per node

    expect(order.id).toBe(id);
    expect([lines, others, customers]).toMatchObject([[{ sku: 'pen' }], [{ id }], [{ name: 'Ada' }]]);
  });

  it('rejects queries without an index, and scans all rows on request', async () => {
    const gift = await orders.insert(orders.create({ customerId: 'bob', note: 'gift' }));

    await expect(orders.findBy({ note: 'gift' })).rejects.toThrow(UnindexedQueryError);
    const gifts: Order[] = [];
    for await (const order of orders.stream()) if (order.note === 'gift') gifts.push(order);

    expect(gifts).toEqual([gift]);
    gift.status = 'paid';
    await orders.update(gift.id, { note: 'none' });
    await expect(orders.save(gift)).rejects.toThrow(VersionConflictError);
  });

  it('runs transactions in one partition', async () => {
    const [id, anotherId] = ['one', 'two'];
    const both = orders.transaction(id, async (tx) => {
      await tx.get(Order, anotherId); // another partition
    });
    await expect(both).rejects.toThrow(CrossPartitionError);
  });

  it('deletes the rows of a query', async () => {
    const open: Order[] = [];
    for await (const order of orders.stream()) if (order.status === 'open') open.push(order);
    const results = await orders.deleteMany(open.map((order) => order.id));
    expect(results.every(({ ok }) => ok)).toBe(true);

    expect(open.length).toBeGreaterThan(0);
    expect(await orders.findMany(open.map((order) => order.id))).toEqual(open.map(() => null));
  });
});

/** The entities that are left when the page's change is made. */
function entitiesOfThePage(): string {
  const [{ code }] = snippets.filter(({ language }) => language === 'diff');
  return code.replace(/^-.*\n/gm, '').replace(/^[ +]/gm, '');
}

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
