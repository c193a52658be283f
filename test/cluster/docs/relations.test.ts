import { readFileSync } from 'node:fs';
import {
  BelongsTo,
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  HasMany,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  RelationNotLoadedError,
  Shape,
} from 'keyslot';
import { sharedCluster } from '../../cluster-fixture.js';
import { snippetsOf } from '../../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'Order' })
class Order {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey() id!: string;
  @Property() status: string = 'open';
  @HasMany(() => OrderItem, { cascade: 'delete' }) items!: Related<OrderItem[]>;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  declare readonly [Shape]: { key: 'orderId' | 'line' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() line!: number;
  @Property() sku!: string;
  @BelongsTo(() => Order) order!: Related<Order | null>;
}

@ClusterEntity({ name: 'Tenant' })
class Tenant {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Project', partition: () => Tenant })
class Project {
  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: string;
  @HasMany(() => Task, { by: 'projectId' }) tasks!: Related<Task[]>;
}

@ClusterEntity({ name: 'Task', partition: () => Tenant })
class Task {
  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: string;
  @Index({ name: 'byDue', fields: ['projectId', 'due'] }) @Property() projectId?: string;
  @Property() due?: Date;
  @BelongsTo(() => Project, { by: 'projectId' }) project!: Related<Project | null>;
}

// Every block of the page is in this file word for word.
describe('docs/relations.md', () => {
  let cluster: ClusterClient;
  let orders: ClusterRepository<Order>;
  let items: ClusterRepository<OrderItem>;
  let projects: ClusterRepository<Project>;
  let tasks: ClusterRepository<Task>;

  beforeAll(async () => {
    cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    const repositories = createRepositories(cluster, [Order, OrderItem, Project, Task]);
    orders = repositories.repository(Order);
    items = repositories.repository(OrderItem);
    projects = repositories.repository(Project);
    tasks = repositories.repository(Task);
    await orders.insert(orders.create({ id: '42' }));
    await items.insert(items.create({ orderId: '42', line: 1, sku: 'ink' }));
  });

  afterAll(() => cluster.close());

  it('shows only code that is run here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippetsOf('docs/relations.md').map(({ code }) => code);
    expect(blocks).toHaveLength(5);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('loads the requested relations', async () => {
    const order = await orders.findOneOrFail('42', { with: ['items'] });
    order.items.map(({ sku }) => sku);
    expect(order.items).toMatchObject([{ line: 1, sku: 'ink' }]);

    const plain = await orders.findOneOrFail('42');
    expect(() => plain.items).toThrow(RelationNotLoadedError);
  });

  it('orders rows by the index, which leaves out those that lack a property', async () => {
    await projects.insert(projects.create({ tenantId: 't', id: 'p' }));
    for (const [id, due] of [
      ['a', new Date(2)],
      ['b', new Date(1)],
      ['c', undefined],
    ] as const)
      await tasks.insert(tasks.create({ tenantId: 't', id, projectId: 'p', ...(due ? { due } : {}) }));
    const project = await projects.findOneOrFail({ tenantId: 't', id: 'p' }, { with: ['tasks'] });
    expect(project.tasks.map(({ id }) => id)).toEqual(['b', 'a']);
  });

  it('deletes in cascade', async () => {
    await orders.delete('42');
    expect(await items.countBy({ orderId: '42' })).toBe(0);
  });
});

/** Returns code without differences in space. */
function squeezed(text: string): string {
  return text.replace(/\s+/g, '');
}
