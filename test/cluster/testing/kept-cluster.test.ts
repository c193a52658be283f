import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keySlot } from 'keyslot';
import { LocalCluster, type LocalClusterOptions } from 'keyslot/testing';
import { findFreePorts } from '../../../lib/testing/server/free-ports.js';
import { libraryBuilt } from '../../built-library.js';

const root = mkdtempSync(join(tmpdir(), 'keyslot-kept-'));
const small = { primaries: 1, replicasPerPrimary: 1 };
let folders = 0;
const newFolder = (): string => join(root, String(++folders));

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The first of two ports that are free, with their bus ports. */
async function freePair(): Promise<number> {
  for (;;) {
    const [port] = await findFreePorts('127.0.0.1', 1);
    if (await isFree(port + 1)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  const free = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]).catch(() => false);
  server.close();
  return free;
}

const failureOf = (options: LocalClusterOptions): Promise<Error> =>
  LocalCluster.start(options).then(
    async (cluster) => {
      await cluster.stop();
      throw new Error('It started');
    },
    (error: Error) => error,
  );

async function set(cluster: LocalCluster, key: string, value: string): Promise<void> {
  await cluster.command(await cluster.primaryOfSlot(keySlot(key)), 'SET', key, value);
}

async function get(cluster: LocalCluster, key: string): Promise<unknown> {
  return cluster.command(await cluster.primaryOfSlot(keySlot(key)), 'GET', key);
}

describe('a local cluster with a port and a folder', () => {
  let dir: string;
  let port: number;
  let ids: string[];

  beforeAll(async () => {
    dir = newFolder();
    port = await freePair();
    const cluster = await LocalCluster.start({ ...small, port, dir });
    ids = cluster.nodes.map(({ id }) => id);
    await set(cluster, 'kept', 'yes');
    await cluster.stop();
  });

  it('keeps data, ports and node ids when it is started again, whatever became of the roles', async () => {
    const again = await LocalCluster.start({ dir });
    expect(again.seeds).toEqual([port, port + 1].map((each) => ({ host: '127.0.0.1', port: each })));
    expect(again.nodes.map(({ id }) => id)).toEqual(ids);
    expect(again.dir).toBe(dir);
    expect(await get(again, 'kept')).toBe('yes');
    await again.failover(again.replicas[0]);
    await set(again, 'after', 'failover');
    await again.stop();

    await using third = await LocalCluster.start({ ...small, port, dir });
    expect(third.primaries.map(({ id }) => id)).toEqual([ids[1]]);
    expect([await get(third, 'kept'), await get(third, 'after')]).toEqual(['yes', 'failover']);
  });

  it('cannot be started twice, nor on ports that are taken', async () => {
    await using running = await LocalCluster.start({ dir });
    expect(running.nodes).toHaveLength(2);
    expect(await failureOf({ dir })).toMatchObject({
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining(`started by process ${process.pid}`),
    });
    const onItsPorts = await failureOf({ ...small, port: port + 1 });
    expect(onItsPorts).toMatchObject({ code: 'PORT_TAKEN' });
    expect(onItsPorts.message).toMatch(
      new RegExp(`taken: ${port + 1} by (a Redis server|Redis|Valkey).*${port + 10_001} by a program`),
    );
  });

  it('rejects options that contradict what the folder holds', async () => {
    const cases: [LocalClusterOptions, string][] = [
      [{ primaries: 3 }, 'primaries: 1, got 3'],
      [{ replicasPerPrimary: 0 }, 'replicas per primary: 1, got 0'],
      [{ port: 7000 }, `first port: ${port}, got 7000`],
      [{ tls: true }, 'TLS: false, got true'],
    ];
    for (const [options, fault] of cases)
      expect(await failureOf({ dir, ...options })).toMatchObject({
        code: 'OTHER_CLUSTER',
        message: expect.stringContaining(fault),
      });
  });

  it('continues after its process was killed, and the servers end', async () => {
    const program = `
      import { LocalCluster } from './dist/testing/index.js';
      const cluster = await LocalCluster.start({ dir: ${JSON.stringify(dir)} });
      const [primary] = cluster.primaries;
      await cluster.command(primary, 'SET', 'killed', 'kept too');
      process.kill(process.pid, 'SIGKILL');`;
    await libraryBuilt();
    const cwd = join(import.meta.dirname, '..', '..', '..');
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd, stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    await using cluster = await LocalCluster.start({ dir });
    expect(cluster.nodes.map(({ id }) => id)).toEqual(ids);
    expect(await get(cluster, 'killed')).toBe('kept too');
  });

  it('keeps nodes that were added or removed', async () => {
    const folder = newFolder();
    const options = { primaries: 1, replicasPerPrimary: 0, dir: folder, port: await freePair() };
    const first = await LocalCluster.start(options);
    const added = await first.addNode({ replicaOf: first.nodes[0] });
    expect(added.port).toBe(first.nodes[0].port + 1);
    await first.stop();
    await using second = await LocalCluster.start({ dir: folder });
    expect(second.nodes.map(({ id }) => id)).toEqual([first.nodes[0].id, added.id]);
    expect(second.replicas.map(({ id }) => id)).toEqual([added.id]);
  });
});

describe('a folder that cannot hold a local cluster', () => {
  it.each<[string, (dir: string) => void, string]>([
    [
      'has other files',
      (dir) => (mkdirSync(dir), writeFileSync(join(dir, 'notes'), 'mine')),
      'other files (notes)',
    ],
    ['is a file', (dir) => writeFileSync(dir, 'mine'), 'it is a file'],
    [
      'has a record of a later version',
      (dir) => (mkdirSync(dir), writeFileSync(join(dir, 'keyslot-cluster.json'), '{"format":2}')),
      'keyslot-cluster.json that cannot be read',
    ],
  ])('is rejected if it %s, and is left as it is', async (_, make, fault) => {
    const dir = newFolder();
    make(dir);
    const seen = (): unknown => (statSync(dir).isDirectory() ? readdirSync(dir) : readFileSync(dir, 'utf8'));
    const before = seen();
    expect(await failureOf({ ...small, dir })).toMatchObject({
      code: 'FOLDER_UNUSABLE',
      message: expect.stringContaining(fault),
    });
    expect(seen()).toEqual(before);
  });

  it('is not left with half a cluster when a start fails', async () => {
    const dir = newFolder();
    const failing = { ...small, dir, config: { 'no-such-directive': 'x' } };
    expect(await failureOf(failing)).toMatchObject({ code: 'START_FAILED' });
    expect(readdirSync(dir)).toEqual(['.gitignore']);
  });
});

it('what has a port is named by what it looks like', async () => {
  const web = createServer((_, response) => response.setHeader('Server', 'Shop 1.0').end()).listen(
    0,
    '127.0.0.1',
  );
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  // only ports with room for their bus ports can be chosen
  const options = port > 55_535 ? { port: port - 10_000 } : { port };
  const error = await failureOf({ primaries: 1, replicasPerPrimary: 0, ...options });
  web.close();
  expect(error).toMatchObject({ code: 'PORT_TAKEN' });
  expect(error.message).toContain(`A port is taken: ${port} by a web server`);
});

it('a server that is too old is named', async () => {
  const binary = join(root, 'old-server');
  writeFileSync(binary, '#!/bin/sh\necho "Redis server v=6.2.14 sha=0:0 malloc=jemalloc bits=64"\n', {
    mode: 0o755,
  });
  const error = await failureOf({ ...small, binary });
  expect(error).toMatchObject({ code: 'SERVER_TOO_OLD' });
  expect(error.message).toContain('is Redis 6.2.14, and a local cluster needs Redis 7 or later');
});

it('options port and dir are checked', async () => {
  for (const options of [
    { port: 0 },
    { port: 55_536 },
    { port: 55_531 },
    { port: '7000' as never },
    { dir: '' },
  ])
    expect(await failureOf(options)).toMatchObject({ code: 'INVALID_ARGUMENT' });
});
