import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import {
  ClusterClient,
  ClusterEntity,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
  createRepositories,
} from 'keyslot';
import { ownCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = ownCluster();

@ClusterEntity({ name: 'Order' })
class Order {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  @PartitionKey() orderId!: string;
  @PrimaryKey() line!: number;
  @Index() @Property() sku!: string;
}

@ClusterEntity({ name: 'Member' })
class Member {
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global', whileBuilding: 'write' }) @Property() email?: string;
}

const squeezed = (code: string): string => code.replace(/\s+/g, ' ').trim();

// Every block of the page stands in this file as it stands there.
describe('docs/entity-maintenance.md', () => {
  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/entity-maintenance.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks.length).toBeGreaterThan(2);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('does what the page says', async () => {
    const cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    const repositories = createRepositories(cluster, [Order, OrderItem, Member]);
    const items = repositories.repository(OrderItem);
    await repositories.checkSchemas();
    await items.insert(items.create({ orderId: '1', line: 1, sku: 'pen' }));
    await cluster.zrem('{Order:1}:OrderItem~ix', 'sku\0pen\x001');
    const members = repositories.repository(Member);
    await members.insert(members.create({ id: '1', email: 'ada@example.org' }));
    const warn = jest.spyOn(console, 'warn').mockReturnValue();
    const log = jest.spyOn(console, 'log').mockReturnValue();

    for await (const { fault, index, key } of items.verifyIndexes()) console.warn(fault, index, key);
    expect(warn.mock.calls).toEqual([['missing', 'sku', { orderId: '1', line: 1 }]]);

    let cursor: string | undefined;
    for await (const progress of items.reindex({ cursor })) {
      ({ cursor } = progress);
      console.log(progress.done, progress.rows, progress.repaired, progress.unresolved);
    }
    expect(log.mock.calls.at(-1)).toEqual([1, 1, 1, []]);
    expect(await items.findBy({ orderId: '1', sku: 'pen' })).toHaveLength(1);
    expect(await cluster.hgetall('{~s:OrderItem}')).toMatchObject({ building: '' });
    warn.mockRestore();
    log.mockRestore();
    await cluster.close();
  });
});
