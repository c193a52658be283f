import {
  type ClusterRepository,
  createRepositories,
  InvalidArgumentError,
  RelationNotLoadedError,
  ReplyError,
  TransactionTooLargeError,
} from 'keyslot';
import { counted, freshId, sharedClient } from '../fixtures.js';
import { Project, Task, Tenant } from './fixtures.js';

const cluster = sharedClient();
let client: ReturnType<typeof counted>;
let tenants: ClusterRepository<Tenant>;
let projects: ClusterRepository<Project>;
let tasks: ClusterRepository<Task>;

beforeAll(() => {
  client = counted(cluster.client);
  const registry = createRepositories(client, [Tenant]); // the others follow from its relations
  tenants = registry.repository(Tenant);
  projects = registry.repository(Project);
  tasks = registry.repository(Task);
});

/** A tenant with two projects; the first has three tasks, the second has one. */
async function sample(tenantId = freshId()): Promise<string> {
  await tenants.insert(tenants.create({ id: tenantId, name: 'acme' }));
  for (const id of ['a', 'b:{%}~'])
    await projects.insert(projects.create({ tenantId, id, title: `of ${id}` }));
  for (const [id, projectId, rank] of [
    [1, 'a', 3],
    [2, 'a', 1],
    [3, 'a', 2],
    [4, 'b:{%}~', 1],
  ] as const)
    await tasks.insert(
      tasks.create({ tenantId, id, projectId, rank, slug: `s${id}`, code: `${tenantId}-${id}` }),
    );
  return tenantId;
}

describe('relations', () => {
  it('load with their row in one round trip', async () => {
    const tenantId = await sample();
    client.calls.length = 0;
    const tenant = await tenants.findOneOrFail(tenantId, { with: ['projects', 'tasks'] });
    expect(client.calls).toEqual(['script always']);
    expect(tenant).toBeInstanceOf(Tenant);
    expect(tenant.projects.map(({ id }) => id)).toEqual(['a', 'b:{%}~']);
    expect(tenant.projects[0]).toBeInstanceOf(Project);
    expect(tenant.tasks.map(({ id, slug }) => [id, slug])).toEqual([1, 2, 3, 4].map((id) => [id, `s${id}`]));
  });

  it('load by a property, in the order of its index', async () => {
    const tenantId = await sample();
    const project = await projects.findOneOrFail({ tenantId, id: 'a' }, { with: ['tasks', 'tenant'] });
    expect(project.tasks.map(({ id }) => id)).toEqual([2, 3, 1]);
    expect(project.tenant?.name).toBe('acme');
    const odd = await projects.findOneOrFail({ tenantId, id: 'b:{%}~' }, { with: ['tasks'] });
    expect(odd.tasks.map(({ id }) => id)).toEqual([4]);
  });

  it('lead to the row that a property names, whatever is in its id', async () => {
    const tenantId = await sample();
    const task = await tasks.findOneOrFail({ tenantId, id: 4 }, { with: ['project'] });
    expect(task.project?.title).toBe('of b:{%}~');
    for (const id of ['ü\u0085\u0000\n', '%7B', 'x\u007f\u009f']) {
      await projects.insert(projects.create({ tenantId, id, title: id }));
      await tasks.update({ tenantId, id: 4 }, { projectId: id });
      const moved = await tasks.findOneOrFail({ tenantId, id: 4 }, { with: ['project'] });
      expect(moved.project?.title).toBe(id);
    }
    await tasks.update({ tenantId, id: 4 }, { projectId: 'nowhere' });
    expect((await tasks.findOneOrFail({ tenantId, id: 4 }, { with: ['project'] })).project).toBeNull();
    await tasks.update({ tenantId, id: 4 }, { projectId: null });
    expect((await tasks.findOneOrFail({ tenantId, id: 4 }, { with: ['project'] })).project).toBeNull();
  });

  it('load for many rows at once, in the order of the keys', async () => {
    const [one, other] = [await sample(), await sample()];
    client.calls.length = 0;
    const found = await tenants.findMany([one, 'missing', other, one], { with: ['projects'] });
    expect(client.calls).toEqual(Array(4).fill('script always')); // sent together
    expect(found.map((tenant) => tenant?.projects.length)).toEqual([2, undefined, 2, 2]);
    expect(await tenants.findMany([], { with: ['projects'] })).toEqual([]);
    expect(await tenants.findOne('missing', { with: ['projects'] })).toBeNull();
  });

  it('are empty if there are no rows, and leave out deleted and expired rows', async () => {
    const { id: tenantId } = await tenants.insert(tenants.create({ id: freshId() }));
    expect((await tenants.findOneOrFail(tenantId, { with: ['tasks'] })).tasks).toEqual([]);
    await tasks.insert(tasks.create({ tenantId, id: 1 }));
    await tasks.insert(tasks.create({ tenantId, id: 2 }));
    await tasks.expire({ tenantId, id: 2 }, new Date(1));
    await cluster.client.del(tasks.keyOf({ tenantId, id: 1 })); // by another program
    expect((await tenants.findOneOrFail(tenantId, { with: ['tasks'] })).tasks).toEqual([]);
  });

  it('cannot be read before they are loaded, nor written at all', async () => {
    const tenantId = await sample();
    const tenant = await tenants.findOneOrFail(tenantId);
    expect(() => tenant.projects).toThrow(RelationNotLoadedError);
    expect(() => tenant.projects).toThrow(/with: \['projects'\]/);
    expect({ ...tenant }).toEqual({ id: tenantId, name: 'acme' });
    expect(JSON.parse(JSON.stringify(tenant))).toEqual({ id: tenantId, name: 'acme' });
    const loaded = await tenants.findOneOrFail(tenantId, { with: ['projects'] });
    expect(() => loaded.tasks).toThrow(RelationNotLoadedError);
    expect(JSON.parse(JSON.stringify(loaded)).projects).toHaveLength(2);
    expect(() => Reflect.set(loaded, 'projects', [])).toThrow(InvalidArgumentError);
    expect(() => Reflect.set(tenant, 'projects', [])).toThrow(InvalidArgumentError);
    expect(() => (loaded.projects as unknown as Project[]).push(new Project())).toThrow(TypeError);
    expect(() => tenants.create({ id: 'x', ...({ projects: [] } as object) })).toThrow(/relation/);
    const fresh = Object.assign(new Tenant(), { id: freshId(), projects: [new Project()] });
    await expect(tenants.insert(fresh)).rejects.toThrow(/relation/);
    expect(() => tenants.create({ id: 'x' }).projects).toThrow(RelationNotLoadedError);
  });

  it('take no part in a save', async () => {
    const tenantId = await sample();
    const tenant = await tenants.findOneOrFail(tenantId, { with: ['projects'] });
    tenant.name = 'new name';
    tenant.projects[0].title = 'not saved with it';
    await tenants.save(tenant);
    expect(await cluster.client.hgetall(tenants.keyOf(tenantId))).not.toHaveProperty('projects');
    expect(tenant.projects).toHaveLength(2);
    expect(await projects.findOne({ tenantId, id: 'a' })).toMatchObject({ title: 'of a' });
    await projects.save(tenant.projects[0]);
    expect(await projects.findOne({ tenantId, id: 'a' })).toMatchObject({ title: 'not saved with it' });
  });

  it('are there for hooks after the load', async () => {
    const tenantId = await sample();
    const loaded = await projects.findOneOrFail({ tenantId, id: 'a' }, { with: ['tasks'] });
    expect(loaded.loadedTasks).toBe(3);
    expect((await projects.findOneOrFail({ tenantId, id: 'a' })).loadedTasks).toBeUndefined();
  });

  it('reject invalid names, and more rows than can be loaded', async () => {
    const tenantId = await sample();
    const misspelt = { with: ['project'] } as unknown as { with: ['projects'] };
    await expect(tenants.findOne(tenantId, misspelt)).rejects.toThrow(
      "Tenant has no relation 'project'; its relations: projects, tasks",
    );
    await expect(tenants.findOne(tenantId, { relations: [] } as object)).rejects.toThrow(/relations/);
    await tasks.saveMany(Array.from({ length: 1_000 }, (_, i) => tasks.create({ tenantId, id: 1_000 + i })));
    await expect(tenants.findOne(tenantId, { with: ['tasks'] })).rejects.toThrow(TransactionTooLargeError);
    await expect(tenants.findOne(tenantId, { with: ['tasks'] })).rejects.toThrow(/findPage\(\)/);
    for (let id = 1_000; id < 1_004; id++) await tasks.expire({ tenantId, id }, new Date(1));
    expect((await tenants.findOneOrFail(tenantId, { with: ['tasks'] })).tasks).toHaveLength(1_000);
  });

  it('load although the server rejects the script', async () => {
    const tenantId = await sample();
    const plain = counted(client);
    const withOptions = plain.with.bind(plain);
    plain.with = (options) => ({
      ...withOptions(options),
      runScript: () =>
        Promise.reject(new ReplyError('ERR Script attempted to access a non local key in a cluster node')),
    });
    const registry = createRepositories(plain, [Tenant]);
    const found = await registry
      .repository(Project)
      .findOneOrFail({ tenantId, id: 'a' }, { with: ['tasks', 'tenant'] });
    expect(found.tasks.map(({ id }) => id)).toEqual([2, 3, 1]);
    expect(found.tenant?.id).toBe(tenantId);
    const task = await registry.repository(Task).findOneOrFail({ tenantId, id: 4 }, { with: ['project'] });
    expect(task.project?.id).toBe('b:{%}~');
  });
});
