// node bench/queries.mjs: queries over 10,000 rows of one partition. See docs/queries.md.
import { performance } from 'node:perf_hooks';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';

const ROWS = 10_000;
const OWNERS = 10;
const ROUNDS = 15;

delete process.env.REDIS_CLUSTER_NODES; // its keys stay: only on a cluster of its own
const signal = shutdownSignal();
await prepare(signal, { peers: false });
const cluster = await openCluster(signal);
try {
  await measure(cluster.seeds);
} finally {
  await cluster.stop();
}

async function measure(nodes) {
  const { ClusterClient, createRepositories } = await import('../dist/index.js');
  const { Project, Task } = await entities();
  const client = new ClusterClient({ nodes });
  await client.connect();
  const tasks = createRepositories(client, [Project, Task]).repository(Task);
  const projectId = 'bench';
  for (let from = 0; from < ROWS; from += 500) {
    const rows = Array.from({ length: 500 }, (_, i) => taskOf(projectId, from + i));
    await tasks.saveMany(rows.map((row) => tasks.create(row)));
  }
  const open = { projectId, state: 'open' };
  const or = [{ state: 'open' }, { owner: 'owner-3' }];
  const newest = { order: { createdAt: 'desc' } };
  const scenarios = {
    'ascending, 100 of 5,000': () => tasks.findBy(open, { limit: 100 }),
    'descending, 100 of 5,000': () => tasks.findBy(open, { ...newest, limit: 100 }),
    'descending, all 5,000': () => tasks.findBy(open, newest),
    'ascending, all 5,000': () => tasks.findBy(open),
    'or of two, 100': () => tasks.findBy({ projectId, or }, { limit: 100 }),
    'or of two, merged by date, 100': () => tasks.findBy({ projectId, or }, { ...newest, limit: 100 }),
    'or of two, all': () => tasks.findBy({ projectId, or }),
    'scan, filter on 5,000 rows of an index': () => tasks.findBy({ ...open, note: 'note-8' }, { scan: true }),
    'scan, filter on all 10,000 rows': () => tasks.findBy({ projectId, note: 'note-7' }, { scan: true }),
    'offset 4,900, 100 rows': () => tasks.findBy(open, { offset: 4_900, limit: 100 }),
    countBy: () => tasks.countBy(open),
    'countBy, or of two': () => tasks.countBy({ projectId, or }),
  };
  console.log('| query | found | median ms | slowest ms |\n| --- | ---: | ---: | ---: |');
  for (const [name, run] of Object.entries(scenarios)) {
    let found = await run();
    const times = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      found = await run();
      times.push(performance.now() - begin);
    }
    times.sort((a, b) => a - b);
    const count = Array.isArray(found) ? found.length : found;
    console.log(`| ${name} | ${count} | ${times[ROUNDS >> 1].toFixed(1)} | ${times.at(-1).toFixed(1)} |`);
  }
  await client.close();
}

function taskOf(projectId, number) {
  return {
    projectId,
    id: `task-${String(number).padStart(5, '0')}`,
    state: number % 2 === 0 ? 'open' : 'done',
    owner: `owner-${number % OWNERS}`,
    createdAt: new Date(1_900_000_000_000 + number * 1_000),
    note: `note-${number % 100}`,
    title: 'A dozen pencils, soft, with a rubber at their end',
  };
}

async function entities() {
  const { ClusterEntity, Index, PartitionKey, PrimaryKey, Property } = await import('../dist/index.js');
  const decorate = (type, property, ...decorators) => {
    for (const decorator of decorators) decorator(type.prototype, property);
  };
  class Project {
    id;
  }
  ClusterEntity({ name: 'Project' })(Project);
  decorate(Project, 'id', PrimaryKey({ type: String }));
  class Task {
    projectId;
    id;
    state;
    owner;
    createdAt;
    note;
    title;
  }
  ClusterEntity({ name: 'Task', partition: () => Project })(Task);
  decorate(Task, 'projectId', PartitionKey({ type: String }));
  decorate(Task, 'id', PrimaryKey({ type: String }));
  const byDate = (name) => Index({ name: `by-${name}`, fields: [name, 'createdAt'] });
  for (const name of ['state', 'owner']) decorate(Task, name, Property(String), byDate(name));
  decorate(Task, 'createdAt', Property(Date), Index());
  for (const name of ['note', 'title']) decorate(Task, name, Property(String));
  return { Project, Task };
}
