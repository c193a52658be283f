import {
  ClusterClient,
  InvalidArgumentError,
  keySlot,
  PartialFailureError,
  ReplyError,
  TopologyError,
  type ClusterNode,
} from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../../../breakable-cluster.js';
import { eventually } from '../../../cluster-fixture.js';

describe('a cluster of three primaries with a replica each', () => {
  let cluster: LocalCluster;
  let client: ClusterClient;

  breakableCluster({ config: { 'lua-time-limit': '20' } }, async (whole) => {
    cluster = whole;
    client = new ClusterClient({ nodes: cluster.seeds });
    await client.connect();
    return () => client.disconnect();
  });

  const names = (nodes: Iterable<{ name: string }>): string[] =>
    [...nodes].map(({ name }) => name).toSorted();
  const keys = Array.from({ length: 300 }, (_, i) => `key:${i}`);
  const fill = (): Promise<unknown> => Promise.all(keys.map((key) => client.set(key, 'v')));

  /** The nodes that executed a command meanwhile, by their own account. */
  async function executing(command: string, run: () => Promise<unknown>): Promise<string[]> {
    await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CONFIG', 'RESETSTAT')));
    await run();
    const had = await Promise.all(
      cluster.nodes.map(async (node) => {
        const stats = String(await cluster.command(node, 'INFO', 'commandstats'));
        return stats.includes(`cmdstat_${command}:`) ? [node] : [];
      }),
    );
    return names(had.flat());
  }

  describe('sends commands to all nodes that they concern', () => {
    const sha = 'a'.repeat(40);
    type Where = 'primaries' | 'nodes' | 'default';

    // A13, F1, F2, F8, F9, F11, F12, F13
    it.each<[command: string, where: Where, call: () => Promise<unknown>, reply: unknown]>([
      ['ping', 'primaries', () => client.ping(), 'PONG'],
      ['dbsize', 'primaries', () => client.dbsize(), 300],
      ['keys', 'primaries', async () => (await client.keys('key:*')).toSorted(), keys.toSorted()],
      ['randomkey', 'primaries', () => client.randomkey(), expect.stringMatching(/^key:\d+$/)],
      ['memory|purge', 'primaries', () => client.memory('PURGE'), 'OK'],
      ['memory|stats', 'primaries', () => client.memory('STATS'), expect.any(Map)],
      ['script|exists', 'primaries', () => client.script('EXISTS', sha), [0]],
      [
        'script|load',
        'primaries',
        () => client.script('LOAD', 'return 1'),
        expect.stringMatching(/^[0-9a-f]{40}$/),
      ],
      ['script|flush', 'nodes', () => client.script('FLUSH'), 'OK'],
      ['function|stats', 'primaries', () => client.function('STATS'), expect.any(Map)],
      ['wait', 'primaries', () => client.wait(1, 5_000), 1],
      ['config|set', 'nodes', () => client.config('SET', 'slowlog-max-len', '100'), 'OK'],
      ['config|resetstat', 'nodes', () => client.config('RESETSTAT'), 'OK'],
      ['config|rewrite', 'nodes', () => client.config('REWRITE'), 'OK'],
      ['client|setname', 'nodes', () => client.client('SETNAME', 'fan-out'), 'OK'],
      ['client|pause', 'nodes', () => client.client('PAUSE', 1), 'OK'],
      ['client|unpause', 'nodes', () => client.client('UNPAUSE'), 'OK'],
      ['slowlog|reset', 'nodes', () => client.slowlog('RESET'), 'OK'],
      ['slowlog|len', 'nodes', () => client.slowlog('LEN'), expect.any(Number)],
      ['slowlog|get', 'nodes', () => client.slowlog('GET', 1), expect.any(Array)],
      ['latency|reset', 'nodes', () => client.latency('RESET'), 0],
      ['latency|latest', 'nodes', () => client.latency('LATEST'), expect.any(Map)],
      ['save', 'nodes', () => client.save(), 'OK'],
      ['bgrewriteaof', 'nodes', () => client.bgrewriteaof(), expect.stringMatching(/started|scheduled/)],
      ['pubsub|channels', 'nodes', () => client.call('PUBSUB', 'CHANNELS'), []],
      ['pubsub|numpat', 'nodes', () => client.call('PUBSUB', 'NUMPAT'), 0],
      ['pubsub|numsub', 'nodes', () => client.call('PUBSUB', 'NUMSUB', 'a', 'b'), ['a', 0, 'b', 0]],
      ['pubsub|shardchannels', 'nodes', () => client.call('PUBSUB', 'SHARDCHANNELS'), []],
      ['pubsub|shardnumsub', 'nodes', () => client.call('PUBSUB', 'SHARDNUMSUB', 'a'), ['a', 0]],
      ['acl|setuser', 'nodes', () => client.acl('SETUSER', 'somebody', 'off'), 'OK'],
      ['acl|deluser', 'nodes', () => client.acl('DELUSER', 'somebody'), 1],

      ['echo', 'default', () => client.echo('x'), 'x'],
      ['time', 'default', () => client.time(), [expect.any(String), expect.any(String)]],
      ['info', 'default', () => client.info('server'), expect.stringContaining('redis_version')],
      ['lastsave', 'default', () => client.lastsave(), expect.any(Number)],
      ['config|get', 'default', () => client.config('GET', 'slowlog-max-len'), ['slowlog-max-len', '100']],
      ['client|getname', 'default', () => client.client('GETNAME'), 'fan-out'],
      ['client|list', 'default', () => client.client('LIST'), expect.stringContaining('fan-out')],
      ['client|id', 'default', () => client.client('ID'), expect.any(Number)],
      ['function|list', 'default', () => client.function('LIST'), []],
      ['cluster|info', 'default', () => client.cluster('INFO'), expect.stringContaining('cluster_state:ok')],
      ['cluster|nodes', 'default', () => client.cluster('NODES'), expect.stringContaining('myself')],
      ['cluster|slots', 'default', () => client.cluster('SLOTS'), expect.any(Array)],
      ['cluster|keyslot', 'default', () => client.cluster('KEYSLOT', 'foo'), 12_182],
      ['command|count', 'default', () => client.command('COUNT'), expect.any(Number)],
      ['acl|whoami', 'default', () => client.acl('WHOAMI'), 'default'],
    ])('%s to the %s', async (command, where, call, reply) => {
      await fill();
      const { primaries, nodes, defaultNode } = client.topology;
      let answer: unknown;
      const had = await executing(command, async () => (answer = await call()));
      expect(answer).toEqual(reply);
      expect(had).toEqual(names({ primaries, nodes, default: [defaultNode as ClusterNode] }[where]));
    });
  });

  describe('merges the replies', () => {
    // F3, F4: what replicas hold is not counted again
    it('dbsize and keys count every key once', async () => {
      await fill();
      await client.wait(1, 5_000);
      const held = await client.target('all').dbsize();
      expect([...held.values()].reduce((sum, size) => sum + size, 0)).toBe(2 * keys.length);
      expect(await client.dbsize()).toBe(keys.length);
      expect((await client.keys('*')).toSorted()).toEqual(keys.toSorted());
      expect(await client.keysBuffer('key:7')).toEqual([Buffer.from('key:7')]);
      expect(await client.keys('nosuch*')).toEqual([]);
    });

    // F5
    it.each(['flushall', 'flushdb'] as const)('%s leaves nothing anywhere', async (command) => {
      await fill();
      expect(await client[command]()).toBe('OK');
      expect(await client.wait(1, 5_000)).toBe(1);
      expect([...(await client.target('all').dbsize()).values()]).toEqual(Array(6).fill(0));
      expect(await client.randomkey()).toBeNull();
      expect(await client.keys('*')).toEqual([]);
    });

    it('LATENCY and MEMORY reports are Maps by node, in the types as well', async () => {
      const { primaries, nodes } = client.topology;
      const latency: Map<string, string> = await client.latency('DOCTOR');
      const doctors: Map<string, string> = await client.memory('DOCTOR');
      const stats: Map<string, unknown[]> = await client.memory('STATS');
      expect([...latency.keys()].toSorted()).toEqual(names(nodes));
      expect([...doctors.keys()].toSorted()).toEqual(names(primaries));
      expect([...stats.keys()].toSorted()).toEqual(names(primaries));
      for (const [name] of stats) expect(stats.get(name)?.[0]).toBe('peak.allocated');
      const reset: number = await client.latency('RESET', 'command');
      const usage: number | null = await client.memory('USAGE', 'nosuch');
      expect([reset, usage, await client.memory('PURGE')]).toEqual([0, null, 'OK']);
    });

    // F11
    it('randomkey finds the only key', async () => {
      await client.flushall();
      await client.set('lonely', 'v');
      for (let i = 0; i < 10; i++) expect(await client.randomkey()).toBe('lonely');
    });

    // F9
    it('script exists: only scripts that all primaries have', async () => {
      const everywhere = await client.script('LOAD', 'return "everywhere"');
      const somewhere = String(
        await cluster.command(cluster.primaries[0], 'SCRIPT', 'LOAD', 'return "somewhere"'),
      );
      expect(await client.script('EXISTS', String(everywhere), somewhere)).toEqual([1, 0]);
      for (const key of keys.slice(0, 20))
        expect(await client.evalsha(String(everywhere), 1, key)).toBe('everywhere');
      await client.script('FLUSH');
      expect(await client.script('EXISTS', String(everywhere), somewhere)).toEqual([0, 0]);
    });

    // L5
    it('functions are loaded, replaced and deleted on every primary', async () => {
      const library = (word: string): string =>
        `#!lua name=fanout\nredis.register_function('whereami', function(keys) return '${word}' .. keys[1] end)`;
      expect(await client.function('LOAD', library('a:'))).toBe('fanout');
      for (const key of keys.slice(0, 20)) expect(await client.fcall('whereami', 1, key)).toBe(`a:${key}`);
      const error: unknown = await client.function('LOAD', library('b:')).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PartialFailureError);
      expect((error as PartialFailureError).errors.size).toBe(3);
      expect(await client.function('LOAD', 'REPLACE', library('b:'))).toBe('fanout');
      for (const key of keys.slice(0, 20)) expect(await client.fcall('whereami', 1, key)).toBe(`b:${key}`);
      expect(await client.function('DELETE', 'fanout')).toBe('OK');
      for (const functions of (await client.target('primaries').function('LIST')).values())
        expect(functions).toEqual([]);
    });

    it('slowlog: the entries of all nodes', async () => {
      await client.config('SET', 'slowlog-log-slower-than', '0');
      await client.slowlog('RESET');
      await fill();
      await client.config('SET', 'slowlog-log-slower-than', '10000');
      const each = [...(await client.target('all').slowlog('LEN')).values()].map(Number);
      expect(await client.slowlog('LEN')).toBe(each.reduce((sum, length) => sum + length, 0));
      const lines = (await client.slowlog('GET', 2)) as unknown[];
      expect(lines).toHaveLength(each.reduce((sum, length) => sum + Math.min(length, 2), 0));
    });

    // F8
    it('pub/sub introspection: subscribers of all nodes', async () => {
      const subscription = client.pubsub.channel(['one', 'two']).subscribe();
      await eventually(async () => {
        expect(((await client.call('pubsub', 'channels')) as string[]).toSorted()).toEqual(['one', 'two']);
      });
      expect(await client.call('PUBSUB', 'NUMSUB', 'one', 'two', 'three')).toEqual([
        'one',
        1,
        'two',
        1,
        'three',
        0,
      ]);
      subscription.unsubscribe();
    });

    // F13: what the most forgetful shard has confirmed
    it('wait: the minimum of all shards', async () => {
      await fill();
      const [primary] = cluster.primaries;
      const lines = String(await cluster.command(primary, 'CLUSTER', 'REPLICAS', primary.id));
      const replica = cluster.replicas.find((node) => lines.includes(node.id)) as LocalNode;
      await cluster.freeze(replica);
      await fill();
      expect(await client.wait(1, 100)).toBe(0);
      // a server that waits as it was told is not one that has fallen silent
      const impatient = client.duplicate({ replyTimeoutMs: 50 });
      await Promise.all(keys.map((key) => impatient.set(key, 'w')));
      expect(await impatient.wait(1, 400)).toBe(0);
      await impatient.close();
      await cluster.thaw(replica);
      expect(await client.wait(1, 10_000)).toBe(1);
    });

    // F12
    it('cluster countkeysinslot and getkeysinslot: the reply of the slot owner', async () => {
      await client.set('foo', 'v');
      expect(await client.cluster('COUNTKEYSINSLOT', 12_182)).toBe(1);
      expect(await client.cluster('GETKEYSINSLOT', 12_182, 10)).toEqual(['foo']);
      await expect(client.cluster('COUNTKEYSINSLOT', 16_384)).rejects.toBeInstanceOf(InvalidArgumentError);
    });
  });

  // K7
  it('recognizes commands in any case', async () => {
    await client.flushall();
    await fill();
    expect([
      await client.call('DbSize'),
      await client.call('SCRIPT', 'EXISTS', 'x'),
      await client.call('script', 'exists', 'x'),
      ((await client.call('KEYS', '*')) as string[]).length,
      await client.call('Cluster', 'CountKeysInSlot', keySlot(keys[0])),
      await client.call('CONFIG', 'sEt', 'slowlog-max-len', 101),
      await client.call('eXists', ...keys),
    ]).toEqual([300, [0], [0], 300, 1, 'OK', 300]);
    const values = await client.target('all').call('CONFIG', 'GET', 'slowlog-max-len');
    expect([...values.values()]).toEqual(Array(6).fill(['slowlog-max-len', '101']));
  });

  // N6: a module's command, as far as anybody can tell before the server is asked
  it('sends unknown commands to the node of their first argument, after querying the server once', async () => {
    const other = new ClusterClient({ nodes: cluster.seeds });
    await other.connect();
    const asked = await executing('command', async () => {
      for (let i = 0; i < 3; i++) {
        await expect(other.call('NOSUCH.COMMAND', `k${i}`, 'planted')).rejects.toMatchObject({
          name: 'ReplyError',
          code: 'ERR',
          message: expect.not.stringContaining('planted'),
        });
      }
    });
    expect(asked).toHaveLength(1);
    await expect(other.call('nosuch')).rejects.toBeInstanceOf(ReplyError);
    await other.close();
  });

  // F1, A13
  it('fails if some nodes fail, with the replies of all nodes', async () => {
    const [busy] = cluster.primaries;
    const key = keys.find((name) => client.topology.nodeForKey(name)?.name === busy.name) as string;
    const script = cluster.command(busy, 'EVAL', 'while true do end', 1, key).catch(() => {});
    await eventually(async () => {
      const answer: unknown = await client
        .target(client.topology.nodeForKey(key) as ClusterNode)
        .ping()
        .catch((error: Error) => error);
      expect(answer).toMatchObject({ code: 'BUSY' });
    });
    const impatient = client.with({ retry: 'never' });
    const error: unknown = await impatient.dbsize().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PartialFailureError);
    const { code, applied, message, replies, errors } = error as PartialFailureError;
    expect({ code, applied }).toEqual({ code: 'PARTIAL_FAILURE', applied: 'unknown' });
    expect([...errors]).toEqual([[busy.name, expect.objectContaining({ name: 'ReplyError', code: 'BUSY' })]]);
    expect([...replies.keys()].toSorted()).toEqual(names(cluster.primaries.filter((node) => node !== busy)));
    for (const size of replies.values()) expect(size).toEqual(expect.any(Number));
    expect(message).toContain('1 of 3');
    expect(message).toContain(busy.name);

    const targeted: unknown = await impatient
      .target('all')
      .dbsize()
      .catch((reason: unknown) => reason);
    expect(targeted).toBeInstanceOf(PartialFailureError);
    expect((targeted as PartialFailureError).replies.size).toBe(5);

    // one_succeeded: only one of them has a script to be ended
    expect(await client.script('KILL')).toBe('OK');
    await script;
    expect(await client.dbsize()).toEqual(expect.any(Number));
    await expect(client.script('KILL')).rejects.toMatchObject({ code: 'PARTIAL_FAILURE', applied: false });
  });

  it('fails if all nodes fail, with the error of each', async () => {
    const error: unknown = await client.config('SET', 'nosuch', 'planted').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'PARTIAL_FAILURE', applied: false });
    expect((error as PartialFailureError).errors.size).toBe(6);
    expect(String(error)).not.toContain('planted');
  });

  describe('target()', () => {
    const nodeOf = (name: string): ClusterNode => client.topology.nodeForKey(name) as ClusterNode;

    // N2
    it.each(['primaries', 'replicas', 'all'] as const)(
      '%s: a Map of the reply of each node',
      async (role) => {
        const expected = {
          primaries: client.topology.primaries,
          replicas: client.topology.replicas,
          all: client.topology.nodes,
        };
        const replies = await client.target(role).cluster('MYID');
        expect([...replies].toSorted()).toEqual(expected[role].map(({ name, id }) => [name, id]).toSorted());
      },
    );

    // N2
    it('random and default: the reply of one node', async () => {
      const ids = new Set<unknown>();
      await eventually(async () => ids.add(await client.target('random').cluster('MYID')).size === 3);
      expect([...ids].toSorted()).toEqual(client.topology.primaries.map(({ id }) => id).toSorted());
      expect(await client.target('default').cluster('MYID')).toBe(client.topology.defaultNode?.id);
    });

    // N3
    it('a node: its reply; a list of nodes: a Map in the order of the list', async () => {
      const [first, second, third] = client.topology.nodes;
      expect(await client.target(second).cluster('MYID')).toBe(second.id);
      expect([...(await client.target([third, first]).cluster('MYID'))]).toEqual([
        [third.name, third.id],
        [first.name, first.id],
      ]);
      expect([...(await client.target([second]).cluster('MYID')).keys()]).toEqual([second.name]);
      expect(await client.target([]).ping()).toEqual(new Map());
    });

    it('passes the reply of one node to a callback, and supports no callback for several', async () => {
      const [node] = client.topology.primaries;
      const told = await new Promise((resolve) => {
        void client.target(node).ping((error, reply) => resolve([error, reply]));
      });
      expect(told).toEqual([null, 'PONG']);
      const failed = await new Promise<Error | null | undefined>((resolve) => {
        void client.target(node).call('NOSUCH', (error) => resolve(error));
      });
      expect(failed).toMatchObject({ name: 'ReplyError' });
      await expect(client.target('all').ping(() => {})).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        argument: 'arguments[0]',
      });
    });

    it('supports every form of a command', async () => {
      await client.hset('hash', 'f', 'v');
      const target = client.target(nodeOf('hash'));
      expect([
        await target.hgetall('hash'),
        await target.hgetBuffer('hash', 'f'),
        await target.call('HGET', 'hash', 'f'),
        await target.callBuffer('hget', 'hash', 'f'),
      ]).toEqual([{ f: 'v' }, Buffer.from('v'), 'v', Buffer.from('v')]);
    });

    it('a node that does not have the key: the reply of that node, without a redirect', async () => {
      await client.set('foo', 'v');
      const other = client.topology.primaries.find((node) => node !== nodeOf('foo')) as ClusterNode;
      await expect(client.target(other).get('foo')).rejects.toMatchObject({
        name: 'ReplyError',
        code: 'MOVED',
      });
      const everywhere: unknown = await client
        .target('primaries')
        .get('foo')
        .catch((reason: unknown) => reason);
      expect(everywhere).toBeInstanceOf(PartialFailureError);
      expect((everywhere as PartialFailureError).replies).toEqual(new Map([[nodeOf('foo').name, 'v']]));
    });

    // R3
    it('a replica: its own data', async () => {
      await client.set('foo', 'replicated');
      const replica = client.topology.nodeForKey('foo', 'replica') as ClusterNode;
      await eventually(async () => (await client.target(replica).get('foo')) === 'replicated');
      await expect(client.target(replica).set('foo', 'w')).rejects.toMatchObject({
        code: expect.stringMatching(/MOVED|READONLY/),
      });
    });

    it.each<[string, unknown]>([
      ['a role that is none', 'masters'],
      ['a word that objects inherit', 'toString'],
      ['a name', '127.0.0.1:7000'],
      ['nothing', undefined],
      ['null', null],
      ['a number', 7000],
      ['a list with a hole', [undefined]],
      ['an address that is no node', { host: '127.0.0.1', port: 7000 }],
    ])('%s is rejected', (_, target) => {
      expect(() => client.target(target as 'all')).toThrow(InvalidArgumentError);
    });

    // N3
    it('a node outside the topology fails, and nothing is sent', async () => {
      const [known] = client.topology.nodes;
      const stranger: ClusterNode = { ...known, host: '192.0.2.1', name: '192.0.2.1:7000' };
      await expect(client.target(stranger).ping()).rejects.toBeInstanceOf(TopologyError);
      await expect(client.target(stranger).ping()).rejects.toMatchObject({
        code: 'UNKNOWN_NODE',
        applied: false,
      });
      const error: unknown = await client
        .target([known, stranger])
        .ping()
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PartialFailureError);
      expect([...(error as PartialFailureError).replies.keys()]).toEqual([known.name]);
      expect([...(error as PartialFailureError).errors.keys()]).toEqual([stranger.name]);
    });

    it('rejects commands that would block a shared connection', async () => {
      const target = client.target(nodeOf('list'));
      await expect(target.blpop('list', 0)).rejects.toBeInstanceOf(InvalidArgumentError);
      await expect(target.call('XREAD', 'BLOCK', 0, 'STREAMS', 'list', '$')).rejects.toBeInstanceOf(
        InvalidArgumentError,
      );
      await expect(target.call('SUBSCRIBE', 'c')).rejects.toMatchObject({ code: 'BLOCKED_COMMAND' });
      await expect(target.shutdown()).rejects.toMatchObject({ code: 'BLOCKED_COMMAND' });
      expect(await target.ping()).toBe('PONG');
    });

    it('allows commands that require a named node', async () => {
      const [node] = client.topology.primaries;
      await expect(client.client('KILL', 'ID', 1)).rejects.toMatchObject({ code: 'BLOCKED_COMMAND' });
      expect(await client.target(node).client('KILL', 'ID', 1_000_000)).toBe(0);
      expect(await client.target(node).cluster('SAVECONFIG')).toBe('OK');
    });

    // N2, N3
    describe('while the cluster changes', () => {
      beforeEach(async () => {
        await client.refreshTopology();
      });

      const replicaOf = (primary: ClusterNode): string => {
        const shard = client.topology.shards.find((one) => one.primary.name === primary.name);
        return shard?.replicas[0].name as string;
      };

      it('resolves a role again when its nodes have changed roles', async () => {
        const [old] = client.topology.primaries;
        const young = replicaOf(old);
        await cluster.failover(young);
        expect(client.topology.node(old.name)?.role).toBe('primary');
        // the old primary refuses to write
        const replies = await client.target('primaries').flushdb();
        expect(replies.get(young)).toBe('OK');
        expect(replies.has(old.name)).toBe(false);
        expect(replies.size).toBe(3);
      });

      it('sends commands for all shards to the current primaries', async () => {
        await fill();
        const [old] = client.topology.primaries;
        await cluster.failover(replicaOf(old));
        expect(client.topology.node(old.name)?.role).toBe('primary');
        expect(await client.flushall()).toBe('OK');
        expect(await client.dbsize()).toBe(0);
      });

      it('waits if a node of a role is lost, but not for a named node', async () => {
        const [lost] = client.topology.primaries;
        const young = replicaOf(lost);
        client.setDefaultNode(lost);
        await cluster.kill(lost.name);
        await expect(client.target(lost).ping()).rejects.toMatchObject({
          code: expect.stringMatching(/CONNECTION|OUTCOME_UNKNOWN/),
        });
        const listed: unknown = await client
          .target([lost])
          .ping()
          .catch((reason: unknown) => reason);
        expect(listed).toBeInstanceOf(PartialFailureError);
        const unwilling = client.with({ retry: 'never' }).target('primaries').ping();
        await expect(unwilling).rejects.toBeInstanceOf(PartialFailureError);

        const [replies, id] = await Promise.all([
          client.target('primaries').dbsize(),
          client.target('default').cluster('MYID'),
        ]);
        expect([...replies.keys()]).toContain(young);
        expect([...replies.keys()]).not.toContain(lost.name);
        expect(client.topology.nodes.map((node) => node.id)).toContain(id);
        await expect(client.target(lost).ping()).rejects.toMatchObject({ code: 'UNKNOWN_NODE' });
        await cluster.restart(lost.name);
      });
    });
  });
});
