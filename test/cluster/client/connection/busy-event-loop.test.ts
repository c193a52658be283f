import { ClusterClient } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

/** Work of the application, in which nothing of the event loop is run. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('an application that blocks the event loop', () => {
  const { nodes, keyspace } = sharedCluster();
  let client: ClusterClient;

  beforeAll(async () => {
    client = new ClusterClient({ nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  it('gets the whole deadline for a call that is made late in a turn', async () => {
    const view = client.with({ deadlineMs: 1_000 });
    for (let round = 0; round < 3; round++) {
      const first = client.set(`${keyspace}a`, 1);
      work(1_500);
      const late = Array.from({ length: 20 }, (_, i) => view.incr(`${keyspace}late:${round}:${i}`));
      expect(await Promise.all([first, ...late])).toEqual(['OK', ...Array<number>(20).fill(1)]);
    }
  });

  it('gets the whole deadline for calls that wait until the client is connected', async () => {
    const fresh = new ClusterClient({ nodes, lazyConnect: true, deadlineMs: 2_000 });
    try {
      const first = fresh.set(`${keyspace}first`, 1);
      const rest = fresh.pipeline().get(`${keyspace}first`).execReplies();
      work(2_500);
      expect([await first, await rest]).toEqual(['OK', ['1']]);
    } finally {
      await fresh.close();
    }
  });

  it('gets the whole deadline for a pipeline of several windows, wherever in a long turn it is executed', async () => {
    const fresh = new ClusterClient({ nodes, maxPendingPerNode: { commands: 200 } });
    const view = fresh.with({ deadlineMs: 2_000 });
    const execute = (name: string) => {
      const pipeline = view.pipeline();
      for (let i = 0; i < 1_000; i++) pipeline.incr(`${keyspace}${name}:${i % 100}`);
      return pipeline.execReplies();
    };
    try {
      await fresh.connect();
      const early = execute('early');
      work(2_500);
      const late = execute('late');
      for (const replies of [await early, await late])
        expect(replies).toEqual(Array.from({ length: 1_000 }, (_, i) => Math.floor(i / 100) + 1));
    } finally {
      await fresh.close();
    }
  });

  it('gets the whole deadline for calls on connections of their own', async () => {
    const view = client.with({ deadlineMs: 2_000 });
    const list = `${keyspace}list`;
    const popped = view.blpop(list, 1);
    const read = view.transaction([list], (tx) => tx.exists(list));
    const asked = view.target('primaries').ping();
    work(2_500);
    expect(await read).toBe(0);
    expect([...(await asked).values()]).toEqual(client.topology.primaries.map(() => 'PONG'));
    expect(await popped).toBeNull();
  });

  it('receives replies that arrived in time, not a deadline error', async () => {
    const view = client.with({ deadlineMs: 1_000 });
    const calls = Array.from({ length: 500 }, (_, i) => view.incr(`${keyspace}n${i}`));
    // they leave, and the servers answer while nobody reads
    await new Promise((resolve) => process.nextTick(() => setImmediate(resolve)));
    work(2_000);
    expect(await Promise.all(calls)).toEqual(Array(500).fill(1));
  });

  it('connects, however long the event loop is blocked', async () => {
    const busy = setInterval(() => work(300), 1);
    const late = new ClusterClient({ nodes, connectTimeoutMs: 200, startupTimeoutMs: 3_000 });
    try {
      await late.connect();
      expect(await late.with({ deadlineMs: 60_000 }).set(`${keyspace}late`, 1)).toBe('OK');
    } finally {
      clearInterval(busy);
      await late.close();
    }
  });
});
