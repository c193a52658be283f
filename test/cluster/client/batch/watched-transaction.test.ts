import {
  ClusterClient,
  type ClusterTransaction,
  CrossSlotError,
  InvalidArgumentError,
  keySlot,
  TransactionConflictError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { sharedCluster } from '../../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const key = (name: string): string => `${keyspace}${name}`;
let client: ClusterClient;

beforeAll(async () => {
  client = new ClusterClient({ nodes });
  await client.connect();
});
afterAll(() => client.close());

describe('a transaction with watched keys', () => {
  it('executes the commands that the function returns, atomically', async () => {
    await client.set(key('n'), '41');
    const results = await client.transaction([key('n')], async (tx) => {
      const n = Number(await tx.get(key('n')));
      return tx
        .multi()
        .set(key('n'), n + 1)
        .get(key('n'))
        .getBuffer(key('n'));
    });
    expect(results).toEqual([
      [null, 'OK'],
      [null, '42'],
      [null, Buffer.from('42')],
    ]);
  });

  it('passes the same results to callbacks as to promises', async () => {
    const told: unknown[] = [];
    const note = (error?: Error | null, reply?: unknown): void => void told.push(error?.name ?? reply);
    await client.set(key('c'), 'v');
    await client.transaction([key('c')], async (tx) => {
      await tx.get(key('c'), note);
      await tx.lpush(key('c'), 'x', note).catch(() => {});
      return tx.multi().set(key('c'), 'w', note).lpush(key('c'), 'x', note);
    });
    expect(told).toEqual(['v', 'ReplyError', 'OK', 'ReplyError']);
  });

  it('returns a value that is not a transaction, and writes nothing', async () => {
    expect(
      await client.transaction([key('absent')], async (tx) => (await tx.exists(key('absent'))) === 1),
    ).toBe(false);
  });

  it('starts over when a watched key has changed', async () => {
    const name = key('contended');
    let runs = 0;
    await client.transaction([name], async (tx) => {
      const n = Number(await tx.get(name));
      if (++runs === 1) await client.incr(name);
      return tx.multi().set(name, n + 10);
    });
    expect(runs).toBe(2);
    expect(await client.get(name)).toBe('11');
  });

  it('ends with a typed conflict after the last attempt, and has applied nothing', async () => {
    const name = key('hopeless');
    const call = client.transaction(
      [name],
      async (tx) => {
        await client.incr(name);
        return tx.multi().set(name, 'mine');
      },
      { attempts: 3 },
    );
    await expect(call).rejects.toThrow(TransactionConflictError);
    expect(await client.get(name)).toBe('3');
  });

  it('passes on an error of the function, and stops watching', async () => {
    const call = client.transaction([key('x')], async () => {
      throw new RangeError('mine');
    });
    await expect(call).rejects.toThrow(RangeError);
    expect(await client.set(key('x'), 'v')).toBe('OK');
  });

  it('returns the errors of single commands with the results', async () => {
    await client.set(key('text'), 'abc');
    const results = await client.transaction([key('text')], async (tx) =>
      tx.multi().incr(key('text')).get(key('text')),
    );
    expect(results[0][0]).toMatchObject({ name: 'ReplyError', code: 'ERR' });
    expect(results[1]).toEqual([null, 'abc']);
  });

  it('does not disturb callers on other connections', async () => {
    const watching = client.transaction([key('w')], async (tx) => {
      await tx.get(key('w'));
      // a WATCH on a shared connection would make this one's fate depend on the others
      expect(await client.multi().set(key('w2'), 1).exec()).toEqual([[null, 'OK']]);
      return tx.multi().set(key('w'), '1');
    });
    await expect(watching).resolves.toEqual([[null, 'OK']]);
  });

  it.each([
    ['keys of two slots', () => client.transaction(['a', 'b'], async () => 0), CrossSlotError],
    ['no keys', () => client.transaction([], async () => 0), InvalidArgumentError],
    ['no attempts', () => client.transaction(['a'], async () => 0, { attempts: 0 }), InvalidArgumentError],
    ['a command of another slot', () => client.transaction(['a'], async (tx) => tx.get('b')), CrossSlotError],
    [
      'a write to another slot',
      () => client.transaction(['a'], async (tx) => tx.multi().set('b', 1)),
      CrossSlotError,
    ],
    [
      'exec inside the function',
      () => client.transaction(['a'], async (tx) => (tx.multi() as unknown as ClusterTransaction).exec()),
      InvalidArgumentError,
    ],
  ])('rejects %s', async (_, call, expected) => {
    await expect(call()).rejects.toThrow(expected);
  });
});

describe('500 increments of 50 keys while slots move', () => {
  it('add up to exactly the committed count', async () => {
    await using cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    const moving = new ClusterClient({
      nodes: cluster.seeds,
      deadlineMs: 120_000,
      leaseTimeoutMs: 60_000,
    });
    const counters = Array.from({ length: 50 }, (_, i) => `counter:${i}`);
    const increment = (name: string): Promise<unknown> =>
      moving.transaction([name], async (tx) => tx.multi().set(name, Number(await tx.get(name)) + 1), {
        attempts: 200,
      });
    const [from, to] = cluster.primaries;
    await moving.connect();
    const slots = [...new Set(counters.map((name) => keySlot(name)))];
    const given = slots.filter((slot) => moving.topology.nodeForSlot(slot)?.name === from.name);
    const moved = cluster.migrateSlots(given, from, to);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 500 }, (_, i) => increment(counters[i % counters.length])),
    );
    await moved;
    const committed = outcomes.filter(({ status }) => status === 'fulfilled').length;
    const values = await Promise.all(counters.map((name) => moving.get(name)));
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(values.reduce((sum, value) => sum + Number(value), 0)).toBe(committed);
    await moving.close();
  });
});
