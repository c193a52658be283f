import { ClusterClient, type ClusterError } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';

const CONSUMERS = Array.from({ length: 12 }, (_, i) => `queue${i}`);
const durability = { replicas: 1, timeoutMs: 20_000 };

it('planned failovers surface no error, whatever is under way', async () => {
  await using local = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 1 });
  const client = new ClusterClient({ nodes: local.seeds, deadlineMs: 60_000 });
  await client.connect();
  const errors: string[] = [];
  let rounds = 0;
  let stopped = false;
  const repeat = async (name: string, call: () => Promise<unknown>): Promise<void> => {
    while (!stopped) {
      await call().catch(({ code, message }: ClusterError) => errors.push(`${name}: ${code} ${message}`));
      rounds++;
    }
  };
  const durable = client.with({ durability });
  const calls = [0, 1, 2, 3, 4].flatMap((i) => [
    repeat('incr', () => client.incr(`i${i}`)),
    repeat('multi', () => client.multi().incr(`m${i}`).exec()),
    repeat('durable set', () => durable.set(`d${i}`, rounds)),
    repeat('transaction', () =>
      client.transaction([`t${i}`], async (tx) => tx.multi().set(`t${i}`, Number(await tx.get(`t${i}`)) + 1)),
    ),
  ]);
  const popped = CONSUMERS.map((queue) => client.blpop(queue, 0));
  try {
    for (let failover = 0; failover < 6; failover++) {
      const replica = (await replicasOf(local))[failover % 3];
      await local.failover(replica);
      const before = rounds;
      await eventually(() => rounds > before + 200);
    }
  } finally {
    stopped = true;
    await Promise.all(calls);
  }
  expect(errors).toEqual([]);
  for (const queue of CONSUMERS) await client.rpush(queue, 'element');
  expect(await Promise.all(popped)).toEqual(CONSUMERS.map((queue) => [queue, 'element']));
  await client.close();
});

async function replicasOf(local: LocalCluster): Promise<LocalNode[]> {
  const views = await Promise.all(local.nodes.map((node) => node.view()));
  return local.nodes.filter((_, i) => views[i].myself.role === 'replica');
}
