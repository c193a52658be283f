import { jest } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ClusterClient,
  ClusterEntity,
  ClusterModule,
  ClusterRepository,
  CreatedAt,
  DeletedAt,
  ExpiresAt,
  Index,
  InjectClusterRepository,
  InvalidArgumentError,
  PartitionKey,
  PrimaryKey,
  Property,
  ReplyError,
  Shape,
  Unique,
  getClusterToken,
} from 'keyslot';
import {
  ClusterTestingModule,
  MemoryCluster,
  TestKeyspace,
  createMemoryRepositories,
  getMemoryClusterToken,
} from 'keyslot/testing';

@ClusterEntity({ name: 'Team' })
class Team {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() name?: string;
  @ExpiresAt() expiresAt?: Date;
}

@ClusterEntity({ name: 'Member', partition: () => Team })
class Member {
  declare readonly [Shape]: { key: 'teamId' | 'id'; indexed: 'role' | 'email' };
  @PartitionKey() teamId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() role?: string;
  @Unique() @Property() email?: string;
  @CreatedAt() createdAt!: Date;
  @DeletedAt() deletedAt?: Date;
  @ExpiresAt() expiresAt?: Date;
}

describe('repositories in memory', () => {
  it('follow the clock of the test: expiries of rows, of indexed rows, and the times that are filled in', async () => {
    await using registry = createMemoryRepositories([Team, Member], { now: () => 1_000_000 });
    const [teams, members] = [registry.repository(Team), registry.repository(Member)];
    await teams.insert(teams.create({ id: 't', expiresAt: new Date(1_060_000) }));
    const member = await members.insert(
      members.create({ teamId: 't', id: 'm', role: 'lead', expiresAt: new Date(1_060_000) }),
    );
    await members.insert(members.create({ teamId: 't', id: 'kept', role: 'lead' }));
    expect(member.createdAt).toEqual(new Date(1_000_000));
    registry.memory.advance(59_999);
    expect(await teams.exists('t')).toBe(true);
    expect(await members.countBy({ teamId: 't', role: 'lead' })).toBe(2);
    registry.memory.advance(1);
    expect(await teams.findOne('t')).toBeNull();
    expect(await members.findOne({ teamId: 't', id: 'm' })).toBeNull();
    expect(await members.exists({ teamId: 't', id: 'm' })).toBe(false);
    expect(await members.findBy({ teamId: 't', role: 'lead' })).toHaveLength(1);
    expect(await members.countBy({ teamId: 't', role: 'lead' })).toBe(1);
    registry.memory.setTime(new Date(5_000_000));
    expect(registry.memory.now()).toBe(5_000_000);
    await members.softDelete({ teamId: 't', id: 'kept' });
    const deleted = await members.findOne({ teamId: 't', id: 'kept' }, { withDeleted: true });
    expect(deleted?.deletedAt).toEqual(new Date(5_000_000));
    registry.memory.advance(60_001);
    expect(await members.purgeDeleted({ partition: 't', olderThan: '1h' })).toEqual({ purged: 0 });
    expect(await members.purgeDeleted({ partition: 't', olderThan: '1m' })).toEqual({ purged: 1 });
  });

  it('give a row that is created again another version, also while the clock stands still', async () => {
    await using registry = createMemoryRepositories([Team]);
    const teams = registry.repository(Team);
    registry.memory.setTime(1_000_000);
    const versions = new Set<string>();
    for (let i = 0; i < 3; i++) {
      await teams.insert(teams.create({ id: 't' }));
      const [node] = registry.memory.nodes;
      await using client = new ClusterClient({ nodes: [node] });
      versions.add(String(await client.hget('{Team:t}:Team:t', '~v')));
      await teams.delete('t');
    }
    expect(versions.size).toBe(3);
  });

  it('follow fake timers', async () => {
    jest.useFakeTimers({ now: 1_000_000 });
    try {
      await using registry = createMemoryRepositories([Team]);
      const teams = registry.repository(Team);
      await teams.insert(teams.create({ id: 't', expiresAt: new Date(1_060_000) }));
      jest.setSystemTime(1_059_999);
      expect(await teams.exists('t')).toBe(true);
      jest.advanceTimersByTime(1);
      expect(await teams.findOne('t')).toBeNull();
    } finally {
      jest.useRealTimers();
    }
  });

  it('forget everything on clear(), and share nothing with other repositories', async () => {
    await using one = createMemoryRepositories([Team, Member]);
    await using other = createMemoryRepositories([Team, Member]);
    const members = one.repository(Member);
    const member = { teamId: 't', id: 'm', email: 'a@example.com', role: 'lead' };
    await members.insert(members.create(member));
    expect(await other.repository(Member).findBy({ teamId: 't', role: 'lead' })).toEqual([]);
    one.clear();
    expect(await one.client.dbsize()).toBe(0);
    expect(await members.findBy({ teamId: 't', role: 'lead' })).toEqual([]);
    // the unique value is free again
    await members.insert(members.create({ ...member, id: 'another' }));
    expect(await members.findOneBy({ teamId: 't', email: member.email })).toMatchObject({ id: 'another' });
  });

  it('emit their changes', async () => {
    @ClusterEntity({ name: 'Note', changes: true })
    class Note {
      declare readonly [Shape]: { key: 'id' };
      @PrimaryKey() id!: string;
    }
    await using registry = createMemoryRepositories([Note]);
    const notes = registry.repository(Note);
    const seen: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const subscription = notes.changes('n', { from: 'start' }).subscribe((change) => {
        seen.push(change.type);
        if (seen.length < 2) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    await notes.insert(notes.create({ id: 'n' }));
    await notes.delete('n');
    await ended;
    expect(seen).toEqual(['insert', 'delete']);
  });
});

describe('a cluster in memory', () => {
  let memory: MemoryCluster;
  let client: ClusterClient;
  beforeEach(() => {
    memory = new MemoryCluster();
    client = new ClusterClient({ nodes: memory.nodes });
  });
  afterEach(async () => {
    await client.close();
    memory.close();
  });

  it('names the command that it does not have', async () => {
    const failure = client.geoadd('places', 1, 2, 'here');
    await expect(failure).rejects.toThrow(ReplyError);
    await expect(failure).rejects.toMatchObject({
      code: 'NOTINMEMORY',
      message: expect.stringContaining('GEOADD') as string,
    });
    await expect(
      client.eval("return redis.call('GEOADD', KEYS[1], 1, 2, 'x')", 1, 'k'),
    ).rejects.toMatchObject({
      code: 'NOTINMEMORY',
    });
  });

  it('runs pipelines, transactions, subscriptions, scans and calls with a connection of their own', async () => {
    expect(await client.pipeline().set('a', '1').incr('a').exec()).toEqual([
      [null, 'OK'],
      [null, 2],
    ]);
    expect(await client.multi().set('{k}1', 'x').get('{k}1').exec()).toEqual([
      [null, 'OK'],
      [null, 'x'],
    ]);
    const outcome = client.transaction(
      ['{k}1'],
      async (tx) => {
        await client.set('{k}1', 'y'); // the first attempt meets a change
        return tx.multi().set('{k}2', String(await tx.get('{k}1')));
      },
      { attempts: 2 },
    );
    await expect(outcome).rejects.toMatchObject({ code: 'TRANSACTION_CONFLICT' });
    const keys: string[] = [];
    for await (const key of client.scanIterator({ match: '{k}*' })) keys.push(key);
    expect(keys).toEqual(['{k}1']);
    const messages: unknown[] = [];
    const subscription = client.pubsub.channel('news').subscribe((message) => messages.push(message.payload));
    await client.pubsub.ready('news');
    expect(await client.publish('news', '"hello"')).toBe(1);
    await client.ping();
    await new Promise((resolve) => setImmediate(resolve));
    subscription.unsubscribe();
    expect(messages).toEqual(['hello']);
  });

  it('returns the shapes of both protocols', async () => {
    const resp3 = new ClusterClient({ nodes: memory.nodes, protocol: 3, replyMapping: 'resp3' });
    await client.hset('h', 'a', '1');
    await client.zadd('z', '1.5', 'm');
    expect(await client.hgetall('h')).toEqual({ a: '1' });
    expect(await client.zrange('z', '0', '-1', 'WITHSCORES')).toEqual(['m', '1.5']);
    expect(await resp3.call('hgetall', 'h')).toEqual({ a: '1' });
    expect(await resp3.zrange('z', '0', '-1', 'WITHSCORES')).toEqual([['m', 1.5]]);
    expect(await resp3.get('none')).toBeNull();
    await resp3.close();
  });

  it('rejects blocking commands, and serves single-node clients', async () => {
    await expect(client.blpop('list', 1)).rejects.toMatchObject({ code: 'NOTINMEMORY' });
    await expect(client.xread('BLOCK', 10, 'STREAMS', 's', '0')).rejects.toMatchObject({
      code: 'NOTINMEMORY',
    });
    await client.set('k', 'v');
    const [node] = client.nodes();
    expect(await node.get('k')).toBe('v');
  });

  it('makes the same random choices for the same seed', async () => {
    const choices = async (seed: number): Promise<string[]> => {
      const own = new MemoryCluster({ seed });
      const other = new ClusterClient({ nodes: own.nodes });
      await other.sadd('s', ...Array.from({ length: 100 }, (_, i) => `${i}`));
      const chosen = await other.spop('s', 20);
      await other.close();
      own.close();
      return chosen;
    };
    expect(await choices(7)).toEqual(await choices(7));
    expect(await choices(7)).not.toEqual(await choices(8));
  });

  it('rejects options that it does not have, and times that are none', () => {
    expect(() => new MemoryCluster({ nwo: () => 0 } as object)).toThrow(/did you mean now/);
    expect(() => new MemoryCluster({ now: 5 as never })).toThrow(InvalidArgumentError);
    expect(() => new MemoryCluster({ seed: 0.5 })).toThrow(InvalidArgumentError);
    expect(() => new MemoryCluster({ replicas: -1 })).toThrow(InvalidArgumentError);
    expect(() => createMemoryRepositories([Team], { sede: 1 } as object)).toThrow(/seed/);
    expect(() => memory.advance(-1)).toThrow(InvalidArgumentError);
    expect(() => memory.setTime(new Date(NaN))).toThrow(InvalidArgumentError);
  });

  it('is out of reach once it is closed', async () => {
    const lone = new ClusterClient({ nodes: memory.nodes, startupTimeoutMs: 200 });
    await client.ping();
    memory.close();
    await expect(lone.connect()).rejects.toMatchObject({ code: 'NO_NODE_REACHABLE' });
    await lone.close();
  });
});

describe('ClusterTestingModule.inMemory', () => {
  @Injectable()
  class Teams {
    constructor(
      @InjectClusterRepository(Team) readonly teams: ClusterRepository<Team>,
      readonly cluster: ClusterClient,
    ) {}
  }

  it('takes the place of the module that an application imports', async () => {
    const clusterModule = ClusterModule.forRoot({ nodes: ['127.0.0.1:1'] });
    @Module({ imports: [ClusterModule.forFeature([Team])], providers: [Teams], exports: [Teams] })
    class TeamsModule {}
    @Module({ imports: [clusterModule, TeamsModule] })
    class AppModule {}
    const compile = () =>
      Test.createTestingModule({ imports: [AppModule] })
        .overrideModule(clusterModule)
        .useModule(ClusterTestingModule.inMemory({ now: () => 5_000 }))
        .compile();
    const [one, other] = [await compile(), await compile()];
    await Promise.all([one.init(), other.init()]);
    const { teams, cluster } = one.get(Teams);
    await teams.insert(teams.create({ id: 't', name: 'Red' }));
    await cluster.set('key', 'value', 'PX', 10);
    expect(await teams.findOne('t')).toMatchObject({ name: 'Red' });
    expect(await other.get(Teams).teams.findOne('t')).toBeNull();
    one.get(MemoryCluster).advance(10);
    expect(await cluster.get('key')).toBeNull();
    // as after a test on a cluster
    expect(await one.get(TestKeyspace).clear()).toBeGreaterThan(0);
    expect(await teams.findOne('t')).toBeNull();
    await Promise.all([one.close(), other.close()]);
  });

  it('gives each named cluster its own memory', async () => {
    const app = await Test.createTestingModule({
      imports: [ClusterTestingModule.inMemory(), ClusterTestingModule.inMemory({ name: 'other' })],
    }).compile();
    await app.init();
    await app.get<ClusterClient>(getClusterToken('other')).set('a', 'x');
    expect(await app.get(ClusterClient).exists('a')).toBe(0);
    app.get<MemoryCluster>(getMemoryClusterToken('other')).clear();
    expect(await app.get<ClusterClient>(getClusterToken('other')).exists('a')).toBe(0);
    await app.close();
  });

  it('rejects misspelt options', async () => {
    const compiled = Test.createTestingModule({
      imports: [ClusterTestingModule.inMemory({ keyPrefx: 'a' } as object)],
    }).compile();
    await expect(compiled).rejects.toThrow(/keyPrefx/);
  });
});
