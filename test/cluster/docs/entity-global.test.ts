import { jest } from '@jest/globals';
import {
  ClusterClient,
  ClusterEntity,
  Index,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  UniqueViolationError,
  createRepositories,
} from 'keyslot';
import { readFileSync } from 'node:fs';
import { sharedCluster } from '../../cluster-fixture.js';
import { snippetsOf } from '../../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'User' })
class User {
  declare readonly [Shape]: { key: 'id'; indexed: 'email' | 'team' | 'age' };

  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() email?: string;
  @Index({ scope: 'global' }) @Property() team?: string;
  @Index({ name: 'byAge', scope: 'global', fields: ['team', 'age'] }) @Property() age?: number;
}

@ClusterEntity({ name: 'Tenant', listed: true })
class Tenant {
  declare readonly [Shape]: { key: 'id'; indexed: 'name' };

  @PrimaryKey() id!: string;
  @Index({ scope: 'global' }) @Property() name!: string;
}

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/entities-global.md', () => {
  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippetsOf('docs/entities-global.md').map(({ code }) => code);
    expect(blocks).toHaveLength(6);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('lists all rows of a class', async () => {
    const cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    await cluster.connect();
    const log = jest.spyOn(console, 'log').mockReturnValue();
    const tenants = createRepositories(cluster, [Tenant]).repository(Tenant);
    await tenants.insert(tenants.create({ id: 'acme', name: 'Acme' }));

    const { items, next, total } = await tenants.findPage({}, { limit: 50, total: true });
    for await (const tenant of tenants.stream({})) console.log(tenant.id);
    await tenants.countBy({}); // reads the rows, as every count of a global index does
    await tenants.findBy({}, { order: { name: 'asc' }, limit: 50 }); // by a global index of the name

    expect({ items, next, total }).toMatchObject({ items: [{ id: 'acme' }], next: undefined, total: 1 });
    expect(log.mock.calls).toEqual([['acme']]);
    expect(await tenants.findBy({}, { order: { name: 'asc' } })).toHaveLength(1);
    log.mockRestore();
    await cluster.close();
  });

  it('does what it says, from top to bottom', async () => {
    const cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    await cluster.connect();

    const users = createRepositories(cluster, [User]).repository(User);
    await users.insert(users.create({ id: '42', email: 'ada@example.org', team: 'crew', age: 36 }));
    await expect(users.insert(users.create({ id: '43', email: 'ada@example.org' }))).rejects.toThrow(
      UniqueViolationError,
    );

    await users.findOneBy({ email: 'ada@example.org' });
    await users.findBy({ team: 'crew', age: { gte: 18 } }); // by age, then by id
    await users.findPage({ team: { startsWith: 'c' } }, { limit: 20 });

    expect(await users.findOneBy({ email: 'ada@example.org' })).toMatchObject({ id: '42' });
    expect(await users.findBy({ team: 'crew', age: { gte: 18 } })).toHaveLength(1);
    expect((await users.findPage({ team: { startsWith: 'c' } }, { limit: 20 })).items).toHaveLength(1);

    expect(await cluster.hget('{User:42}:User:42', '~g:email')).toMatch(/^[\w-]{12}ada@example\.org$/);
    expect(await cluster.hget('{~g:User:email:3c}:uq', 'ada@example.org')).toMatch(/^[\w-]{12}\d{16}42$/);
    const [member] = await cluster.zrange('{~g:User:team:4}:ix', '0', '-1');
    expect(member.split('\0')).toEqual(['crew', '42', expect.stringMatching(/^[\w-]{12}$/)]);

    await cluster.del(users.keyOf('42'));
    const { swept } = await users.sweepGlobals(); // how many entries were deleted
    expect(swept).toBe(3);
    await cluster.close();
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\])}])/g, '');
