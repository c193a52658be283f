import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { ClusterClient, ClusterEntity, PrimaryKey, Property, createRepositories } from 'keyslot';
import { snippetsOf } from '../../docs-snippets.js';
import { ownCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = ownCluster();

@ClusterEntity({ name: 'Task' })
class Task {
  @PrimaryKey() id!: string;
  @Property() title!: string;
}

@ClusterEntity({ name: 'Task' })
class PlannedTask {
  @PrimaryKey() id!: string;
  @Property({ required: true, maxLength: 80 }) title!: string;
  @Property({ default: 3 }) priority!: number;
  @Property({ type: () => [String], default: () => ['inbox'] }) labels!: string[];
  @Property() done: boolean = false;
}

@ClusterEntity({ name: 'Task' })
class BothTask {
  @PrimaryKey() id!: string;
  @Property({ renamedFrom: 'title', keepFormer: true }) name!: string;
}

@ClusterEntity({ name: 'Task' })
class RenamedTask {
  @PrimaryKey() id!: string;
  @Property({ renamedFrom: 'title' }) name!: string;
}

@ClusterEntity({ name: 'Task' })
class FinalTask {
  @PrimaryKey() id!: string;
  @Property() name!: string;
}

@ClusterEntity({ name: 'Product' })
class Product {
  @PrimaryKey() id!: string;
  @Property() price!: string;
}

@ClusterEntity({ name: 'Product' })
class PricedProduct {
  @PrimaryKey() id!: string;
  @Property({
    renamedFrom: 'price',
    convertFrom: { type: String, convert: (text: string) => Math.round(Number(text) * 100) },
  })
  cents!: number;
}

const squeezed = (code: string): string => code.replace(/\s+/g, ' ').trim();

describe('docs/schema-evolution.md', () => {
  let client: ClusterClient;
  let cluster: ClusterClient;
  beforeAll(() => {
    client = cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
  });
  afterAll(() => client.close());
  afterEach(() => jest.restoreAllMocks());

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippetsOf('docs/schema-evolution.md').map(({ code }) => code);
    expect(blocks.length).toBeGreaterThan(4);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('a rolling deployment loses nothing, whichever version reads and writes', async () => {
    const log = jest.spyOn(console, 'log').mockReturnValue();
    const first = createRepositories(cluster, [Task]);
    const second = createRepositories(cluster, [BothTask]);
    await first.checkSchemas();
    await second.checkSchemas();
    const old = first.repository(Task);
    const both = second.repository(BothTask);

    await old.insert(old.create({ id: '1', title: 'Buy milk' }));
    const task = await both.findOneOrFail('1');
    await both.save(Object.assign(task, { name: 'Buy oat milk' }));
    console.log((await old.findOneOrFail('1')).title); // Buy oat milk
    await old.update('1', { title: 'Buy bread' });
    console.log((await both.findOneOrFail('1')).name); // Buy bread

    expect(log.mock.calls.flat()).toEqual(['Buy oat milk', 'Buy bread']);
    await first.checkSchemas(); // an old process starts once more

    const third = createRepositories(cluster, [RenamedTask]);
    await third.checkSchemas();
    const last = createRepositories(cluster, [FinalTask]);
    await expect(last.checkSchemas()).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining("keep renamedFrom: 'title'"),
    });
    const tasks = third.repository(RenamedTask);
    const { rows, migrated, failed } = await tasks.migrate({
      batch: 200,
      onProgress: async ({ cursor, done }) => {
        await cluster.set('migration:Task', cursor);
        console.log(`${Math.round(done * 100)} %`);
      },
    });
    expect({ rows, migrated, failed }).toEqual({ rows: 1, migrated: 1, failed: [] });
    expect(log).toHaveBeenLastCalledWith('100 %');
    expect(await cluster.get('migration:Task')).toMatch(/^16384~/);
    await last.checkSchemas();
    expect(await last.repository(FinalTask).findOneOrFail('1')).toMatchObject({ name: 'Buy bread' });
    expect(await cluster.hexists(tasks.keyOf('1'), 'title')).toBe(0);
  });

  it('added properties have defaults, and a converted one has its new type', async () => {
    const old = createRepositories(cluster, [Task, Product]);
    const recent = createRepositories(cluster, [PlannedTask, PricedProduct]);
    const tasks = old.repository(Task);
    await tasks.insert(tasks.create({ id: '2', title: 'Sweep' }));
    expect(await recent.repository(PlannedTask).findOneOrFail('2')).toMatchObject({
      title: 'Sweep',
      priority: 3,
      labels: ['inbox'],
      done: false,
    });
    const products = old.repository(Product);
    await products.insert(products.create({ id: '1', price: '12.5' }));
    expect((await recent.repository(PricedProduct).findOneOrFail('1')).cents).toBe(1250);
    expect((await recent.repository(PricedProduct).migrate()).migrated).toBe(1);
    expect(await cluster.hget(products.keyOf('1'), 'cents')).toBe('1250');
  });
});
