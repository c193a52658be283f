import { setTimeout as delay } from 'node:timers/promises';
import {
  ClusterClient,
  type ClusterError,
  type ClusterPipeline,
  type ClusterView,
  ConnectionHookError,
  InvalidArgumentError,
  keySlot,
  type NewConnection,
  type SubscriptionGap,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../../../breakable-cluster.js';
import { eventually } from '../../../cluster-fixture.js';
import { NumberPublisher, subscribersOf } from '../../pubsub/fixture.js';

let cluster: LocalCluster;
const clients: ClusterClient[] = [];
const clientOf = (options: ConstructorParameters<typeof ClusterClient>[0]): ClusterClient => {
  const client = new ClusterClient({ nodes: cluster.seeds, ...options });
  clients.push(client);
  return client;
};

const APP = '~* &* +@all';

breakableCluster(
  { nodeTimeoutMs: 1_500, users: { app: `on >first ${APP}` } },
  (whole) => void (cluster = whole),
);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

/** What the servers tell of connections with a name. */
async function connectionsNamed(name: string): Promise<string[]> {
  const lists = await Promise.all(cluster.primaries.map((node) => cluster.command(node, 'CLIENT', 'LIST')));
  return lists
    .flatMap((list) => String(list).split('\n'))
    .filter((line) => new RegExp(` name=(leased:)?${name} `).test(line));
}

const idsIn = (lines: string[]): unknown[] =>
  lines.map((line) => /id=\d+ addr=\S+/.exec(line)?.[0]).toSorted();

const setUser = (...rules: string[]): Promise<unknown> =>
  Promise.all(cluster.nodes.map((node) => cluster.command(node, 'ACL', 'SETUSER', 'app', ...rules)));

describe('onConnect', () => {
  it('is called for every connection before it is used, including leased ones, and can send commands on it', async () => {
    const seen: string[] = [];
    const purposes: string[] = [];
    const client = clientOf({
      nodes: cluster.primaries.map(({ host, port }) => ({ host, port })),
      clientName: 'hooked',
      onConnect: async ({ node, purpose, call }) => {
        seen.push(`${node.host}:${node.port} ${String(await call('client', 'getname'))}`);
        purposes.push(purpose);
        await call('CLIENT', 'NO-TOUCH', 'ON').catch(() => call('CLIENT', 'NO-EVICT', 'ON'));
      },
    });
    await client.connect();
    const expected = cluster.primaries.map(({ name }) => `${name} hooked`);
    expect(seen.toSorted()).toEqual(expected.toSorted());
    await client.rpush('{hook}list', 'x');
    expect(await client.blpop('{hook}list', 1)).toEqual(['{hook}list', 'x']);
    expect(seen).toHaveLength(4);
    expect(purposes).toEqual(['shared', 'shared', 'shared', 'leased']);
    const lines = await connectionsNamed('hooked');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/flags=\w*[eT]/);
  });

  it('is called for subscriber connections, before any subscription', async () => {
    const seen: string[] = [];
    let failures = 1;
    const client = clientOf({
      clientName: 'hooked-subscriber',
      onConnect: async ({ purpose, call }) => {
        if (purpose !== 'subscriber') return;
        if (failures-- > 0) throw new Error('not yet');
        await call('CLIENT', 'NO-EVICT', 'ON');
        seen.push(purpose);
      },
    });
    const received: unknown[] = [];
    client.pubsub.channel('hooked').subscribe(({ payload }) => received.push(payload));
    client.pubsub.sharded('hooked').subscribe(({ payload }) => received.push(payload));
    await client.pubsub.ready();
    expect(seen).toEqual(['subscriber', 'subscriber']);
    const lists = await Promise.all(
      cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'LIST', 'TYPE', 'pubsub')),
    );
    const lines = lists
      .flatMap((list) => String(list).split('\n'))
      .filter((line) => line.includes('hooked-'));
    expect(lines.map((line) => /flags=(\S+)/.exec(line)?.[1])).toEqual(['Pe', 'Pe']);
    await client.pubsub.publish('hooked', 1);
    await client.pubsub.publishSharded('hooked', 2);
    await eventually(() => expect(received.toSorted()).toEqual([1, 2]));
  });

  it('keeps a connection from being used while it fails', async () => {
    let failures = 3;
    const client = clientOf({
      onConnect: () => {
        if (failures-- > 0) throw new Error('not yet');
      },
    });
    expect(await client.set('{hook}k', 'v')).toBe('OK');

    const never = clientOf({ startupTimeoutMs: 300, onConnect: () => Promise.reject(new Error('never')) });
    const failure = await never.connect().catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    expect(causes(failure)).toContainEqual(expect.any(ConnectionHookError));
  });

  it('must not make the connection unusable', async () => {
    const refusals: unknown[] = [];
    const client = clientOf({
      nodes: cluster.primaries.map(({ host, port }) => ({ host, port })),
      onConnect: async ({ call }: NewConnection) => {
        for (const words of [
          ['select', 1],
          ['SUBSCRIBE', 'x'],
          ['monitor'],
          ['client', 'REPLY', 'off'],
          ['hello'],
        ])
          await call(...(words as [string])).catch((error: unknown) => refusals.push(error));
      },
    });
    await client.connect();
    expect(refusals).toHaveLength(15);
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(InvalidArgumentError);
  });

  it('must be a function', () => {
    expect(() => new ClusterClient({ onConnect: 'x' as never })).toThrow(InvalidArgumentError);
  });
});

describe('credentials that change', () => {
  it.each([
    ['when they are due', 50],
    ['when the application says so', undefined],
  ])('cause no failed calls, %s', async (_when, refreshAfterMs) => {
    await setUser('resetpass', '>first');
    let password = 'first';
    const client = clientOf({
      clientName: 'rotating',
      credentialsProvider: () => ({ username: 'app', password, refreshAfterMs }),
    });
    await client.connect();
    const blocked = client.blpop('{rotating}never', 0).catch((error: Error) => error);
    // its leased connection is the fourth
    await eventually(async () => expect(await connectionsNamed('rotating')).toHaveLength(4));
    const before = idsIn(await connectionsNamed('rotating'));
    const errors: unknown[] = [];
    let done = false;
    let calls = 0;
    const load = Array.from({ length: 20 }, async (_, i) => {
      while (!done)
        await client.incr(`rotating-${i}`).then(
          () => calls++,
          (error: unknown) => errors.push(error),
        );
    });
    try {
      for (const next of ['second', 'third']) {
        await setUser(`>${next}`);
        const old = password;
        password = next;
        if (refreshAfterMs === undefined) await client.refreshCredentials();
        else await delayUntilAsked(() => password === next);
        await setUser(`<${old}`);
        const asOf = calls;
        await eventually(() => calls > asOf + 100);
      }
      // the same connections, still
      expect(idsIn(await connectionsNamed('rotating'))).toEqual(before);
      // and new ones
      await Promise.all(
        cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'normal', 'USER', 'app')),
      );
      const asOf = calls;
      await eventually(() => calls > asOf + 100);
      done = true;
      await Promise.all(load);
    } finally {
      done = true;
      await Promise.all(load);
    }
    // killed in the middle of an INCR: that is the one thing that may be in doubt
    for (const error of errors) expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await client.close();
    expect(await blocked).toBeInstanceOf(Error);
  });

  it('reach open connections when they are due, however often new ones are opened', async () => {
    await setUser('resetpass', '>first');
    const rules = `on >other ${APP}`.split(' ');
    await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'ACL', 'SETUSER', 'due', ...rules)));
    let current = { username: 'app', password: 'first' };
    const client = clientOf({ credentialsProvider: () => ({ ...current, refreshAfterMs: 2_000 }) });
    await client.connect();
    current = { username: 'due', password: 'other' };
    await eventually(async () => {
      // a transaction whose function throws leaves its connection, so the next one opens another
      await client.transaction(['{due}k'], () => Promise.reject(new Error('left'))).catch(() => {});
      expect(await client.call('ACL', 'WHOAMI')).toBe('due');
    });
  });

  it('cause no lost messages for subscribers of any kind', async () => {
    await setUser('resetpass', '>first');
    let current = { username: 'app', password: 'first' };
    const client = clientOf({ credentialsProvider: () => current });
    const names = ['channel', 'pattern', 'sharded'] as const;
    const received: number[][] = names.map(() => []);
    const gaps: SubscriptionGap[] = [];
    client.pubsub.gaps$.subscribe((gap) => gaps.push(gap));
    for (const [i, kind] of names.entries())
      client.pubsub[kind]<number>('numbered').subscribe(({ payload }) => received[i].push(payload));
    await client.pubsub.ready();
    const publisher = new NumberPublisher(async (number) => {
      await client.pubsub.publish('numbered', number);
      await client.pubsub.publishSharded('numbered', number);
    });
    const goesOn = (): Promise<unknown> => {
      const asOf = received.map(({ length }) => length);
      return eventually(() => received.every(({ length }, i) => length > asOf[i] + 10));
    };
    await goesOn();
    const next = `on >other ${APP}`.split(' ');
    await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'ACL', 'SETUSER', 'next', ...next)));
    current = { username: 'next', password: 'other' };
    await client.refreshCredentials();
    expect(new Set(await subscribersOf(cluster))).toEqual(new Set(['next']));
    // whoever is still known by the old name is cut off
    await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'KILL', 'USER', 'app')));
    await goesOn();
    expect(gaps).toEqual([]);

    await Promise.all(
      cluster.nodes.map((node) => cluster.command(node, 'ACL', 'SETUSER', 'next', 'resetpass', '>third')),
    );
    current = { username: 'next', password: 'third' };
    await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub')));
    await goesOn();
    await publisher.stop();
    const last = publisher.published.findLast(({ acknowledged }) => acknowledged)!.number;
    for (const [i, kind] of names.entries()) {
      await eventually(() => received[i].at(-1) === last);
      const own = gaps.filter((gap) => gap.kind === kind);
      expect(own.length).toBeGreaterThan(0);
      expect(publisher.account(received[i], own)).toEqual({ doubled: [], lost: [] });
    }
  });

  it('are reported if a node rejects them, and existing connections stay open', async () => {
    await setUser('resetpass', '>first');
    let password = 'first';
    const client = clientOf({ credentialsProvider: () => ({ username: 'app', password }) });
    await client.connect();
    password = 'wrong';
    const failure = await client.refreshCredentials().catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    expect(String(failure)).not.toContain('wrong');
    expect(await client.set('{rotating}k', 'v')).toBe('OK');
  });

  it('are requested once more if they were replaced in the meantime', async () => {
    await setUser('resetpass', '>new');
    const answers = ['old', 'new'];
    const client = clientOf({
      nodes: [cluster.seeds[0]],
      credentialsProvider: () => ({
        username: 'app',
        password: answers.length > 1 ? answers.shift()! : answers[0],
      }),
    });
    expect(await client.set('{rotating}k', 'v')).toBe('OK');
  });

  it.each([0, -1, 1.5, '1'])('reject a refresh interval of %p ms', async (refreshAfterMs) => {
    const client = clientOf({
      startupTimeoutMs: 300,
      credentialsProvider: () => ({
        username: 'app',
        password: 'x',
        refreshAfterMs: refreshAfterMs as number,
      }),
    });
    expect(causes(await client.connect().catch((error: Error) => error))).toContainEqual(
      expect.any(InvalidArgumentError),
    );
  });
});

describe('a transaction of a user without permission for MULTI', () => {
  const ways: [string, (client: ClusterClient) => Promise<unknown>][] = [
    ['in one piece', (client) => client.multi().incr('{bare}n').get('{bare}n').exec()],
    [
      'that waits for replicas',
      (client) => {
        const durable = client.with({ durability: { replicas: 1, timeoutMs: 5_000 } });
        return durable.multi().incr('{bare}n').get('{bare}n').exec();
      },
    ],
    [
      'of watched keys',
      (client) => client.transaction(['{bare}n'], async (tx) => tx.multi().incr('{bare}n').get('{bare}n')),
    ],
  ];

  it.each(ways)(
    '%s: has an unknown outcome if its commands ran, or else is rejected',
    async (_way, execute) => {
      await setUser('resetpass', '>first', '-multi');
      try {
        const client = clientOf({ username: 'app', password: 'first' });
        await client.set('{bare}n', 0);
        expect(await execute(client).catch((error: Error) => error)).toMatchObject({
          code: 'OUTCOME_UNKNOWN',
          applied: 'unknown',
        });
        expect(await client.get('{bare}n')).toBe('1');
        // what only reads may be executed
        await setUser('-incr');
        expect(await execute(client).catch((error: Error) => error)).toMatchObject({
          code: 'NOPERM',
          applied: false,
        });
        await setUser('-incr', '-get', '-exec');
        expect(await execute(client).catch((error: Error) => error)).toMatchObject({
          code: 'NOPERM',
          applied: false,
          message: expect.stringContaining('multi'),
        });
        await setUser('+@all');
        expect(await client.get('{bare}n')).toBe('1');
        await execute(client);
        expect(await client.get('{bare}n')).toBe('2');
      } finally {
        await setUser('+@all');
      }
    },
  );
});

describe('a blocking call', () => {
  it('on a node that freezes ends after the failover, even without other calls', async () => {
    const client = clientOf({ replyTimeoutMs: 200 });
    await client.xadd('{frozen}stream', '1-1', 'a', 'b');
    await client.wait(1, 5_000);
    const popped = client.blpop('{frozen}list', 0).catch((error: Error) => error);
    const read = client.xread('BLOCK', 0, 'STREAMS', '{frozen}stream', '1-1');
    const slot = client.topology.nodeForKey('{frozen}list')!;
    const primary = cluster.nodes.find(({ name }) => name === slot.name)!;
    await eventually(async () => {
      const list = String(await cluster.command(primary, 'CLIENT', 'LIST'));
      expect(list.match(/cmd=(blpop|xread)/g)).toHaveLength(2);
    });
    await cluster.freeze(primary);
    try {
      expect(await popped).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      await client.xadd('{frozen}stream', '1-2', 'c', 'd');
      expect(await read).toEqual([['{frozen}stream', [['1-2', ['c', 'd']]]]]);
    } finally {
      await cluster.thaw(primary);
    }
  });
});

describe('a write that waits for its replicas', () => {
  it('is not repeated if its primary is replaced meanwhile', async () => {
    const client = clientOf({ deadlineMs: 120_000 });
    const durable = client.with({ durability: { replicas: 2, timeoutMs: 30_000 } });
    await client.connect();
    const { primary, replicas } = client.topology.shardForSlot(keySlot('{waits}n'))!;
    const ends = Promise.allSettled([durable.incr('{waits}n'), durable.multi().incr('{waits}m').exec()]);
    await eventually(async () => {
      const list = String(await cluster.command(primary.name, 'CLIENT', 'LIST'));
      expect(list.match(/flags=\w*b\w* .*cmd=wait/g)).toHaveLength(2);
    });
    await cluster.failover(replicas[0].name);
    // most servers end WAIT with an error; Valkey 9 lets it go on, and answers with the replicas that confirmed
    const code = expect.stringMatching(/^(OUTCOME_UNKNOWN|DURABILITY_NOT_REACHED)$/);
    for (const end of await ends) expect(end).toMatchObject({ reason: { code } });
    expect(await client.mget('{waits}n', '{waits}m')).toEqual(['1', '1']);
  });
});

describe('a transaction', () => {
  it('on a node that freezes continues after the failover', async () => {
    const client = clientOf({ replyTimeoutMs: 200, deadlineMs: 90_000 });
    await client.set('{frozen}n', 1);
    await client.wait(1, 5_000);
    const slot = client.topology.nodeForKey('{frozen}n')!;
    const primary = cluster.nodes.find(({ name }) => name === slot.name)!;
    let attempts = 0;
    try {
      const done = client.transaction(['{frozen}n'], async (tx) => {
        if (attempts++ === 0) await cluster.freeze(primary);
        const n = Number(await tx.get('{frozen}n'));
        return tx.multi().set('{frozen}n', n + 1);
      });
      expect(await done).toEqual([[null, 'OK']]);
      expect(attempts).toBeGreaterThan(1);
      expect(await client.get('{frozen}n')).toBe('2');
    } finally {
      await cluster.thaw(primary);
    }
  });

  it('keeps its deadline on a node that is never replaced, and so does a batch', async () => {
    const alone = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
    const client = clientOf({
      nodes: alone.seeds,
      replyTimeoutMs: 100,
      deadlineMs: 500,
      maxPendingPerNode: { commands: 20 },
    });
    try {
      const [node] = alone.nodes;
      const failure = client.with({ deadlineMs: 500 }).transaction(['k'], async (tx) => {
        await alone.freeze(node);
        await tx.get('k');
      });
      await expect(failure).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      // 200 windows, and yet it ends
      const pipeline = client.pipeline();
      for (let i = 0; i < 2_000; i++) pipeline.get('k');
      for (const [error] of await pipeline.exec()) expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    } finally {
      client.disconnect();
      await alone.stop();
    }
  });
});

describe('integers', () => {
  it('are bigints on request, at any depth', async () => {
    const client = clientOf({});
    const exact = client.with({ integers: 'bigint' });
    expect(await exact.incr('{int}a')).toBe(1n);
    expect(await exact.call('incrby', '{int}a', '9007199254740993')).toBe(9_007_199_254_740_994n);
    expect(await exact.get('{int}a')).toBe('9007199254740994');
    expect(await exact.eval('return {1, {2, "x", {3}}}', 0)).toEqual([1n, [2n, 'x', [3n]]]);
    expect(await exact.pipeline().incr('{int}b').get('{int}b').exec()).toEqual([
      [null, 1n],
      [null, '1'],
    ]);
    expect(await exact.multi().incr('{int}b').exec()).toEqual([[null, 2n]]);
    expect(await exact.target('default').call('dbsize')).toEqual(expect.any(BigInt));
    expect([...(await exact.target('primaries').dbsize()).values()]).toEqual(
      cluster.primaries.map(() => expect.any(BigInt)),
    );
    // over several slots
    expect(await exact.del('{int}a', '{int}b', 'elsewhere')).toBe(2n);
    expect(await client.incr('{int}a')).toBe(1);
    const keys: string[] = [];
    for await (const key of exact.scanIterator({ match: '{int}*' })) keys.push(key);
    expect(keys).toEqual(['{int}a']);
    expect(await exact.nonAtomic.mget(['{int}a'])).toEqual(['1']);
    expect(() => client.with({ integers: 'float' as 'number' })).toThrow(InvalidArgumentError);
  });
});

describe('a batch', () => {
  it('is sent in pieces within the limits', async () => {
    const client = clientOf({ maxPendingPerNode: { commands: 10, bytes: 200 } });
    const pipeline = client.pipeline();
    for (let i = 0; i < 1_000; i++) pipeline.set(`{piece}${i}`, `value ${i}`);
    for (let i = 0; i < 1_000; i++) pipeline.get(`{piece}${i}`);
    const results = await pipeline.exec();
    expect(results.filter(([error]) => error !== null)).toEqual([]);
    expect(results.slice(1_000).map(([, value]) => value)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => `value ${i}`),
    );
  });

  it('can have a million commands', async () => {
    const client = clientOf({});
    const pipeline = client.pipeline();
    for (let i = 0; i < 1_000_000; i++) pipeline.incr('{million}n');
    const results = await pipeline.exec();
    expect(results).toHaveLength(1_000_000);
    expect(results.every(([error, reply], i) => error === null && reply === i + 1)).toBe(true);
  });
});

describe('the deadline of a batch', () => {
  /** Counts, and takes 20 ms. Since Redis 7.2 TIME stands still in a script; before, there is no os. */
  const SLOW = `redis.call('incr', KEYS[1])
    local known, system = pcall(function() return os end)
    local function now()
      if known then return system.clock() * 1000 end
      local time = redis.call('time')
      return time[1] * 1000 + time[2] / 1000
    end
    local finished = now() + 20
    while now() < finished do end
    return 1`;
  const COUNT = 80;

  it('applies to the whole batch if it was passed with the call, or else to each window', async () => {
    const client = clientOf({ deadlineMs: 1_000, maxPendingPerNode: { commands: 10 } });
    await client.connect();
    const fill = (view: ClusterView, key: string): ClusterPipeline => {
      const pipeline = view.pipeline();
      for (let i = 0; i < COUNT; i++) pipeline.eval(SLOW, 1, key);
      return pipeline;
    };
    const all = await fill(client, '{window}all').exec();
    expect(all.filter(([error]) => error !== null)).toEqual([]);

    const some = await fill(client.with({ deadlineMs: 1_000 }), '{window}some').exec();
    expect(some).toHaveLength(COUNT);
    expect(some.at(-1)).toEqual([
      expect.objectContaining({ code: 'DEADLINE_EXCEEDED', applied: false }),
      undefined,
    ]);
    const certain = some.filter(([error]) => error === null).length;
    const unsent = some.filter(([error]) => (error as ClusterError | null)?.applied === false).length;
    const executed = Number(await client.get('{window}some'));
    expect(executed).toBeGreaterThanOrEqual(certain);
    expect(executed).toBeLessThanOrEqual(COUNT - unsent);
  });
});

describe('duplicate', () => {
  it('accepts options, or nodes and options as in ioredis', async () => {
    const client = clientOf({ keyPrefix: 'p:', clientName: 'first' });
    const copies = [
      client.duplicate({ clientName: 'copied' }),
      client.duplicate(undefined, { redisOptions: { connectionName: 'copied' } }),
      client.duplicate([], { redisOptions: { connectionName: 'copied' }, keyPrefix: 'p:' }),
      client.duplicate([cluster.seeds[1]], { clientName: 'copied' }),
    ];
    clients.push(...copies);
    await client.set('{dup}k', 'v');
    for (const [i, copy] of copies.entries()) {
      expect(await copy.get('{dup}k')).toBe('v');
      expect((await connectionsNamed('copied')).length).toBe(3 * (i + 1));
    }
    expect(() => client.duplicate({ wrong: 1 } as never)).toThrow(InvalidArgumentError);
    expect(() => client.duplicate([], { redisOptions: 'x' as never })).toThrow(InvalidArgumentError);
  });

  it('of a subclass does not call its constructor', async () => {
    class Service extends ClusterClient {
      constructor(config: { get(name: string): string }) {
        super({ nodes: cluster.seeds, keyPrefix: config.get('prefix') });
      }
    }
    class Named extends ClusterClient {
      override duplicate(): Named {
        return new Named({ nodes: cluster.seeds });
      }
    }
    const service = new Service({ get: () => 'p:' });
    const copy = service.duplicate({ keyPrefix: 'q:' });
    const named = new Named({ nodes: cluster.seeds });
    const own = named.duplicate();
    const [{ host, port }] = cluster.seeds;
    const byUrl: Named = Named.fromUrl(`redis://${host}:${port}`);
    clients.push(service, copy, named, own, byUrl);
    await copy.set('{dup}s', 'v');
    expect(await service.get('{dup}s')).toBeNull();
    expect(copy.constructor).toBe(ClusterClient);
    expect([own.constructor, byUrl.constructor]).toEqual([Named, Named]);
    expect(await byUrl.get('q:{dup}s')).toBe('v');
    // @ts-expect-error -- its constructor does not take options
    expect(() => Service.fromUrl(`redis://${host}:${port}`)).toThrow(TypeError);
  });
});

/** Waits until the servers know the new password from us: two rounds of a provider that is asked every 50 ms. */
async function delayUntilAsked(changed: () => boolean): Promise<void> {
  const auths = async (): Promise<number> => {
    const stats = await Promise.all(
      cluster.primaries.map((node) => cluster.command(node, 'INFO', 'commandstats')),
    );
    return stats.reduce<number>(
      (sum, text) => sum + Number(/cmdstat_auth:calls=(\d+)/.exec(String(text))?.[1] ?? 0),
      0,
    );
  };
  expect(changed()).toBe(true);
  const before = await auths();
  await eventually(async () => (await auths()) >= before + 2 * cluster.primaries.length);
  await delay(0);
}

/** An error with all its causes, those of several attempts too. */
function causes(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  const { cause } = error;
  const below = error instanceof AggregateError ? error.errors : [];
  return [error, ...[cause, ...below].flatMap(causes)];
}
