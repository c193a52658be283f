import { ClusterClient, type ClusterError, keySlot, NonAtomicCommands } from 'keyslot';
import { LocalCluster, type SlotMigration } from 'keyslot/testing';
import type { StepClient } from '../../../../lib/client/non-atomic/steps.js';
import { CommandTable } from '../../../../lib/cluster/command-table/command-table.js';
import { sharedCluster } from '../../../cluster-fixture.js';
import { freshKeys } from './non-atomic-fixture.js';

const shared = sharedCluster();
let witness: ClusterClient;

beforeAll(async () => {
  witness = new ClusterClient({ nodes: shared.nodes });
  await witness.connect();
});

afterAll(() => witness.close());

/**
 * How a client ends at one of its calls: before it is sent, with it on its way (which the server may execute or
 * not), or when it has been executed.
 */
const ENDS = ['before', 'during', 'after'] as const;
type End = (typeof ENDS)[number];

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A client of which each call to the cluster goes through `step`. */
function stepping(client: ClusterClient, step: <T>(call: () => Promise<T>) => Promise<T>): StepClient {
  const queued = <T extends { exec(): Promise<unknown> }>(queue: T): T => {
    const exec = queue.exec.bind(queue);
    queue.exec = () => step(exec);
    return queue;
  };
  return {
    send: (...call) => step(() => client.send(...call)),
    runScript: (...call) => step(() => client.runScript(...call)),
    pipeline: () => queued(client.pipeline()),
    multi: () => queued(client.multi()),
  };
}

/** Runs an operation on a client of its own, whose connections are cut at its n-th call, counted from 0. */
async function endedAt(
  n: number,
  end: End,
  operation: (commands: NonAtomicCommands) => Promise<unknown>,
): Promise<'ended' | 'done'> {
  const client = new ClusterClient({ nodes: shared.nodes });
  await client.connect();
  let calls = 0;
  const commands = new NonAtomicCommands(
    stepping(client, async (call) => {
      if (calls++ !== n) return call();
      if (end === 'before') client.disconnect();
      const outcome = call();
      outcome.catch(() => {});
      await (end === 'during' ? turn().then(turn) : end === 'after' && outcome);
      client.disconnect();
      return end === 'after' ? Promise.reject(new Error('The client has ended')) : outcome;
    }),
    { options: { keyPrefix: '' }, table: new CommandTable() },
  );
  const result = await operation(commands).then(
    () => 'done' as const,
    () => 'ended' as const,
  );
  client.disconnect();
  // where the operation had fewer calls, it was not touched
  return calls > n ? 'ended' : result;
}

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Keys = Record<(typeof NAMES)[number], string>;

interface Case {
  readonly name: string;
  setUp(keys: Keys): Promise<unknown>;
  run(commands: Pick<NonAtomicCommands, keyof NonAtomicCommands>, keys: Keys): Promise<unknown>;
  /** What must be true whenever it ended. */
  survives(keys: Keys): Promise<void>;
  /** What must be true after another call of it, where it is to be called again. */
  completed?(keys: Keys): Promise<void>;
}

const MANY = Array.from({ length: 2_500 }, (_, i) => `${i}`);
const list = (key: string): Promise<string[]> => witness.lrange(key, 0, -1);

/** The destination is what it was, or all of what it becomes; the sources are as they were. */
const oldOrNew =
  (expected: number) =>
  async ({ a, b, d }: Keys): Promise<void> => {
    const type = await witness.type(d);
    const size = { zset: () => witness.zcard(d), set: () => witness.scard(d), list: () => witness.llen(d) };
    if (type === 'string') expect(await witness.getrange(d, 0, -1)).toBe('old');
    else expect(await size[type as keyof typeof size]()).toBe(expected);
    expect(await witness.exists(a, b)).toBe(2);
    expect(await witness.ttl(d)).toBe(-1);
  };

const CASES: readonly Case[] = [
  {
    name: 'rename',
    setUp: ({ a, b }) => Promise.all([witness.set(a, 'value', 'EX', 1_000), witness.set(b, 'old')]),
    run: (commands, { a, b }) => commands.rename(a, b),
    async survives({ a, b }) {
      const [source, destination] = await Promise.all([witness.get(a), witness.get(b)]);
      expect([
        ['value', 'old'],
        ['value', 'value'],
        [null, 'value'],
      ]).toContainEqual([source, destination]);
      const holder = destination === 'value' ? b : a;
      expect(await witness.ttl(holder)).toBeGreaterThan(900);
    },
    async completed({ a, b }) {
      expect([await witness.get(a), await witness.get(b)]).toEqual([null, 'value']);
    },
  },
  {
    name: 'renamenx',
    setUp: ({ a }) => witness.hset(a, 'f', 'v'),
    run: (commands, { a, b }) => commands.renamenx(a, b),
    async survives({ a, b }) {
      const holders = [await witness.hget(a, 'f'), await witness.hget(b, 'f')];
      expect(holders).toContain('v');
    },
  },
  {
    name: 'copy',
    setUp: ({ a, b, d }) => Promise.all([witness.rpush(a, 1, 2), witness.set(b, 1), witness.set(d, 'old')]),
    run: (commands, { a, d }) => commands.copy(a, d, 'REPLACE'),
    survives: oldOrNew(2),
    completed: async ({ d }) => expect(await list(d)).toEqual(['1', '2']),
  },
  {
    name: 'smove',
    setUp: ({ a, b }) => Promise.all([witness.sadd(a, 'x', 'y'), witness.sadd(b, 'z')]),
    run: (commands, { a, b }) => commands.smove(a, b, 'x'),
    async survives({ a, b }) {
      expect((await Promise.all([witness.sismember(a, 'x'), witness.sismember(b, 'x')])).includes(1)).toBe(
        true,
      );
      expect(await Promise.all([witness.sismember(a, 'y'), witness.sismember(b, 'z')])).toEqual([1, 1]);
    },
    async completed({ a, b }) {
      expect([await witness.smembers(a), (await witness.smembers(b)).toSorted()]).toEqual([
        ['y'],
        ['x', 'z'],
      ]);
    },
  },
  ...(['rpoplpush', 'lmove'] as const).map((name): Case => ({
    name,
    setUp: ({ a, b }) => Promise.all([witness.rpush(a, 'x', 'y', 'x'), witness.rpush(b, 'z')]),
    run: (commands, { a, b }) =>
      name === 'lmove' ? commands.lmove(a, b, 'LEFT', 'RIGHT') : commands.rpoplpush(a, b),
    async survives({ a, b }) {
      const elements = [...(await list(a)), ...(await list(b))].toSorted();
      // the one that was on its way may be there twice
      if (elements.length === 5) elements.splice(elements.indexOf('x'), 1);
      expect(elements).toEqual(['x', 'x', 'y', 'z']);
    },
  })),
  {
    name: 'mset',
    setUp: ({ a, b, c }) => Promise.all([a, b, c].map((key) => witness.set(key, 'old'))),
    run: (commands, { a, b, c }) => commands.mset({ [a]: 'new', [b]: 'new', [c]: 'new' }),
    async survives({ a, b, c }) {
      for (const key of [a, b, c]) expect(['old', 'new']).toContain(await witness.get(key));
    },
    completed: async ({ a, b, c }) =>
      expect(await witness.nonAtomic.mget(a, b, c)).toEqual(['new', 'new', 'new']),
  },
  {
    name: 'msetnx',
    setUp: ({ d }) => witness.set(d, 'old'),
    run: (commands, { a, b, c }) => commands.msetnx({ [a]: 'new', [b]: 'new', [c]: 'new' }),
    async survives({ a, b, c, d }) {
      for (const key of [a, b, c]) expect(['new', null]).toContain(await witness.get(key));
      expect(await witness.get(d)).toBe('old');
    },
  },
  {
    name: 'sunionstore of several chunks',
    setUp: ({ a, b, d }) =>
      Promise.all([witness.sadd(a, ...MANY), witness.sadd(b, 'x'), witness.set(d, 'old')]),
    run: (commands, { a, b, d }) => commands.sunionstore(d, a, b),
    survives: oldOrNew(2_501),
    completed: async ({ d }) => expect(await witness.scard(d)).toBe(2_501),
  },
  {
    name: 'sdiffstore of nothing',
    setUp: ({ a, b, d }) => Promise.all([witness.sadd(a, 'x'), witness.sadd(b, 'x'), witness.set(d, 'old')]),
    run: (commands, { a, b, d }) => commands.sdiffstore(d, a, b),
    survives: async ({ d }) => expect(['old', null]).toContain(await witness.get(d)),
    completed: async ({ d }) => expect(await witness.exists(d)).toBe(0),
  },
  {
    name: 'sort',
    setUp: ({ a, b, d }) => Promise.all([witness.sadd(a, ...MANY), witness.set(b, 1), witness.set(d, 'old')]),
    run: (commands, { a, d }) => commands.sort(a, 'STORE', d),
    survives: oldOrNew(2_500),
    completed: async ({ d }) => expect(await list(d)).toEqual(MANY),
  },
  {
    name: 'zunionstore',
    setUp: ({ a, b, d }) =>
      Promise.all([witness.zadd(a, 1, 'x'), witness.zadd(b, 2, 'y'), witness.set(d, 'old')]),
    run: (commands, { a, b, d }) => commands.zunionstore(d, 2, a, b),
    survives: oldOrNew(2),
    completed: async ({ d }) => expect(await witness.zcard(d)).toBe(2),
  },
  {
    name: 'pfmerge',
    setUp: ({ a, b, d }) =>
      Promise.all([witness.pfadd(a, 'x'), witness.pfadd(b, 'y'), witness.pfadd(d, 'z')]),
    run: (commands, { a, b, d }) => commands.pfmerge(d, a, b),
    async survives({ a, b, d }) {
      expect([1, 3]).toContain(await witness.pfcount(d));
      expect([await witness.pfcount(a), await witness.pfcount(b)]).toEqual([1, 1]);
    },
    completed: async ({ d }) => expect(await witness.pfcount(d)).toBe(3),
  },
  {
    name: 'bitop',
    setUp: ({ a, b, d }) => Promise.all([witness.set(a, 'ab'), witness.set(b, 'c'), witness.set(d, 'old')]),
    run: (commands, { a, b, d }) => commands.bitop('OR', d, a, b),
    survives: async ({ d }) => expect(['old', 'cb']).toContain(await witness.get(d)),
    completed: async ({ d }) => expect(await witness.get(d)).toBe('cb'),
  },
];

describe('a client that dies between two steps loses nothing', () => {
  it.each(CASES.flatMap((one) => ENDS.map((end) => [one.name, end, one] as const)))(
    'in %s, %s a call',
    async (_, end, { setUp, run, survives, completed }) => {
      let result: 'ended' | 'done' = 'ended';
      for (let n = 0; result === 'ended'; n++) {
        const keys = Object.fromEntries(freshKeys(shared.keyspace, NAMES)) as Keys;
        await setUp(keys);
        result = await endedAt(n, end, (commands) => run(commands, keys));
        await survives(keys);
        if (completed === undefined) continue;
        // who was told nothing calls again; a rename that was done already finds no source
        await run(witness.nonAtomic, keys).catch((error: Error) =>
          expect(error.message).toBe('ERR no such key'),
        );
        await completed(keys);
      }
    },
  );

  it('and leaves no permanent temporary key', async () => {
    for await (const key of witness.scanIterator({ match: '*keyslot:temporary:*', count: 1_000 })) {
      expect(await witness.pttl(key)).not.toBe(-1);
    }
  });
});

it('an unfinished result that expires never becomes the destination', async () => {
  const placement = { options: { keyPrefix: '' }, table: new CommandTable() };
  const outcomes: string[] = [];
  for (let n = 0; outcomes.at(-1) !== 'untouched'; n++) {
    const keys = Object.fromEntries(freshKeys(shared.keyspace, NAMES)) as Keys;
    await Promise.all([witness.sadd(keys.a, ...MANY), witness.sadd(keys.b, 'x'), witness.set(keys.d, 'old')]);
    let calls = 0;
    const commands = new NonAtomicCommands(
      stepping(witness, async (call) => {
        if (calls++ === n) await witness.del(...(await temporariesOf(keys.d)));
        return call();
      }),
      placement,
    );
    const outcome = await commands
      .sunionstore(keys.d, keys.a, keys.b)
      .catch((error: ClusterError) => error.code);
    if (outcome === 2_501) expect(await witness.scard(keys.d)).toBe(2_501);
    else expect(await witness.get(keys.d)).toBe('old');
    outcomes.push(calls <= n ? 'untouched' : String(outcome));
  }
  expect(outcomes).toContain('TEMPORARY_EXPIRED');
});

/** The temporary keys in the slot of a key, and one that does not exist. */
async function temporariesOf(key: string): Promise<string[]> {
  const keys = await witness.admin.getKeysInSlot(keySlot(key), 100);
  return [...keys.filter((other) => other.includes('keyslot:temporary:')), 'none'];
}

describe('a step that fails', () => {
  it('reports what the earlier steps have left', async () => {
    await using local = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      users: { mover: 'on >pw ~* +@all -srem -eval -evalsha' },
    });
    const mover = new ClusterClient({ nodes: local.seeds, username: 'mover', password: 'pw' });
    try {
      await mover.sadd('from', 'member');
      await expect(mover.nonAtomic.smove('from', 'to', 'member')).rejects.toMatchObject({
        code: 'INCOMPLETE_OPERATION',
        message: 'SMOVE stopped half-way: the member is in both sets',
        left: 'the member is in both sets',
        retryable: true,
        applied: 'unknown',
        cause: { code: 'NOPERM' },
      });
      await mover.rpush('queue', 'element');
      await expect(mover.nonAtomic.rpoplpush('queue', 'work')).rejects.toMatchObject({
        left: 'the element is in both lists',
        retryable: false,
      });
      await mover.set('old', 'value');
      await expect(mover.nonAtomic.rename('old', 'new')).rejects.toMatchObject({
        left: 'the value is at both keys',
      });
      expect(await mover.nonAtomic.mget('old', 'new')).toEqual(['value', 'value']);
    } finally {
      await mover.close();
    }
  });

  it('leaves a source alone if other clients changed it', async () => {
    const keys = Object.fromEntries(freshKeys(shared.keyspace, NAMES)) as Keys;
    const meddling = (meddle: () => Promise<unknown>): NonAtomicCommands =>
      new NonAtomicCommands(
        {
          send: (...call) => witness.send(...call),
          pipeline: () => witness.pipeline(),
          multi: () => witness.multi(),
          async runScript(...call) {
            await meddle();
            return witness.runScript(...call);
          },
        },
        { options: { keyPrefix: '' }, table: new CommandTable() },
      );
    await witness.rpush(keys.a, 'first');
    const append = meddling(() => witness.rpush(keys.a, 'more'));
    await expect(append.rename(keys.a, keys.b)).rejects.toMatchObject({
      code: 'INCOMPLETE_OPERATION',
      cause: { code: 'TRANSACTION_CONFLICT' },
    });
    expect(await list(keys.b)).toEqual(await list(keys.a));

    await expect(append.renamenx(keys.a, keys.c)).rejects.toMatchObject({ code: 'INCOMPLETE_OPERATION' });
    expect((await list(keys.a)).length).toBe((await list(keys.c)).length + 1);

    // a new time to live is a change too
    let once = true;
    const expire = meddling(async () => once && (await witness.expire(keys.a, 1_000), (once = false)));
    expect(await expire.rename(keys.a, keys.d)).toBe('OK');
    expect(await witness.ttl(keys.d)).toBeGreaterThan(900);
  });
});

describe('while slots move', () => {
  let local: LocalCluster;
  let client: ClusterClient;

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    client = new ClusterClient({ nodes: local.seeds });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await local?.stop();
  });

  async function beginMigration(slot: number): Promise<SlotMigration> {
    const from = local.primaries.find(({ id }) => id === client.topology.nodeForSlot(slot)?.id)!;
    return local.beginSlotMigration(
      slot,
      from,
      local.primaries.find((node) => node !== from)!,
    );
  }

  it('every member of a set is read', async () => {
    const [big, other] = [...freshKeys('moving:', ['big', 'other']).values()];
    const members = Array.from({ length: 20_000 }, (_, i) => `member:${i}`);
    await client.sadd(big, ...members);
    await client.sadd(other, 'x');
    const migration = await beginMigration(keySlot(big));
    let calls = 0;
    const commands = new NonAtomicCommands(
      stepping(client, async (call) => {
        // the client follows an ASK then, and its topology says what it said before
        if (++calls === 5) await migration.moveKeys({ keys: [big] });
        if (calls === 12) await migration.finish();
        return call();
      }),
      { options: { keyPrefix: '' }, table: new CommandTable() },
    );
    const found = new Set(await commands.sunion(big, other));
    expect(calls).toBeGreaterThan(12);
    expect([...members, 'x'].filter((member) => !found.has(member))).toEqual([]);
    expect(found.size).toBe(20_001);
  });

  it('every operation completes', async () => {
    const { a, b, d } = Object.fromEntries(freshKeys('moving:', NAMES)) as Keys;
    await client.zadd(`{${a}}ranked`, 1, 'x');
    await client.sadd(`{${a}}set`, 'x', 'y');
    await client.rpush(`{${a}}list`, 'x', 'y');
    await client.set(`{${a}}text`, 'x');
    await client.zadd(`{${b}}ranked`, 2, 'y');
    await client.set(`{${d}}old`, 'old');
    const migration = await beginMigration(keySlot(d));
    const { nonAtomic } = client;
    const calls = Promise.all([
      nonAtomic.zunionstore(`{${d}}1`, 2, `{${a}}ranked`, `{${b}}ranked`),
      nonAtomic.sunionstore(`{${d}}2`, `{${a}}set`, b),
      nonAtomic.rpoplpush(`{${a}}list`, `{${d}}3`),
      nonAtomic.rename(`{${a}}text`, `{${d}}4`),
      nonAtomic.rename(`{${d}}old`, `{${a}}new`),
      nonAtomic.mget(`{${d}}none`, `{${a}}none`),
    ]);
    await migration.finish();
    expect(await calls).toEqual([2, 2, 'y', 'OK', 'OK', [null, null]]);
    expect(await client.get(`{${d}}4`)).toBe('x');
    expect(await client.get(`{${a}}new`)).toBe('old');
    expect(await client.smembers(`{${d}}2`)).toHaveLength(2);
  });
});
