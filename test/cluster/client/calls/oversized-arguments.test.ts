import { ClusterClient, type ClusterError } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

const LIMIT = 512 * 1024 * 1024;

describe('an argument of more than 512 MB', () => {
  const { nodes, keyspace } = sharedCluster();
  let client: ClusterClient;

  beforeAll(async () => {
    client = new ClusterClient({ nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  const refusal = (call: () => unknown): Promise<ClusterError> =>
    // what throws at once, and what gives a promise
    (async () => call())().then(
      () => Promise.reject(new Error('was not refused')),
      (error: ClusterError) => error,
    );

  it('is rejected before it is sent, by position, and not copied', async () => {
    // never touched, and so no memory either
    const huge = Buffer.allocUnsafeSlow(LIMIT + 1);
    const prefixed = client.duplicate({ keyPrefix: 'p:' });
    const key = `${keyspace}k`;
    await client.set(key, 'alive');
    const ids = async (): Promise<unknown> => client.target('primaries').client('ID');
    const [connections, { arrayBuffers }] = [await ids(), process.memoryUsage()];
    try {
      const calls: readonly [place: number, call: () => unknown][] = [
        [1, () => client.set(key, huge)],
        [1, () => client.set(key, new Uint8Array(huge.buffer) as Buffer)],
        [0, () => client.get(huge)],
        [0, () => prefixed.get(huge)],
        [2, () => client.hset(key, 'field', huge)],
        [1, () => client.call('SET', key, huge)],
        [1, () => client.pipeline().set(key, huge)],
        [1, () => client.multi().set(key, huge)],
        [1, () => client.transaction([key], (tx) => Promise.resolve(tx.multi().set(key, huge)))],
        [1, () => client.transaction([key], (tx) => tx.set(key, huge))],
        [1, () => client.blpop(key, huge as unknown as string)],
        [0, () => client.target('random').echo(huge)],
        [3, () => client.eval('return 1', 1, key, huge)],
        [1, () => client.pubsub.publish(`${keyspace}c`, huge, { codec: 'binary' })],
      ];
      for (const [place, call] of calls)
        expect(await refusal(call)).toMatchObject({
          code: 'INVALID_ARGUMENT',
          argument: `arguments[${place}]`,
          applied: false,
          message: expect.stringContaining(`has ${LIMIT + 1} bytes`),
        });
      expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(LIMIT / 2);
      // a server that had seen it would have closed the connection
      expect(await ids()).toEqual(connections);
      expect(await client.get(key)).toBe('alive');
    } finally {
      await prefixed.close();
    }
  });

  it('is a limit on the total of a call, and of a transaction, too', async () => {
    const large = Buffer.allocUnsafeSlow(LIMIT);
    const key = `${keyspace}sum`;
    const calls: readonly (() => unknown)[] = [
      () => client.rpush(key, large, large, 'x'),
      () => client.pipeline().rpush(key, large, large, 'x'),
      () => client.multi().rpush(key, large).rpush(key, large).rpush(key, 'x').exec(),
      () =>
        client
          .with({ durability: { replicas: 1, timeoutMs: 100 } })
          .multi()
          .rpush(key, large)
          .rpush(key, large, 'x')
          .exec(),
    ];
    for (const call of calls)
      expect(await refusal(call)).toMatchObject({
        code: 'INVALID_ARGUMENT',
        argument: 'arguments',
        applied: false,
        message: expect.stringContaining('1 GB'),
      });
    expect(await client.exists(key)).toBe(0);
  });

  it('is measured in the bytes that would be sent', async () => {
    const wide = 'é'.repeat(LIMIT / 2 + 1);
    expect(await refusal(() => client.echo(wide))).toMatchObject({
      argument: 'arguments[0]',
      applied: false,
    });
  });
});
