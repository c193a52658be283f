import { FlowProducer, Queue, QueueEvents, Worker, type ConnectionOptions } from 'bullmq';
import { ClusterClient } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';

const shared = sharedCluster();
const prefix = `{${shared.keyspace}bull}`;
const faults: Error[] = [];
const open: { close(): Promise<unknown> }[] = [];
let cluster: ClusterClient;
let connection: ConnectionOptions;

/** Notes what it reports as an error, and closes it at the end. */
function kept<
  T extends { close(): Promise<unknown>; on(event: 'error', listener: (e: Error) => void): unknown },
>(one: T): T {
  one.on('error', (error) => faults.push(error));
  open.unshift(one);
  return one;
}

beforeAll(async () => {
  cluster = new ClusterClient({ nodes: shared.nodes });
  await cluster.connect();
  connection = cluster as unknown as ConnectionOptions;
});
afterAll(async () => {
  for (const one of open) await one.close();
  await cluster?.close();
});

it('runs plain, delayed and retried jobs of a queue, and emits their events', async () => {
  const queue = kept(new Queue('jobs', { connection, prefix }));
  const events = kept(new QueueEvents('jobs', { connection, prefix }));
  await events.waitUntilReady();
  let attempts = 0;
  kept(
    new Worker<{ n: number; fails?: boolean }, number>(
      'jobs',
      async ({ data }) => {
        if (data.fails && ++attempts === 1) throw new Error('at first');
        return data.n * 2;
      },
      { connection, prefix, concurrency: 4 },
    ),
  );
  const jobs = await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'double', data: { n } })));
  jobs.push(await queue.add('late', { n: 100 }, { delay: 50 }));
  jobs.push(await queue.add('again', { n: 200, fails: true }, { attempts: 2 }));

  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 20_000)));
  expect(results).toEqual([...Array.from({ length: 20 }, (_, n) => n * 2), 200, 400]);
  expect(attempts).toBe(2);
  expect((await queue.getJobCounts('completed', 'failed', 'wait')).completed).toBe(22);
});

it('stops a worker that waits for jobs, and resumes it', async () => {
  const queue = kept(new Queue('pausing', { connection, prefix }));
  const done: string[] = [];
  const worker = kept(
    new Worker('pausing', async ({ name }) => void done.push(name), { connection, prefix }),
  );
  await queue.add('first', {});
  await eventually(() => done.length === 1);
  await worker.pause();
  await queue.add('second', {});
  expect(done).toEqual(['first']);
  worker.resume();
  await eventually(() => done.length === 2);
});

it('runs the children of a flow before their parent', async () => {
  const order: string[] = [];
  kept(new Worker('flow', async ({ name }) => void order.push(name), { connection, prefix }));
  const flows = kept(new FlowProducer({ connection, prefix }));
  await flows.add({
    name: 'parent',
    queueName: 'flow',
    children: ['left', 'right'].map((name) => ({ name, queueName: 'flow' })),
  });
  await eventually(() => order.length === 3);
  expect(order.at(-1)).toBe('parent');
});

it('reports no errors, even after everything is closed, and leaves the client open', async () => {
  for (const one of open.splice(0)) await one.close();
  expect(faults).toEqual([]);
  expect(cluster.status).toBe('ready');
});

it('counts each worker once', async () => {
  const queue = kept(new Queue('counted', { connection, prefix }));
  for (const name of ['a', 'b']) {
    const worker = kept(new Worker('counted', async () => {}, { connection, prefix, name }));
    await worker.waitUntilReady();
  }
  const job = await queue.add('x', {});
  await eventually(async () => (await job.isCompleted()) === true);
  await eventually(async () => expect(await queue.getWorkersCount()).toBe(2));
});
