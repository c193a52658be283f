import { ClusterClient, createRepositories, keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { Project, Task, Tenant } from './fixtures.js';

let cluster: LocalCluster;
let client: ClusterClient;
beforeAll(async () => {
  cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
  client = new ClusterClient({ nodes: cluster.seeds });
  await client.connect();
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

it('loads related rows that are on the other side of a slot that is being moved', async () => {
  const registry = createRepositories(client, [Tenant, Project, Task]);
  const tenants = registry.repository(Tenant);
  const projects = registry.repository(Project);
  const tasks = registry.repository(Task);
  const tenantId = 'acme';
  await tenants.insert(tenants.create({ id: tenantId }));
  await projects.insert(projects.create({ tenantId, id: 'a' }));
  for (const id of [1, 2, 3]) await tasks.insert(tasks.create({ tenantId, id, projectId: 'a' }));

  const slot = String(keySlot(tenants.keyOf(tenantId)));
  const from = await cluster.primaryOfSlot(Number(slot));
  const to = cluster.primaries.find((node) => node !== from)!;
  const idOf = async (node: typeof from): Promise<string> =>
    String(await cluster.command(node, 'CLUSTER', 'MYID'));
  await cluster.command(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from));
  await cluster.command(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to));
  const moved = tasks.keyOf({ tenantId, id: 2 });
  await cluster.command(from, 'MIGRATE', to.host, String(to.port), moved, '0', '5000');
  expect(await cluster.command(from, 'EXISTS', moved).catch((error: Error) => error.message)).not.toBe(1);

  const project = await projects.findOneOrFail({ tenantId, id: 'a' }, { with: ['tasks', 'tenant'] });
  expect(project.tasks.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(project.tenant?.id).toBe(tenantId);
});
