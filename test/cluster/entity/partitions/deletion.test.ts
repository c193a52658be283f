import {
  ClusterEntity,
  PrimaryKey,
  type ClusterRepository,
  createRepositories,
  InvalidArgumentError,
  type PartitionDeleteProgress,
} from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { freshId, sharedClient } from '../fixtures.js';
import { Project, Task, Tenant } from '../relations/fixtures.js';

/** The tenant alone, as a program that does not know the other classes declares it. */
@ClusterEntity({ name: 'Tenant' })
class Bare {
  @PrimaryKey() id!: string;
}

const { nodes, keyspace } = sharedCluster();
const cluster = sharedClient({ nodes, keyspace });
let tenants: ClusterRepository<Tenant>;
let projects: ClusterRepository<Project>;
let tasks: ClusterRepository<Task>;

beforeAll(() => {
  const registry = createRepositories(cluster.client, [Tenant, Project, Task]);
  tenants = registry.repository(Tenant);
  projects = registry.repository(Project);
  tasks = registry.repository(Task);
});

/** A tenant with a project and tasks. */
async function sample(count: number): Promise<string> {
  const tenantId = freshId();
  await tenants.insert(tenants.create({ id: tenantId }));
  await projects.insert(projects.create({ tenantId, id: 'a' }));
  await tasks.saveMany(
    Array.from({ length: count }, (_, id) =>
      tasks.create({ tenantId, id, projectId: 'a', slug: `s${id}`, code: `${tenantId}-${id}` }),
    ),
  );
  await tasks.collection({ tenantId, id: 0 }, 'labels').add('one');
  return tenantId;
}

/** The ends of all keys with the tenant's hash tag, but those that expire by themselves. */
const left = async (tenantId: string): Promise<string[]> =>
  (await cluster.client.keys(`*{Tenant:${tenantId}}*`))
    .map((key) => key.slice(key.indexOf('}') + 1))
    .filter((key) => key !== '~fe')
    .sort();

/** The keys of a pattern, without the prefix. Other files that share the cluster have keys of the same names. */
const keysOfThisFile = async (pattern: string): Promise<string[]> =>
  (await cluster.client.keys(`${keyspace}${pattern}`)).map((key) => key.slice(keyspace.length));

describe('partition(key).delete()', () => {
  it('deletes all rows, with all that they hold, in bounded steps', async () => {
    const [tenantId, other] = [await sample(230), await sample(1)];
    const progress: PartitionDeleteProgress[] = [];
    const deleted = await tenants.partition(tenantId).delete({ onProgress: (step) => progress.push(step) });
    expect(deleted).toEqual({ rows: 232, unknown: [] });
    expect(progress).toEqual([
      { entity: 'Project', rows: 1, total: 232 },
      { entity: 'Task', rows: 101, total: 232 },
      { entity: 'Task', rows: 201, total: 232 },
      { entity: 'Task', rows: 231, total: 232 },
      { entity: 'Tenant', rows: 232, total: 232 },
    ]);
    expect(await left(tenantId)).toEqual([]);
    expect(await tasks.findOneBy({ code: `${tenantId}-0` })).toBeNull();
    const buckets = await keysOfThisFile('{~g:Task:code:*');
    const fields = await Promise.all(buckets.map((key) => cluster.client.hkeys(key)));
    expect(fields.flat()).toEqual([`${other}-0`]);
    expect(await left(other)).toHaveLength(7);
  });

  it('deletes nothing twice, and nothing where nothing is', async () => {
    const tenantId = await sample(1);
    await tenants.partition(tenantId).delete();
    expect(await tenants.partition(tenantId).delete()).toEqual({ rows: 0, unknown: [] });
  });

  it('is resumed by another call', async () => {
    const tenantId = await sample(25);
    const stop = new AbortController();
    const onProgress = ({ rows }: PartitionDeleteProgress): void => {
      if (rows === 11) stop.abort(new Error('enough'));
    };
    const first = tenants.partition(tenantId).delete({ batch: 10, onProgress, signal: stop.signal });
    await expect(first).rejects.toThrow('enough');
    expect(await tasks.countBy({ tenantId })).toBe(15);
    expect(await tenants.exists(tenantId)).toBe(true); // the owner is deleted last
    expect(await tenants.partition(tenantId).delete({ batch: 10 })).toEqual({ rows: 16, unknown: [] });
    expect(await left(tenantId)).toEqual([]);
  });

  it('waits for onProgress, and fails with it', async () => {
    const tenantId = await sample(1);
    const onProgress = (): Promise<never> => Promise.reject(new Error('of the caller'));
    await expect(tenants.partition(tenantId).delete({ onProgress })).rejects.toThrow('of the caller');
  });

  it('deletes what other programs and expired rows have left, and returns the keys of no class', async () => {
    const tenantId = await sample(3);
    const { tag } = tenants.partition(tenantId);
    const { client } = cluster;
    await client.hset(tasks.keyOf({ tenantId, id: 77 }), 'rank', '1'); // in no list
    await client.sadd(`${tag}:Task:78:labels`, 'of a row that is gone');
    await client.del(tasks.keyOf({ tenantId, id: 1 })); // its entries stay
    await tasks.expire({ tenantId, id: 2 }, new Date(1));
    await client.set(`${tag}:Invoice:7`, 'x');
    await client.set(`${tag}:Task:79:stars`, 'x');
    const { unknown } = await tenants.partition(tenantId).delete();
    expect(unknown).toEqual([`${tag}:Invoice:7`, `${tag}:Task:79:stars`]);
    expect(await left(tenantId)).toEqual([':Invoice:7', ':Task:79:stars']);
  });

  it('keeps the rows of a class that is not registered', async () => {
    const tenantId = await sample(2);
    const alone = createRepositories(cluster.client, [Bare]).repository(Bare);
    const { rows, unknown } = await alone.partition(tenantId).delete();
    expect(rows).toBe(1);
    expect(unknown.map((key) => key.slice(key.indexOf('}') + 1))).toEqual(await left(tenantId));
    expect(await tasks.countBy({ tenantId })).toBe(2);
  });

  it('deletes under a lock', async () => {
    const tenantId = await sample(2);
    const deleted = await tenants.withLock(tenantId, (lock) =>
      lock.repository(Tenant).partition(tenantId).delete(),
    );
    expect(deleted.rows).toBe(4);
    expect(await left(tenantId)).toEqual(['~lk:lock']);
  });

  it('refuses options that it does not have', async () => {
    const partition = tenants.partition('x');
    for (const batch of [0, 101, 1.5, '10'])
      await expect(partition.delete({ batch: batch as number })).rejects.toThrow(InvalidArgumentError);
    await expect(partition.delete({ onProgress: 1 as never })).rejects.toThrow(/onProgress/);
    await expect(partition.size({ sample: 0 })).rejects.toThrow(/sample/);
  });
});

describe('partition(key).size()', () => {
  it('counts rows, keys and bytes', async () => {
    const tenantId = await sample(20);
    const { tag } = tenants.partition(tenantId);
    const size = await tenants.partition(tenantId).size();
    expect(size).toMatchObject({ rows: { Tenant: 1, Project: 1, Task: 20 }, isExact: true });
    const keys = await cluster.client.keys(`*${tag}*`);
    expect(size.keys).toBe(keys.length);
    const sizes = await Promise.all(
      keys.map((key) => cluster.client.memory('USAGE', key.slice(key.indexOf('{')), 'SAMPLES', 0)),
    );
    const exact = sizes.reduce<number>((sum, bytes) => sum + Number(bytes), 0);
    expect(size.bytes).toBeGreaterThan(exact * 0.95);
    expect(size.bytes).toBeLessThan(exact * 1.05);
    const sampled = await tenants.partition(tenantId).size({ sample: 8 });
    expect(sampled.isExact).toBe(false);
    expect(sampled.bytes).toBeGreaterThan(exact * 0.7);
    expect(sampled.bytes).toBeLessThan(exact * 1.3);
  });

  it('of a partition without rows is nothing', async () => {
    expect(await tenants.partition(freshId()).size()).toEqual({
      rows: { Tenant: 0, Project: 0, Task: 0 },
      keys: 0,
      bytes: 0,
      isExact: true,
    });
  });
});
