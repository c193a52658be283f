import { jest } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { ClusterClient, ClusterEntity, createRepositories, PrimaryKey } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';
import { FakeNode, SILENCE } from '../../../fake-node.js';

@ClusterEntity({ name: 'FakeTimersSeat' })
class Seat {
  @PrimaryKey() id!: string;
}

describe('a client under the fake timers of a test runner', () => {
  const { nodes, keyspace } = sharedCluster();
  let client: ClusterClient;

  beforeEach(async () => {
    client = new ClusterClient({ nodes });
    await client.connect();
  });

  afterEach(async () => {
    jest.useRealTimers();
    await client.close();
  });

  /** One call alone, calls of one turn, a batch, a transaction. */
  const use = async (key: string): Promise<void> => {
    expect(await client.set(key, 'v')).toBe('OK');
    expect(await Promise.all([client.get(key), client.get(key), client.get(key)])).toEqual(['v', 'v', 'v']);
    expect(await client.pipeline().get(key).get(key).exec()).toEqual([
      [null, 'v'],
      [null, 'v'],
    ]);
    expect(await client.multi().get(key).exec()).toEqual([[null, 'v']]);
  };

  it.each([
    ['all of them', {}],
    ['all but nextTick', { doNotFake: ['nextTick'] }],
    ['all but nextTick and queueMicrotask', { doNotFake: ['nextTick', 'queueMicrotask'] }],
  ] satisfies [string, Parameters<typeof jest.useFakeTimers>[0]][])(
    'works while they are active, and afterwards: %s',
    async (_, config) => {
      jest.useFakeTimers(config);
      await use(`${keyspace}during`);
      const given = [client.get(`${keyspace}during`), client.get(`${keyspace}during`)];
      jest.useRealTimers();
      expect(await Promise.all(given)).toEqual(['v', 'v']);
      await use(`${keyspace}after`);
    },
  );

  it('keeps deadlines by the real clock', async () => {
    const silent = await FakeNode.start(([name]) => (name.toLowerCase() === 'get' ? SILENCE : undefined));
    const other = new ClusterClient({ nodes: [silent], deadlineMs: 200 });
    try {
      await other.connect();
      jest.useFakeTimers();
      await expect(other.get('k')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    } finally {
      jest.useRealTimers();
      other.disconnect();
      await silent.stop();
    }
  });

  const serverMs = async (): Promise<number> => {
    const [seconds, micros] = await client.time();
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  };

  it('keeps a lock by renewing it, and waits for one', async () => {
    const [mine, theirs] = [client, client].map((one) => createRepositories(one, [Seat]).repository(Seat));
    jest.useFakeTimers();
    const order: string[] = [];
    const renewed = mine.withLock(
      `${keyspace}seat`,
      async ({ signal }) => {
        const other = theirs.withLock(`${keyspace}seat`, async () => order.push('theirs'), {
          waitMs: 60_000,
        });
        // the server's clock is real: four times the life of a lock that is not renewed
        const until = (await serverMs()) + 6_000;
        while ((await serverMs()) < until);
        order.push(signal.aborted ? 'lost' : 'mine');
        return () => other;
      },
      { ttlMs: 1_500 },
    );
    await (
      await renewed
    )();
    expect(order).toEqual(['mine', 'theirs']);
  });

  it('subscribes and publishes', async () => {
    jest.useFakeTimers();
    const message = firstValueFrom(client.pubsub.channel<string>(`${keyspace}channel`));
    let received = false;
    void message.then(() => (received = true));
    while (!received) await client.pubsub.publish(`${keyspace}channel`, 'hello');
    expect((await message).payload).toBe('hello');
  });
});
