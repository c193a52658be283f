import { type Observable, firstValueFrom, take, toArray } from 'rxjs';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  type ClusterSet,
  Counter,
  createRepositories,
  Embedded,
  type EntityRegistry,
  ExpiresAt,
  isChangeOf,
  PartitionKey,
  PrimaryKey,
  Property,
  ReplyError,
  SchemaMismatchError,
  SetOf,
  Shape,
} from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';

class Address {
  @Property() street!: string;
}

@ClusterEntity({ name: 'Tenant', changes: { values: true } })
class Tenant {
  declare readonly [Shape]: { key: 'id'; counters: 'seats' };
  @PrimaryKey() id!: string;
  @Property() plan: string = 'free';
  @Property() since?: Date;
  @Property() seal?: Buffer;
  @Embedded(() => Address) address?: Address;
  @Counter() seats!: number;
  @SetOf(String) tags!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Project', partition: () => Tenant, changes: { values: true } })
class Project {
  declare readonly [Shape]: { key: 'tenantId' | 'id' };
  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: number;
  @Property() title?: string;
  @Property(() => BigInt) budget?: bigint;
  @ExpiresAt() expiresAt?: Date;
}

/** Records its changes without values. */
@ClusterEntity({ name: 'Secret', partition: () => Tenant, changes: true })
class Secret {
  declare readonly [Shape]: { key: 'tenantId' | 'id' };
  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: number;
  @Property() text?: string;
}

@ClusterEntity({ name: 'Mute', partition: () => Tenant })
class Mute {
  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: number;
}

@ClusterEntity({ name: 'Elsewhere', changes: true })
class Elsewhere {
  @PrimaryKey() id!: string;
}

const { nodes, keyspace } = sharedCluster();
const cluster = sharedClient({ nodes, keyspace });
let registry: EntityRegistry;
let tenants: ClusterRepository<Tenant>;
let projects: ClusterRepository<Project>;
let secrets: ClusterRepository<Secret>;
beforeAll(() => {
  registry = createRepositories(cluster.client, [Tenant, Project, Secret]);
  tenants = registry.repository(Tenant);
  projects = registry.repository(Project);
  secrets = registry.repository(Secret);
});

const next = <T>(changes: Observable<T>, count: number): Promise<T[]> =>
  firstValueFrom(changes.pipe(take(count), toArray()));

describe('the changes of a partition', () => {
  it('are one stream for all of its classes, from the repository of each', async () => {
    const id = freshId();
    await tenants.insert(tenants.create({ id }));
    await projects.insert(projects.create({ tenantId: id, id: 1, title: 'a' }));
    await secrets.insert(secrets.create({ tenantId: id, id: 2 }));
    await tenants.transaction(id, async (tx) => Promise.resolve(tx.emit('opened')));
    const names = ['Tenant', 'Project', 'Secret', 'Tenant'];
    for (const repository of [tenants, projects, secrets]) {
      const all = await next(repository.partition(id).changes('all', { from: 'start' }), 4);
      expect(all.map(({ entity }) => entity)).toEqual(names);
      expect(all.map(({ type }) => type)).toEqual(['insert', 'insert', 'insert', 'event']);
    }
    const [, some] = await next(tenants.changes(id, { classes: [Tenant, Project], from: 'start' }), 3);
    expect(isChangeOf(some, Project)).toBe(true);
    expect(isChangeOf(some, Tenant)).toBe(false);
    // the type is that of the class: this line would not compile otherwise
    if (isChangeOf(some, Project)) expect(some.key.tenantId).toBe(id);
    const rest = await next(secrets.partition(id).changes([Secret], { from: some.cursor }), 2);
    expect(rest.map(({ type }) => type)).toEqual(['insert', 'event']);
  });

  it('are rejected for classes that do not record theirs or live elsewhere', () => {
    const incomplete = createRepositories(cluster.client, [Tenant, Mute]).repository(Tenant);
    expect(() => incomplete.partition('1').changes()).toThrow(/Mute does not record changes/);
    expect(() => tenants.changes('1', { classes: [Elsewhere] })).toThrow(/Elsewhere does not live/);
    expect(() => tenants.changes('1', { classes: [] })).toThrow(
      expect.objectContaining({ argument: 'classes' }),
    );
    expect(() => incomplete.partition('1').changes([Tenant])).not.toThrow();
  });

  it('have an id, the time, and the borders of their commit', async () => {
    const id = freshId();
    const begun = Date.now();
    await tenants.transaction(id, async (tx) => {
      tx.insert(tenants.create({ id }));
      tx.insert(projects.create({ tenantId: id, id: 1 }));
      tx.emit('opened');
      return Promise.resolve();
    });
    await tenants.update(id, { plan: 'paid' });
    const read = (): Promise<{ id: string; committedAt: Date }[]> =>
      next(tenants.partition(id).changes('all', { from: 'start' }), 4);
    const changes = await next(tenants.partition(id).changes('all', { from: 'start' }), 4);
    const [first, , , alone] = changes;
    expect(changes.map(({ commit }) => commit)).toEqual([
      { id: first.commit.id, index: 0, count: 3 },
      { id: first.commit.id, index: 1, count: 3 },
      { id: first.commit.id, index: 2, count: 3 },
      { id: alone.id, index: 0, count: 1 },
    ]);
    expect(alone.commit.id).not.toBe(first.commit.id);
    expect(new Set(changes.map((change) => change.id)).size).toBe(4);
    expect((await read()).map((change) => change.id)).toEqual(changes.map((change) => change.id));
    for (const { committedAt } of changes)
      expect(Math.abs(committedAt.getTime() - begun)).toBeLessThan(600_000);
  });
});

describe('values of changes', () => {
  it('are those before and after, in the types of the class', async () => {
    const id = freshId();
    const since = new Date(1e12);
    const seal = Buffer.from([0, 255, 1]);
    const address = Object.assign(new Address(), { street: 'x' });
    const tenant = await tenants.insert(tenants.create({ id, since, seal, address }));
    tenant.plan = 'paid';
    tenant.since = undefined;
    await tenants.save(tenant);
    await tenants.increment(id, 'seats', 3);
    await tenants.increment(id, 'seats', 4);
    await tenants.transaction(id, async (tx) => {
      tx.increment(Tenant, id, 'seats', 1);
      await Promise.resolve();
    });
    await tenants.collection(id, 'tags').add('a');
    await tenants.delete(id);
    const changes = await next(tenants.changes(id, { from: 'start' }), 7);
    const values = changes.map((change) =>
      change.type === 'event' ? [] : [change.type, change.before, change.after],
    );
    expect(values).toEqual([
      ['insert', undefined, { plan: 'free', since, seal, address }],
      ['update', { plan: 'free', since }, { plan: 'paid' }],
      ['update', {}, { seats: 3 }],
      ['update', { seats: 3 }, { seats: 7 }],
      ['update', { seats: 7 }, { seats: 8 }],
      ['update', undefined, undefined],
      ['delete', { plan: 'paid', seal, address, seats: 8 }, undefined],
    ]);
  });

  it('are those of upserts, of expiry, and of rows that have expired', async () => {
    const tenantId = freshId();
    const key = { tenantId, id: 1 };
    const expiresAt = new Date(Date.now() + 1e7);
    await projects.upsert(projects.create({ ...key, title: 'a', budget: 5n }));
    await projects.upsert(projects.create({ ...key, title: 'b' }));
    await projects.update(key, { expiresAt });
    await projects.persist(key);
    await projects.expire(key, -1);
    await projects.insert(projects.create({ ...key, title: 'c' }));
    const changes = await next(projects.changes(tenantId, { from: 'start' }), 7);
    const values = changes.map((change) =>
      change.type === 'event' ? [] : [change.type, change.before, change.after],
    );
    expect(values).toEqual([
      ['insert', undefined, { title: 'a', budget: 5n }],
      ['update', { title: 'a', budget: 5n }, { title: 'b' }],
      ['update', {}, { expiresAt }],
      ['update', { expiresAt }, {}],
      ['update', {}, { expiresAt: expect.any(Date) }],
      ['expire', { title: 'b', expiresAt: expect.any(Date) }, undefined],
      ['insert', undefined, { title: 'c' }],
    ]);
  });

  it('are not stored unless the class asks for them', async () => {
    const tenantId = freshId();
    const key = { tenantId, id: 1 };
    await secrets.insert(secrets.create({ ...key, text: 'hidden-before' }));
    await secrets.update(key, { text: 'hidden-after' });
    await secrets.delete(key);
    const changes = await next(secrets.changes(tenantId, { from: 'start' }), 3);
    for (const change of changes) expect(change).not.toHaveProperty('before');
    for (const change of changes) expect(change).not.toHaveProperty('after');
    expect(JSON.stringify(changes)).not.toContain('hidden');
  });

  it('that the class cannot read fail when they are read, and the stream continues', async () => {
    const tenantId = freshId();
    const key = { tenantId, id: 1 };
    await projects.insert(projects.create({ ...key, budget: 1n }));
    await cluster.client.hset(projects.keyOf(key), 'budget', 'garbage');
    await projects.update(key, { budget: 2n });
    await projects.delete(key);
    const [, changed, deleted] = await next(projects.changes(tenantId, { from: 'start' }), 3);
    expect(() => 'before' in changed && changed.before).toThrow(SchemaMismatchError);
    expect(changed).toMatchObject({ after: { budget: 2n } });
    expect(deleted).toMatchObject({ type: 'delete', before: { budget: 2n } });
  });

  it('write nothing for a user who may not read whole rows', async () => {
    const limited = `limited-${process.pid}`;
    const all = await cluster.client
      .target('all')
      .call('ACL', 'SETUSER', limited, 'on', '>pw', '~*', '&*', '+@all', '-hgetall');
    expect(all.size).toBeGreaterThan(2);
    const client = new ClusterClient({ nodes, keyPrefix: keyspace, username: limited, password: 'pw' });
    try {
      const theirs = createRepositories(client, [Tenant]).repository(Tenant);
      const id = freshId();
      await expect(theirs.insert(theirs.create({ id }))).rejects.toThrow(ReplyError);
      expect(await tenants.exists(id)).toBe(false);
    } finally {
      await client.close();
      await cluster.client.target('all').call('ACL', 'DELUSER', limited);
    }
  });
});
