import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { InvalidArgumentError, keySlot, ReplyError } from 'keyslot';
import { LocalCluster, LocalClusterError, type LocalNode } from 'keyslot/testing';
import { candidatePorts } from '../../../lib/testing/server/free-ports.js';
import { breakableCluster } from '../../breakable-cluster.js';
import { eventually } from '../../cluster-fixture.js';

const root = join(import.meta.dirname, '..', '..', '..');
const small = { primaries: 1, replicasPerPrimary: 1 };

async function dataFolder(cluster: LocalCluster): Promise<string> {
  const [, folder] = (await cluster.command(cluster.nodes[0], 'CONFIG', 'GET', 'dir')) as string[];
  return dirname(folder);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A connection that has nothing to do with the cluster's own ones. */
async function connected<T>(node: LocalNode, options: object, use: (redis: Redis) => Promise<T>): Promise<T> {
  const fixed = { host: node.host, port: node.port, retryStrategy: () => null, enableReadyCheck: false };
  const redis = new Redis({ ...fixed, ...options });
  redis.on('error', () => {});
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

describe('a local cluster of three primaries with a replica each', () => {
  let cluster: LocalCluster;
  breakableCluster({}, (whole) => void (cluster = whole));

  const otherPrimary = (than: LocalNode): LocalNode => {
    const other = cluster.primaries.find((node) => node !== than && node.state === 'running');
    if (other === undefined) throw new Error('There is no other primary');
    return other;
  };
  const replicaOf = async (primary: LocalNode): Promise<LocalNode> => {
    const lines = String(await cluster.command(primary, 'CLUSTER', 'REPLICAS', primary.id));
    const replica = cluster.replicas.find((node) => lines.includes(node.id));
    if (replica === undefined) throw new Error(`${primary.name} has no replica`);
    return replica;
  };

  it('is ready: all slots are covered, and writes to a primary reach its replica', async () => {
    expect(cluster.primaries).toHaveLength(3);
    expect(cluster.replicas).toHaveLength(3);
    expect(new Set(cluster.nodes.map((node) => node.id)).size).toBe(6);
    for (const node of cluster.nodes) {
      const shards = (await cluster.command(node, 'CLUSTER', 'SLOTS')) as unknown[][];
      expect(shards.map(([, , ...members]) => members.length)).toEqual([2, 2, 2]);
    }
    const [first, last] = [await cluster.primaryOfSlot(0), await cluster.primaryOfSlot(16_383)];
    expect(first).not.toBe(last);
    const primary = await cluster.primaryOfSlot(keySlot('ready'));
    await cluster.command(primary.name, 'SET', 'ready', 'yes');
    expect(await cluster.command(primary, 'WAIT', 1, 5_000)).toBe(1);
    expect(await cluster.command({ host: primary.host, port: primary.port }, 'GET', 'ready')).toBe('yes');
    await expect(cluster.command({ host: '127.0.0.1', port: 1 }, 'PING')).rejects.toThrow(
      `No such node in this local cluster; its nodes are ${cluster.nodes[0].name}`,
    );
    expect(cluster.seeds[0]).toEqual({ host: cluster.nodes[0].host, port: cluster.nodes[0].port });
  });

  it('accepts many commands at once while a connection ends, without accumulating listeners', async () => {
    const [{ connection }] = cluster.nodes;
    await connection.call('PING');
    const socket = connection['redis']!.stream;
    socket.destroy();
    await Promise.allSettled(Array.from({ length: 30 }, () => connection.call('PING')));
    // more have Node print a warning
    expect(socket.listenerCount('connect')).toBeLessThanOrEqual(socket.getMaxListeners());
    await eventually(async () => expect(await connection.call('PING')).toBe('PONG'));
  });

  it('surfaces the replies of servers, without the arguments', async () => {
    const primary = await cluster.primaryOfSlot(keySlot('key'));
    const moved = cluster.command(otherPrimary(primary), 'SET', 'key', 'a secret value');
    await expect(moved).rejects.toMatchObject({ code: 'MOVED' });
    await expect(moved).rejects.toBeInstanceOf(ReplyError);
    const error = await moved.catch((caught: unknown) => caught);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('a secret value');
  });

  it('returns the end of the log of a server', () => {
    for (const node of cluster.nodes) expect(node.logTail()).toMatch(/^\d+:[MS] .* \d\d:\d\d:\d\d.* \S+/m);
  });

  it('moves slots with their keys', async () => {
    const slot = keySlot('{moving}');
    const from = await cluster.primaryOfSlot(slot);
    const to = otherPrimary(from);
    const names = Array.from({ length: 250 }, (_, i) => `{moving}${i}`);
    for (const name of names) await cluster.command(from, 'SET', name, name);
    await cluster.migrateSlots([slot], from, to, { keysPerStep: 40 });
    expect(await cluster.primaryOfSlot(slot)).toBe(to);
    expect(await cluster.command(to, 'MGET', ...names)).toEqual(names);
    await expect(cluster.command(from, 'GET', names[0])).rejects.toMatchObject({ code: 'MOVED' });
  });

  it('moves slots there and back at once, and all nodes agree in the end', async () => {
    const slot = keySlot('{pendulum}');
    const from = await cluster.primaryOfSlot(slot);
    const to = otherPrimary(from);
    for (let i = 0; i < 2; i++) {
      await cluster.migrateSlots([slot], from, to);
      await cluster.migrateSlots([slot], to, from);
    }
    // what they tell each other from now on is what each says of itself
    await eventually(async () => {
      const views = await Promise.all(cluster.nodes.map((node) => node.view()));
      const own = new Map(views.map(({ myself }) => [myself.id, myself.configEpoch]));
      for (const { nodes } of views)
        for (const { id, role, configEpoch } of nodes.values())
          if (role === 'primary') expect(configEpoch).toBe(own.get(id));
      for (const { nodes } of views)
        expect(nodes.get(from.id)?.slots.some(([first, last]) => first <= slot && slot <= last)).toBe(true);
    });
  });

  it('stops halfway through moving a slot, and goes back or on', async () => {
    const slot = keySlot('{half}');
    const from = await cluster.primaryOfSlot(slot);
    const to = otherPrimary(from);
    await cluster.command(from, 'MSET', '{half}1', 'one', '{half}2', 'two');
    const abandoned = await cluster.beginSlotMigration(slot, from, to);
    expect(await abandoned.moveKeys({ keys: ['{half}1'] })).toBe(1);
    await expect(cluster.command(from, 'GET', '{half}1')).rejects.toMatchObject({ code: 'ASK' });
    await expect(cluster.command(from, 'MGET', '{half}1', '{half}2')).rejects.toMatchObject({
      code: 'TRYAGAIN',
    });
    await abandoned.cancel();
    expect(await cluster.command(from, 'MGET', '{half}1', '{half}2')).toEqual(['one', 'two']);
    const completed = await cluster.beginSlotMigration(slot, from.name, to.name);
    await completed.moveKeys({ limit: 1 });
    await completed.finish();
    expect(await cluster.command(to, 'MGET', '{half}1', '{half}2')).toEqual(['one', 'two']);
  });

  it('fails over to a replica on demand', async () => {
    const primary = await cluster.primaryOfSlot(0);
    const replica = await replicaOf(primary);
    await cluster.failover(replica);
    expect(replica.role).toBe('primary');
    expect(await cluster.primaryOfSlot(0)).toBe(replica);
    await expect(cluster.failover(replica)).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  it('survives a killed primary, whose replica takes over, and starts it again', async () => {
    const primary = await cluster.primaryOfSlot(0);
    const replica = await replicaOf(primary);
    const { id, pid } = primary;
    await cluster.kill(primary);
    expect(primary.state).toBe('dead');
    expect(isAlive(pid)).toBe(false);
    await cluster.failover(replica, { mode: 'force' });
    await cluster.waitUntilStable();
    await cluster.restart(primary);
    await cluster.waitUntilStable();
    expect(primary).toMatchObject({ id, role: 'replica', state: 'running' });
    expect(primary.pid).not.toBe(pid);
  });

  it('freezes a primary, which the others replace, and thaws it as a replica', async () => {
    const primary = await cluster.primaryOfSlot(0);
    await cluster.freeze(primary.name);
    expect(primary.state).toBe('frozen');
    await cluster.waitUntilStable();
    expect(await cluster.primaryOfSlot(0)).not.toBe(primary);
    await cluster.thaw(primary);
    await cluster.waitUntilStable();
    expect(primary).toMatchObject({ role: 'replica', state: 'running' });
  });

  it('waits until it is stable while its servers hang up on everybody, as Valkey does at a failover', async () => {
    await connected(cluster.nodes[0], {}, async (redis) => {
      for (let step = 0; step < 60; step++) {
        const stable = cluster.waitUntilStable();
        // one step later each time, so that every question is cut off once
        for (let ping = 0; ping < step / 2; ping++) await redis.ping();
        await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await stable;
      }
    });
  });

  it('adds and removes nodes', async () => {
    const primary = await cluster.addNode();
    const replica = await cluster.addNode({ replicaOf: primary });
    expect([primary.role, replica.role]).toEqual(['primary', 'replica']);
    expect(cluster.nodes).toHaveLength(8);
    const owner = await cluster.primaryOfSlot(100);
    await cluster.migrateSlots([[100, 102]], owner, primary);
    expect(await cluster.primaryOfSlot(101)).toBe(primary);
    await expect(cluster.removeNode(primary)).rejects.toBeInstanceOf(InvalidArgumentError);
    await cluster.migrateSlots([100, 101, 102], primary, owner);
    await cluster.removeNode(replica);
    await cluster.removeNode(primary);
    expect(cluster.nodes).toHaveLength(6);
    await cluster.waitUntilStable();
  });

  it('rejects nodes and slots that do not belong to it', async () => {
    await expect(cluster.kill('127.0.0.1:1')).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(cluster.primaryOfSlot(16_384)).rejects.toBeInstanceOf(InvalidArgumentError);
    const [from, to] = cluster.primaries;
    for (const slots of [[16_384], [[5, 1]], [], undefined])
      await expect(cluster.migrateSlots(slots as number[], from, to)).rejects.toBeInstanceOf(
        InvalidArgumentError,
      );
  });
});

it.each([0, 10_000])('reports that the port of a restarted node is taken (port + %d)', async (offset) => {
  const cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
  const [node] = cluster.nodes;
  await cluster.kill(node);
  const intruder = createServer().listen(node.port + offset, node.host);
  try {
    await expect(cluster.restart(node)).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    expect(node.state).toBe('dead');
  } finally {
    intruder.close();
    await cluster.stop();
  }
});

it('stops without leaving a process or a folder, including frozen servers', async () => {
  const cluster = await LocalCluster.start(small);
  const folder = await dataFolder(cluster);
  const pids = cluster.nodes.map((node) => node.pid);
  await cluster.freeze(cluster.nodes[0]);
  expect(existsSync(folder)).toBe(true);
  await cluster.stop();
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  await expect(cluster.kill(cluster.nodes[0])).rejects.toMatchObject({ code: 'STOPPED' });
  await expect(cluster.addNode()).rejects.toMatchObject({ code: 'STOPPED' });
});

describe('a process that starts a local cluster', () => {
  const run = promisify(execFile);
  const program = (ending: string): string => `
    import { ensureBuilt } from './scripts/build.mjs';
    await ensureBuilt('library');
    const { LocalCluster } = await import('./dist/testing/index.js');
    const cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 1 });
    const [, folder] = await cluster.command(cluster.nodes[0], 'CONFIG', 'GET', 'dir');
    console.log('\\n' + JSON.stringify({ folder, pids: cluster.nodes.map((node) => node.pid) }));
    ${ending}`;

  it.each([
    ['is killed', 'process.kill(process.pid, "SIGKILL")'],
    ['ends without having stopped it', ''],
  ])('leaves no process and no folder when it %s', async (_, ending) => {
    const child = run(process.execPath, ['--input-type=module', '-e', program(ending)], { cwd: root });
    const { stdout } = await child.catch((error: { stdout: string }) => error);
    const { folder, pids } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      folder: string;
      pids: number[];
    };
    expect(pids).toHaveLength(2);
    await eventually(() => pids.every((pid) => !isAlive(pid)) && !existsSync(dirname(folder)));
  });
});

describe('options of a local cluster', () => {
  it('protects it with a password and ACL users', async () => {
    const password = 'pass "word" \\ ü';
    const users = { reader: 'on >readers-secret ~* &* +@read +ping' };
    const cluster = await LocalCluster.start({ ...small, password, users });
    try {
      for (const node of cluster.nodes) {
        await expect(connected(node, {}, (redis) => redis.ping())).rejects.toThrow('NOAUTH');
        expect(await connected(node, { password }, (redis) => redis.ping())).toBe('PONG');
        const reader = { username: 'reader', password: 'readers-secret' };
        expect(await connected(node, reader, (redis) => redis.ping())).toBe('PONG');
        await expect(connected(node, reader, (redis) => redis.flushall())).rejects.toThrow('NOPERM');
      }
    } finally {
      await cluster.stop();
    }
  });

  it('makes it accept TLS only, with its own certificates', async () => {
    const cluster = await LocalCluster.start({ ...small, tls: true });
    try {
      const { ca, cert, key } = cluster.tls ?? {};
      for (const node of cluster.nodes) {
        expect(await connected(node, { tls: { ca } }, (redis) => redis.ping())).toBe('PONG');
        expect(await connected(node, { tls: { ca, cert, key } }, (redis) => redis.ping())).toBe('PONG');
        await expect(connected(node, {}, (redis) => redis.ping())).rejects.toThrow();
        await expect(connected(node, { tls: {} }, (redis) => redis.ping())).rejects.toThrow();
      }
    } finally {
      await cluster.stop();
    }
  });

  it('adds directives, and runs a server that is given as a command line', async () => {
    const binary = `/usr/bin/env ${process.env.KEYSLOT_REDIS_SERVER ?? 'redis-server'}`;
    await using cluster = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      requireFullCoverage: false,
      config: { 'maxmemory-policy': 'noeviction', maxmemory: '64mb' },
      binary,
    });
    const settings = await cluster.command(
      cluster.nodes[0],
      'CONFIG',
      'GET',
      'maxmemory',
      'cluster-require*',
    );
    expect(settings).toEqual(expect.arrayContaining(['67108864', 'no']));
  });

  it('are rejected by name if they are invalid, and their values are not repeated', async () => {
    const bad: object[] = [
      { primaries: 0 },
      { replicasPerPrimary: -1 },
      { primary: 3 },
      { password: '' },
      { password: 'my secret', users: { default: 'on nopass' } },
      { users: { app: 'on >my secret\nport 1' } },
      { config: { port: '7000' } },
      { config: { requirepass: 'my secret' } },
    ];
    for (const options of bad) {
      const error: unknown = await LocalCluster.start(options).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect((error as Error).message).not.toContain('my secret');
    }
  });

  it('can name a server that is missing or does not start, which is reported', async () => {
    const missing = LocalCluster.start({ binary: '/no/such/redis-server' });
    await expect(missing).rejects.toMatchObject({ code: 'SERVER_NOT_FOUND' });
    const failing = LocalCluster.start({
      ...small,
      password: 'my secret',
      config: { 'no-such-directive': 'my secret' },
    });
    const error = await failing.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LocalClusterError);
    expect(error).toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('no-such-directive'),
    });
    expect((error as Error).message).not.toContain('my secret');
  });

  it('can abort the start', async () => {
    const controller = new AbortController();
    const starting = LocalCluster.start({ ...small, signal: controller.signal });
    controller.abort();
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('ports', () => {
  it('stay outside the range of outgoing connections, with their bus ports, if possible', () => {
    const linux = candidatePorts([32_768, 60_999]);
    expect(linux.length).toBeGreaterThan(1_000);
    expect(linux.every((port) => port + 10_000 < 32_768 || port > 60_999)).toBe(true);
    expect(candidatePorts([1_024, 65_535]).length).toBeGreaterThan(1_000);
  });
});
