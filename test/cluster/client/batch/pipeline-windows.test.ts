import { ClusterClient, type ClusterError, type PipelineResults } from 'keyslot';
import { NODE_TIMERS, replaceTimers } from '../../../../lib/cluster/common/timers.js';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const shared = sharedCluster();

async function withClient<T>(
  options: Omit<ConstructorParameters<typeof ClusterClient>[0], 'nodes'>,
  work: (client: ClusterClient) => Promise<T>,
): Promise<T> {
  const client = new ClusterClient({ nodes: shared.nodes, ...options });
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}

const codesOf = (results: PipelineResults): Set<string | undefined> =>
  new Set(results.map(([error]) => (error as ClusterError | null)?.code));

describe('a pipeline of many windows', () => {
  it('completes if every command is rejected at once, by a signal or a closed client', async () => {
    await withClient({ maxPendingPerNode: { commands: 2 } }, async (client) => {
      const queue = (view: Pick<ClusterClient, 'pipeline'>) => {
        const pipeline = view.pipeline();
        for (let i = 0; i < 30_000; i++) pipeline.get('k');
        return pipeline;
      };
      const aborted = await queue(client.with({ signal: AbortSignal.abort() })).exec();
      expect(aborted).toHaveLength(30_000);
      expect(codesOf(aborted)).toEqual(new Set(['ABORTED']));
      const late = queue(client);
      client.disconnect();
      await eventually(() => expect(client.status).toBe('end'));
      expect(codesOf(await late.exec())).toEqual(new Set(['CLIENT_CLOSED']));
    });
  });

  it('that started before close() is executed as a whole, and one that starts after it is rejected', async () => {
    await withClient({ maxPendingPerNode: { commands: 200 } }, async (client) => {
      const key = `${shared.keyspace}windows`;
      const begun = client.pipeline();
      for (let i = 0; i < 2_000; i++) begun.incr(key);
      const results = begun.exec();
      const closed = client.close();
      const late = client.pipeline();
      for (let i = 0; i < 2_000; i++) late.incr(key);
      const refused = await late.exec();
      await closed;
      expect(codesOf(await results)).toEqual(new Set([undefined]));
      expect(codesOf(refused)).toEqual(new Set(['CLIENT_CLOSED']));
      await withClient({}, async (other) => expect(await other.getdel(key)).toBe('2000'));
    });
  });
});

describe('a pipeline whose deadline passes while commands wait to be sent', () => {
  it('counts the errors of all of them', async () => {
    await withClient({ maxPendingPerNode: { commands: 200 } }, async (client) => {
      const key = `${shared.keyspace}counted`;
      const pipeline = client.with({ deadlineMs: 1 }).pipeline();
      for (let i = 0; i < 30_000; i++) pipeline.get(key);
      const results = await pipeline.exec();
      const failed = results.filter(([error]) => error !== null);
      expect(codesOf(failed)).toEqual(new Set(['DEADLINE_EXCEEDED']));
      expect(client.stats().total.errors).toEqual({ DEADLINE_EXCEEDED: failed.length });
    });
  });
});

describe('a pipeline of commands that take more than half of the bytes of a node', () => {
  it('counts for nothing once they have failed', async () => {
    await withClient({ maxPendingPerNode: { bytes: 4_000 } }, async (client) => {
      const key = `${shared.keyspace}list`;
      await client.lpush(key, 'a');
      const results = await client.pipeline().append(key, 'v'.repeat(3_000)).append(key, 'v').exec();
      expect(codesOf(results)).toEqual(new Set(['WRONGTYPE']));
      expect(client.stats().total.pending).toEqual({ commands: 0, inFlight: 0, waitingForRoom: 0, bytes: 0 });
    });
  });
});

describe('a callback that throws', () => {
  it('is reported as uncaught, and affects neither the results nor the other callbacks', async () => {
    const thrown: unknown[] = [];
    const told: unknown[] = [];
    const fail = (): never => {
      throw new Error('mine');
    };
    const tell = (_: unknown, reply: unknown): void => void told.push(reply);
    // what is thrown there ends in uncaughtException, which the test runner keeps for itself
    const nextTick = ((work: () => void, ...rest: never[]) =>
      NODE_TIMERS.nextTick(() => {
        try {
          (work as (...args: never[]) => void)(...rest);
        } catch (error) {
          thrown.push(error);
        }
      })) as typeof process.nextTick;
    replaceTimers({ ...NODE_TIMERS, nextTick });
    try {
      await withClient({}, async (client) => {
        const key = `{${shared.keyspace}callbacks}`;
        const pipeline = client.pipeline().set(`${key}a`, 1, fail).set(`${key}b`, 2, tell);
        expect(await pipeline.exec(fail)).toEqual([
          [null, 'OK'],
          [null, 'OK'],
        ]);
        const multi = client.multi().set(`${key}a`, 3, fail).get(`${key}b`, tell);
        expect(await multi.exec()).toEqual([
          [null, 'OK'],
          [null, '2'],
        ]);
        expect(await client.get(`${key}a`, fail)).toBe('3');
        expect(await client.nonAtomic.mget([`${key}a`, `${shared.keyspace}other`], fail)).toEqual([
          '3',
          null,
        ]);
      });
      await eventually(() => expect(thrown).toHaveLength(5));
    } finally {
      replaceTimers(NODE_TIMERS);
    }
    expect(told).toEqual(['OK', '2']);
    expect(thrown).toEqual(Array.from({ length: 5 }, () => expect.objectContaining({ message: 'mine' })));
  });
});
