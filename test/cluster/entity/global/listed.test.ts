import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  Index,
  IndexNotReadyError,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  Shape,
  UnindexedQueryError,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Tenant', listed: true })
class Tenant {
  declare readonly [Shape]: { key: 'id'; indexed: 'name' };
  @PrimaryKey() id!: string;
  @Index({ scope: 'global' }) @Property() name?: string;
  @Property() plan?: string;
}

@ClusterEntity({ name: 'Desk', partition: () => Tenant, listed: true })
class Desk {
  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: string;
  @Property() note?: string;
}

@ClusterEntity({ name: 'Late' })
class Unlisted {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Late', listed: true })
class Late {
  @PrimaryKey() id!: string;
}

const cluster = sharedClient();
let tenants: ClusterRepository<Tenant>;
let desks: ClusterRepository<Desk>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Tenant, Desk]);
  tenants = registry.repository(Tenant);
  desks = registry.repository(Desk);
});

const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);
const all = Array.from({ length: 40 }, (_, i) => `t${String(i).padStart(2, '0')}`);

describe('a class that is listed', () => {
  beforeAll(() =>
    tenants.saveMany(all.map((id, i) => tenants.create({ id, name: `n${String(99 - i)}`, plan: 'free' }))),
  );

  it('finds, pages, streams and counts all rows by their ids', async () => {
    expect(ids(await tenants.findBy({}))).toEqual(all);
    expect(ids(await tenants.findBy({}, { order: { id: 'desc' }, limit: 3 }))).toEqual(['t39', 't38', 't37']);
    expect(await tenants.countBy({})).toBe(40);
    const first = await tenants.findPage({}, { limit: 30, total: true });
    expect([ids(first.items), first.total]).toEqual([all.slice(0, 30), 40]);
    const second = await tenants.findPage({}, { limit: 30, cursor: first.next });
    expect([ids(second.items), second.next]).toEqual([all.slice(30), undefined]);
    const back = await tenants.findPage({}, { limit: 30, cursor: second.previous });
    expect(ids(back.items)).toEqual(all.slice(0, 30));
    const streamed: string[] = [];
    for await (const { id } of tenants.stream({}, { batchSize: 7 })) streamed.push(id);
    expect(streamed).toEqual(all);
  });

  it('has them in the order of a property with a global index', async () => {
    expect(ids(await tenants.findBy({}, { order: { name: 'asc' } }))).toEqual(all.toReversed());
    const page = await tenants.findPage({}, { order: { name: 'desc' }, limit: 2 });
    expect(ids(page.items)).toEqual(['t00', 't01']);
    await expect(tenants.findBy({}, { order: { plan: 'asc' } as never })).rejects.toThrow(
      UnindexedQueryError,
    );
  });

  it('follows inserts, updates, upserts and deletes', async () => {
    const id = `x${freshId()}`;
    const tenant = await tenants.insert(tenants.create({ id }));
    expect((await tenants.findBy({})).at(-1)).toMatchObject({ id });
    tenant.plan = 'paid';
    await tenants.save(tenant);
    await tenants.upsert(tenants.create({ id, plan: 'free' }));
    expect(ids(await tenants.findBy({})).filter((one) => one === id)).toEqual([id]);
    await tenants.delete(id);
    expect(await tenants.countBy({})).toBe(40);
    // The entry itself goes in the background.
    await eventually(async () => {
      const counts = await Promise.all(
        Array.from({ length: 16 }, (_, i) => cluster.client.zcard(`{~g:Tenant:.all:${i.toString(16)}}:ix`)),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40);
    });
  });

  it('lists the rows of all partitions, by partition and id', async () => {
    await desks.saveMany(
      ['b', 'a'].flatMap((tenantId) => ['2', '1'].map((id) => desks.create({ tenantId, id }))),
    );
    const found = await desks.findBy({});
    expect(found.map(({ tenantId, id }) => tenantId + id)).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(ids(await desks.findBy({ tenantId: 'b' }))).toEqual(['1', '2']);
  });

  it('can become so, once its rows are indexed again', async () => {
    const before = createRepositories(cluster.client, [Unlisted]);
    await before.checkSchemas();
    await before.repository(Unlisted).insert(before.repository(Unlisted).create({ id: 'old' }));
    await expect(before.repository(Unlisted).findBy({} as never)).rejects.toThrow(UnindexedQueryError);
    const registry = createRepositories(cluster.client, [Late]);
    await registry.checkSchemas();
    const late = registry.repository(Late);
    await late.insert(late.create({ id: 'new' }));
    await expect(late.findBy({})).rejects.toThrow(IndexNotReadyError);
    for await (const progress of late.reindex()) expect(progress.unresolved).toEqual([]);
    expect(ids(await late.findBy({}))).toEqual(['new', 'old']);
  });

  it('is declared by true or false', () => {
    @ClusterEntity({ name: 'Odd', listed: 'yes' as never })
    class Odd {
      @PrimaryKey() id!: string;
    }
    expect(() => createRepositories(cluster.client, [Odd])).toThrow(SchemaError);
  });
});
