import { ClusterClient, InvalidArgumentError } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

/** A Buffer that passes for one when the call is made, and cannot be read when it is sent. */
function unreadable(): Buffer {
  const bytes = Buffer.from('value');
  Object.defineProperty(bytes, 'latin1Slice', {
    value: () => {
      throw new RangeError('out of reach');
    },
  });
  return bytes;
}

describe('a call whose arguments cannot be encoded', () => {
  const { nodes, keyspace } = sharedCluster();
  let client: ClusterClient;
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);

  beforeAll(async () => {
    process.on('uncaughtException', note);
    client = new ClusterClient({ nodes });
    await client.connect();
  });

  afterAll(async () => {
    process.off('uncaughtException', note);
    await client.close();
  });

  const failure = expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    applied: false,
    message: expect.stringContaining('out of reach'),
  });

  it('fails alone, and every other call of the turn is executed once', async () => {
    const [counter, key] = [`{${keyspace}1}n`, `{${keyspace}1}k`];
    const calls = [
      client.incr(counter),
      client.set(key, unreadable()),
      client.incr(counter),
      client.hset(key, 'f', unreadable()),
      client.incr(counter),
    ];
    const results = await Promise.allSettled(calls);
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason))).toEqual([
      1,
      failure,
      2,
      failure,
      3,
    ]);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(await client.get(counter)).toBe('3');
    expect(await client.exists(key)).toBe(0);
    expect(uncaught).toEqual([]);
  });

  it('fails a transaction as a whole, and nothing of it is sent', async () => {
    const counter = `{${keyspace}2}n`;
    const before = client.incr(counter);
    const block = client.multi().incr(counter).set(`{${keyspace}2}k`, unreadable()).exec();
    const after = client.incr(counter);
    const error: unknown = await block.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toEqual(failure);
    expect(await Promise.all([before, after])).toEqual([1, 2]);
  });

  it('is one failed result of its pipeline', async () => {
    const counter = `{${keyspace}3}n`;
    const results = await client
      .pipeline()
      .incr(counter)
      .set(`{${keyspace}3}k`, unreadable())
      .incr(counter)
      .exec();
    expect(results).toEqual([
      [null, 1],
      [failure, undefined],
      [null, 2],
    ]);
  });
});
