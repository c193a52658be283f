import {
  ClusterClient,
  type ClusterError,
  InvalidArgumentError,
  NonAtomicCommands,
  PartialWriteError,
  ReplyError,
  TooManyMembersError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { CommandTable } from '../../../../lib/cluster/command-table/command-table.js';
import { sharedCluster } from '../../../cluster-fixture.js';
import { spreadKeys } from './non-atomic-fixture.js';

const shared = sharedCluster();
let cluster: ClusterClient;

beforeAll(async () => {
  cluster = new ClusterClient({ nodes: shared.nodes });
  await cluster.connect();
});

afterAll(() => cluster.close());

const keys = (count: number): string[] => spreadKeys(shared.keyspace, count);
const BINARY = Buffer.from([0, 0xff, 0x80]);

describe('mget and mset', () => {
  it('keep the order of ten thousand keys, with repeats', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `${shared.keyspace}many:${i % 9_000}`);
    await cluster.nonAtomic.mset(names.map((name, i) => [name, i]));
    const values = await cluster.nonAtomic.mget(names);
    // of a repeated key the last value counts
    expect(values).toEqual(names.map((_, i) => String(i < 1_000 ? i + 9_000 : i)));
  });

  it('accept the same arguments as the commands of the client', async () => {
    const [a, b] = keys(2);
    const forms: (() => Promise<unknown>)[] = [
      () => cluster.nonAtomic.mset(a, 1, b, 2),
      () => cluster.nonAtomic.mset([a, 1, b, 2]),
      () => cluster.nonAtomic.mset({ [a]: 1, [b]: 2 }),
      () =>
        cluster.nonAtomic.mset(
          new Map([
            [a, 1],
            [b, 2],
          ]),
        ),
      () =>
        cluster.nonAtomic.mset([
          [a, 1],
          [b, 2],
        ]),
      () => new Promise((resolve) => void cluster.nonAtomic.mset(a, 1, b, 2, (_, reply) => resolve(reply))),
    ];
    for (const form of forms) {
      await cluster.del(a, b);
      expect(await form()).toBe('OK');
      expect(await cluster.nonAtomic.mget(a, b)).toEqual(['1', '2']);
    }
  });

  it('return nothing for an empty list', async () => {
    expect(await cluster.nonAtomic.mget([])).toEqual([]);
    expect(await cluster.nonAtomic.mgetBuffer([])).toEqual([]);
  });

  it('preserve bytes', async () => {
    const [a, b] = keys(2).map((key) => Buffer.concat([BINARY, Buffer.from(key)]));
    await cluster.nonAtomic.mset(a, BINARY, b, '');
    expect(await cluster.nonAtomic.mgetBuffer(b, a)).toEqual([Buffer.alloc(0), BINARY]);
  });

  it.each([
    ['a key without a value', (a: string, b: string) => cluster.nonAtomic.mset(a, 1, b)],
    ['undefined', (a: string, b: string) => cluster.nonAtomic.mset(a, 1, b, undefined as unknown as string)],
    ['no key', () => cluster.nonAtomic.mget()],
    ['no pair', () => cluster.nonAtomic.mset([])],
    ['an unknown option', () => Promise.resolve(cluster.nonAtomic.with({ most: 1 } as object))],
  ])('reject %s', async (_, call) => {
    const [a, b] = keys(2);
    await expect((async () => call(a, b))()).rejects.toBeInstanceOf(InvalidArgumentError);
    expect(await cluster.exists(a, b)).toBe(0);
  });

  it('name the keys that were not written, and not their values', async () => {
    await using local = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      users: { clerk: 'on >pw ~may* +@all' },
    });
    const clerk = new ClusterClient({ nodes: local.seeds, username: 'clerk', password: 'pw' });
    try {
      const failure = await clerk.nonAtomic
        .mset({ may1: 'secret', must2: 'secret', may3: 'secret' })
        .catch((e) => e);
      expect(failure).toBeInstanceOf(PartialWriteError);
      expect(failure).toMatchObject({ code: 'PARTIAL_WRITE', applied: 'unknown', retryable: false });
      expect(failure.written.toSorted()).toEqual(['may1', 'may3']);
      expect([...failure.errors].map(([key, error]) => [key, error.code])).toEqual([['must2', 'NOPERM']]);
      expect(failure.message).not.toContain('secret');
      expect(await clerk.get('may3')).toBe('secret');

      // nothing was written, for certain
      expect(await clerk.nonAtomic.mset({ must1: 1, must2: 2 }).catch((e) => e)).toMatchObject({
        applied: false,
      });
      await expect(clerk.nonAtomic.mget('may1', 'must2')).rejects.toMatchObject({ code: 'NOPERM' });
    } finally {
      await clerk.close();
    }
  });
});

describe('msetnx over slots', () => {
  it('sets all keys, or none if one exists', async () => {
    const [a, b, c] = keys(3);
    expect(await cluster.nonAtomic.msetnx({ [a]: '1', [b]: '' })).toBe(1);
    expect(await cluster.nonAtomic.mget(a, b)).toEqual(['1', '']);
    expect(await cluster.nonAtomic.msetnx(c, 2, b, 2)).toBe(0);
    expect(await cluster.nonAtomic.mget(b, c)).toEqual(['', null]);
    expect(await cluster.nonAtomic.msetnx(`{${c}}1`, 1, `{${c}}2`, '')).toBe(1);
    expect(await cluster.nonAtomic.msetnx(`{${c}}3`, 1, `{${c}}2`, '')).toBe(0);
  });

  it('reports what was written if another client sets a key after the check, and keeps that key', async () => {
    const [a, b, c] = keys(3);
    let looks = 0;
    const meddling = new NonAtomicCommands(
      {
        send: (...call) => cluster.send(...call),
        multi: () => cluster.multi(),
        runScript: (...call) => cluster.runScript(...call),
        pipeline: () => {
          const queue = cluster.pipeline();
          const exec = queue.exec.bind(queue);
          queue.exec = async () => {
            if (++looks === 2) await cluster.set(b, 'theirs');
            return exec();
          };
          return queue;
        },
      },
      { options: { keyPrefix: '' }, table: new CommandTable() },
    );
    const failure = await meddling
      .msetnx(a, 'secret', b, 'secret', c, 'secret')
      .catch((e: unknown) => e as PartialWriteError);
    expect(failure).toBeInstanceOf(PartialWriteError);
    expect(failure).toMatchObject({ applied: 'unknown', retryable: false });
    const { written, errors, message } = failure as PartialWriteError;
    expect(written.toSorted()).toEqual([a, c].toSorted());
    expect([...errors].map(([key, error]) => [key, (error as ClusterError).code])).toEqual([
      [b, 'TRANSACTION_CONFLICT'],
    ]);
    expect(message).not.toContain('secret');
    expect(await cluster.get(b)).toBe('theirs');

    looks = 0;
    await cluster.del(a, b, c);
    const [d] = keys(1);
    expect(await meddling.msetnx(b, 'ours', d, 'ours').catch((e: Error) => e)).toBeInstanceOf(
      PartialWriteError,
    );
    expect(await cluster.nonAtomic.mget(b, d)).toEqual(['theirs', 'ours']);
  });
});

describe('too many keys for a script', () => {
  it.each([
    ['pfcount', (many: string[]) => cluster.nonAtomic.pfcount(...many)],
    ['zunionstore', (many: string[]) => cluster.nonAtomic.zunionstore('d', many.length, ...many)],
    ['zinterstore', (many: string[]) => cluster.nonAtomic.zinterstore('d', many.length, ...many)],
    ['bitop', (many: string[]) => cluster.nonAtomic.bitop('OR', 'd', ...many)],
  ])('is rejected before anything is sent: %s', async (_, call) => {
    const many = Array.from({ length: 8_000 }, (__, i) => `${shared.keyspace}${i}`);
    await expect(call(many)).rejects.toThrow(InvalidArgumentError);
    await expect(call(many)).rejects.toThrow(/at most 7900 arguments over several slots, got 800\d/);
    if (_ === 'pfcount') expect(await call(many.slice(0, 7_000))).toBe(0);
  });
});

describe('operations that cannot be done in steps', () => {
  it.each([
    ['BY', ['BY', 'weight:*']],
    ['GET', ['ALPHA', 'GET', '#', 'get', 'object:*']],
    ['BY', ['LIMIT', '0', '1', 'by', '*->field']],
    ['GET', ['GET', 'object:{x}:*']],
  ])('is rejected: sort with %s of other keys', async (option, words) => {
    const [a, b] = keys(2);
    await cluster.rpush(a, 2, 1);
    for (const args of [
      [a, ...words],
      [a, ...words, 'STORE', b],
    ]) {
      const refusal = await cluster.nonAtomic.sort(...(args as [string])).catch((error: Error) => error);
      expect(refusal).toBeInstanceOf(InvalidArgumentError);
      expect((refusal as Error).message).toContain(`SORT … ${option}`);
    }
  });

  it('sort by something that is not a pattern, or has the hash tag of the key, is accepted', async () => {
    const [a] = keys(1);
    await cluster.rpush(a, 2, 1);
    expect(await cluster.nonAtomic.sort(a, 'BY', 'nosort')).toEqual(['2', '1']);
    // whether a server takes these depends on its version; the last leads to one slot, that of the key
    for (const words of [
      ['GET', '#'],
      ['BY', `weight:{${a}}:*`],
    ]) {
      const outcome = await cluster.nonAtomic
        .sort(...([a, ...words] as [string]))
        .catch((error: Error) => error);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ReplyError);
    }
  });

  it('copying to another database is rejected', async () => {
    const [a, b] = keys(2);
    await expect(cluster.nonAtomic.copy(a, b, 'DB', 1)).rejects.toBeInstanceOf(InvalidArgumentError);
  });
});

describe('replies', () => {
  it('are Buffers on request', async () => {
    const [a, b, c] = keys(3);
    await cluster.sadd(a, BINARY, 'x');
    await cluster.sadd(b, BINARY);
    expect(await cluster.nonAtomic.sinterBuffer(a, b)).toEqual([BINARY]);
    expect(await cluster.nonAtomic.sdiffBuffer(a, b)).toEqual([Buffer.from('x')]);
    expect(await cluster.nonAtomic.sunionBuffer(b, `none:${a}`)).toEqual([BINARY]);
    await cluster.rpush(c, BINARY, 'x');
    expect(await cluster.nonAtomic.rpoplpushBuffer(c, `list:${a}`)).toEqual(Buffer.from('x'));
    expect(await cluster.nonAtomic.lmoveBuffer(c, `list:${a}`, 'LEFT', 'LEFT')).toEqual(BINARY);
  });

  it('are passed to callbacks too', async () => {
    const [a, b] = keys(2);
    const error = await new Promise(
      (resolve) => void cluster.nonAtomic.rename(a, b, (failure) => resolve(failure)),
    );
    expect(error).toMatchObject({ name: 'ReplyError', message: 'ERR no such key' });
  });
});

describe('maxMembers', () => {
  it('limits what one call loads into the process, and nothing is changed beyond it', async () => {
    const [a, b, c] = keys(3);
    const members = Array.from({ length: 2_500 }, (_, i) => `member:${i}`);
    await cluster.sadd(a, ...members);
    await cluster.sadd(b, 'member:1', 'other');
    await cluster.set(c, 'old');
    const small = cluster.nonAtomic.with({ maxMembers: 2_499 });
    for (const call of [
      small.sunion(a, b),
      small.sdiff(a, c.concat('none')),
      small.sunionstore(c, a, b),
      small.zunionstore(c, 2, a, b),
      small.sort(a, 'ALPHA', 'STORE', c),
    ]) {
      await expect(call).rejects.toBeInstanceOf(TooManyMembersError);
    }
    expect(await cluster.get(c)).toBe('old');
    // the result counts, and not what had to be looked at
    expect(await small.sinter(a, b)).toEqual(['member:1']);
    expect(await small.sdiff(b, a)).toEqual(['other']);
    expect(await cluster.nonAtomic.sunionstore(c, a, b)).toBe(2_501);
    expect((await cluster.smembers(c)).toSorted()).toEqual([...members, 'other'].toSorted());
  });
});

describe('while other clients use the same keys', () => {
  it('rename loses no write to the source', async () => {
    const [a, b] = keys(2);
    const pushed: string[] = [];
    const done = new AbortController();
    const writer = async (): Promise<void> => {
      for (let i = 0; !done.signal.aborted; i++) {
        await cluster.rpush(a, `${i}`);
        pushed.push(`${i}`);
      }
    };
    await cluster.rpush(a, 'first');
    const writing = writer();
    const outcome = await cluster.nonAtomic.rename(a, b).catch((error: Error) => error);
    done.abort();
    await writing;
    // a source that never rests is given up; then both keys are there
    if (outcome !== 'OK') expect(outcome).toMatchObject({ code: 'INCOMPLETE_OPERATION', retryable: true });
    const found = new Set([...(await cluster.lrange(a, 0, -1)), ...(await cluster.lrange(b, 0, -1))]);
    expect(['first', ...pushed].filter((element) => !found.has(element))).toEqual([]);
  });

  it('lmove gives each element to one caller', async () => {
    const [a, b, c] = keys(3);
    const elements = Array.from({ length: 300 }, (_, i) => `${i}`);
    await cluster.rpush(a, ...elements);
    const moved: string[] = [];
    const popped: string[] = [];
    const mover = async (destination: string): Promise<void> => {
      for (;;) {
        const element = await cluster.nonAtomic.lmove(a, destination, 'LEFT', 'RIGHT');
        if (element === null) return;
        moved.push(element);
      }
    };
    const popper = async (): Promise<void> => {
      for (let element = await cluster.lpop(a); element !== null; element = await cluster.lpop(a))
        popped.push(element);
    };
    await Promise.all([mover(b), mover(b), mover(c), mover(c), popper()]);
    const there = [...(await cluster.lrange(b, 0, -1)), ...(await cluster.lrange(c, 0, -1))];
    expect(there.toSorted()).toEqual(moved.toSorted());
    expect([...moved, ...popped].toSorted()).toEqual(elements.toSorted());
  });

  it('smove reports a moved member to one caller only', async () => {
    const [a, b, c] = keys(3);
    const members = Array.from({ length: 50 }, (_, i) => `${i}`);
    await cluster.sadd(a, ...members);
    const counts = await Promise.all(
      members.flatMap((member) =>
        [b, c].map((destination) => cluster.nonAtomic.smove(a, destination, member)),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(await cluster.scard(a)).toBe(0);
    expect((await cluster.nonAtomic.sunion(b, c)).toSorted()).toEqual(members.toSorted());
  });

  it('a stored set replaces the old one atomically', async () => {
    const [a, b, c] = keys(3);
    await cluster.sadd(a, ...Array.from({ length: 3_000 }, (_, i) => i));
    await cluster.sadd(b, 'x');
    await cluster.sadd(c, 'old');
    const sizes = new Set<number>();
    const done = new AbortController();
    const reader = async (): Promise<void> => {
      while (!done.signal.aborted) sizes.add(await cluster.scard(c));
    };
    const reading = reader();
    for (let i = 0; i < 5; i++) {
      expect(await cluster.nonAtomic.sunionstore(c, a, b)).toBe(3_001);
      await cluster.nonAtomic.sunionstore(c, b, `none:${c}`);
    }
    done.abort();
    await reading;
    expect([...sizes].filter((size) => size !== 1 && size !== 3_001)).toEqual([]);
    expect(await cluster.ttl(c)).toBe(-1);
  });
});

it('shows no secrets when it is printed', async () => {
  const { inspect } = await import('node:util');
  const client = new ClusterClient({ nodes: ['127.0.0.1:1'], password: 'pl4nted', lazyConnect: true });
  const printed = inspect([client.nonAtomic, client.admin], { depth: 20, showHidden: true });
  expect(printed).not.toContain('pl4nted');
  client.disconnect();
});
