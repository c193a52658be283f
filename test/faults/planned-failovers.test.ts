import { ClusterClient, type ClusterError } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';

const CONSUMERS = Array.from({ length: 12 }, (_, i) => `queue${i}`);
const durability = { replicas: 1, timeoutMs: 20_000 };

it('planned failovers cause no errors in calls of any kind', async () => {
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

it('a durable write that is interrupted by the demotion of its node runs once; its outcome is unknown if it must not run again', async () => {
  await using local = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 2 });
  await using client = new ClusterClient({ nodes: local.seeds, deadlineMs: 60_000 });
  await client.connect();
  const node = client.topology.primaries[0];
  // more replicas than there are, so that WAIT is under way when the node is demoted
  const durable = client.with({ durability: { replicas: 3, timeoutMs: 20_000 } });
  const outcome = durable.incr('counter').catch((error: ClusterError) => error);
  const clientsIn = async (command: string): Promise<number> => {
    const list = String(await client.target(node).client('LIST'));
    return list.split('\n').filter((line) => line.includes(`cmd=${command}`)).length;
  };
  await eventually(async () => (await clientsIn('wait')) === 1);
  await local.failover((await replicasOf(local))[0]);
  expect(await outcome).toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    applied: 'unknown',
    message: expect.stringContaining('it was executed, but its node stopped being the primary') as unknown,
    cause: expect.objectContaining({ code: 'UNBLOCKED' }) as unknown,
  });
  expect(await client.get('counter')).toBe('1');
});

async function replicasOf(local: LocalCluster): Promise<LocalNode[]> {
  const views = await Promise.all(local.nodes.map((node) => node.view()));
  return local.nodes.filter((_, i) => views[i].myself.role === 'replica');
}
