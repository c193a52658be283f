import {
  type ClusterRepository,
  createRepositories,
  InvalidArgumentError,
  TransactionTooLargeError,
  VersionConflictError,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';
import { Project, Task, Tenant } from './fixtures.js';

const cluster = sharedClient();
let tenants: ClusterRepository<Tenant>;
let projects: ClusterRepository<Project>;
let tasks: ClusterRepository<Task>;

beforeAll(() => {
  const registry = createRepositories(cluster.client, [Tenant, Project, Task]);
  tenants = registry.repository(Tenant);
  projects = registry.repository(Project);
  tasks = registry.repository(Task);
});

/** A tenant with a project that has tasks, and a task without a project. */
async function sample(count = 3): Promise<string> {
  const tenantId = freshId();
  await tenants.insert(tenants.create({ id: tenantId }));
  await projects.insert(projects.create({ tenantId, id: 'a' }));
  await tasks.saveMany(
    Array.from({ length: count }, (_, id) =>
      tasks.create({ tenantId, id, projectId: 'a', slug: `s${id}`, code: `${tenantId}-${id}` }),
    ),
  );
  const labelled = tasks.create({ tenantId, id: 1_000, slug: 'alone' });
  await (await tasks.insert(labelled)).labels.add('kept');
  return tenantId;
}

const keysOf = (tenantId: string): Promise<string[]> => cluster.client.keys(`*{Tenant:${tenantId}}*`);
const endsOf = async (tenantId: string): Promise<string[]> =>
  (await keysOf(tenantId)).map((key) => key.slice(key.indexOf('}') + 1)).sort();

describe("cascade: 'delete'", () => {
  it('deletes the related rows of the related rows, with all that they hold', async () => {
    const tenantId = await sample();
    const task = (await tasks.findOne({ tenantId, id: 1 }))!;
    await task.labels.add('urgent');
    expect(await tenants.delete(tenantId)).toEqual({ deleted: true });
    // Tenant.tasks does not cascade, so the task without a project stays.
    expect(await endsOf(tenantId)).toEqual([
      ':Task:1000',
      ':Task:1000:labels',
      ':Task~ix',
      ':Task~uq',
      '~fe',
    ]);
    expect(await tasks.countBy({ tenantId })).toBe(1);
    for (const code of [0, 1, 2]) expect(await tasks.findOneBy({ code: `${tenantId}-${code}` })).toBeNull();
    // the values are free
    await tasks.insert(tasks.create({ tenantId, id: 7, slug: 's1', code: `${tenantId}-1` }));
  });

  it('is part of remove, deleteMany and transactions', async () => {
    const [one, two, three] = [await sample(), await sample(), await sample()];
    const project = (await projects.findOne({ tenantId: one, id: 'a' }))!;
    await projects.remove(project);
    expect(await tasks.countBy({ tenantId: one })).toBe(1);

    const results = await projects.deleteMany([
      { tenantId: two, id: 'a' },
      { tenantId: two, id: 'missing' },
    ]);
    expect(results.map((result) => result.ok && result.value.deleted)).toEqual([true, false]);
    expect(await tasks.countBy({ tenantId: two })).toBe(1);

    await tenants.transaction(three, async (tx) => {
      const read = (await tx.get(Task, { tenantId: three, id: 2 }))!; // deleted by the cascade
      tx.remove((await tx.get(Project, { tenantId: three, id: 'a' }))!);
      tx.insert(tasks.create({ tenantId: three, id: 50, slug: `s${read.id}` }));
    });
    expect((await tasks.findBy({ tenantId: three })).map(({ id }) => id).sort()).toEqual([1_000, 50]);
  });

  it('deletes rows that lack a property of the index', async () => {
    const tenantId = await sample();
    await tasks.update({ tenantId, id: 1 }, { rank: null });
    await projects.delete({ tenantId, id: 'a' });
    expect(await tasks.countBy({ tenantId })).toBe(1);
  });

  it('deletes nothing if the owner has changed', async () => {
    const tenantId = await sample();
    const project = (await projects.findOne({ tenantId, id: 'a' }))!;
    await projects.update({ tenantId, id: 'a' }, { title: 'newer' });
    await expect(projects.remove(project)).rejects.toThrow(VersionConflictError);
    expect(await tasks.countBy({ tenantId })).toBe(4);
  });

  it('takes the rows that others add and delete in the meantime', async () => {
    const tenantId = await sample();
    let id = 10;
    let isOver = false;
    const adding = (async () => {
      while (!isOver) await tasks.insert(tasks.create({ tenantId, id: id++, projectId: 'a' }));
    })();
    for (let i = 0; i < 5; i++) {
      await projects.delete({ tenantId, id: 'a' });
      await projects.insert(projects.create({ tenantId, id: 'a' }));
    }
    isOver = true;
    await adding;
    await projects.delete({ tenantId, id: 'a' });
    const left = await tasks.findBy({ tenantId });
    expect(left.map((task) => task.id)).toEqual([1_000]);
    // its place in the list of rows, and in the index
    expect(await cluster.client.zcard(`${tenants.partition(tenantId).tag}:Task~ix`)).toBe(2);
  });

  it('rejects a write of a row that it deletes', async () => {
    const tenantId = await sample();
    const removing = tenants.transaction(tenantId, async (tx) => {
      const task = (await tx.get(Task, { tenantId, id: 1 }))!;
      task.rank = 9;
      tx.save(task);
      tx.remove((await tx.get(Project, { tenantId, id: 'a' }))!);
    });
    await expect(removing).rejects.toThrow(InvalidArgumentError);
    expect(await tasks.findOne({ tenantId, id: 1 })).toMatchObject({ rank: 0 });
  });

  it('says what to do if there are too many rows, and deletes none', async () => {
    const tenantId = await sample(100);
    const refused = projects.delete({ tenantId, id: 'a' });
    await expect(refused).rejects.toThrow(TransactionTooLargeError);
    await expect(projects.delete({ tenantId, id: 'a' })).rejects.toThrow(/Task rows first.*deleteMany\(\)/);
    expect(await tasks.countBy({ tenantId })).toBe(101);
    await tasks.delete({ tenantId, id: 0 });
    expect(await projects.delete({ tenantId, id: 'a' })).toEqual({ deleted: true });
    expect(await tasks.countBy({ tenantId })).toBe(1);
  });
});
