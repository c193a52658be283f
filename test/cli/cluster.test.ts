import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { libraryBuilt } from '../built-library.js';
import { findFreePorts } from '../../lib/testing/server/free-ports.js';
import { eventually } from '../cluster-fixture.js';
import { keyslot, RunningProgram } from './keyslot-program.js';

const folder = mkdtempSync(join(tmpdir(), 'keyslot-cli-'));
const running = new Set<RunningProgram>();
const small = ['--primaries', '1', '--replicas', '0'];

beforeAll(libraryBuilt);

afterAll(async () => {
  await Promise.all([...running].map((program) => program.kill('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

function start(line: readonly string[], environment = {}, inShell = false): RunningProgram {
  const program = new RunningProgram(['cluster', ...line], environment, inShell);
  running.add(program);
  void program.ended.then(() => running.delete(program));
  return program;
}

async function nodesOf(program: RunningProgram): Promise<string> {
  return (await program.said(/^export REDIS_CLUSTER_NODES=(\S+)$/m))[1];
}

async function onNode<T>(node: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(`redis://${node}`, { retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

const pidOf = (node: string): Promise<number> =>
  onNode(node, async (redis) => Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('keyslot cluster', () => {
  const dir = join(folder, 'data');
  let port: number;

  beforeAll(async () => {
    [port] = await findFreePorts('127.0.0.1', 1);
  });

  it('runs a cluster on its port until Ctrl-C, and continues it with its data', async () => {
    const first = start([...small, '--port', String(port), '--dir', dir]);
    const nodes = await nodesOf(first);
    expect(nodes).toBe(`127.0.0.1:${port}`);
    expect(first.output).toMatch(/A cluster of 1 primary and 0 replicas \((Redis|Valkey) \d/);
    expect(first.output).toContain(`redis-cli -c -h 127.0.0.1 -p ${port}`);
    expect(first.output).toContain(`Data: in ${dir}, kept`);
    const pid = await pidOf(nodes);
    const id = await onNode(nodes, async (redis) => {
      await redis.set('kept', 'yes');
      return redis.cluster('MYID');
    });

    const twice = await keyslot(['cluster', '--dir', dir]);
    expect(twice).toMatchObject({ code: 2, stdout: '' });
    expect(twice.stderr).toMatch(/^keyslot: The cluster in \S+ runs already, started by process \d+; .*\n$/);
    const taken = await keyslot(['cluster', ...small, '--port', String(port)]);
    expect(taken.code).toBe(2);
    expect(taken.stderr).toMatch(
      new RegExp(`^keyslot: Ports are taken: ${port} by (Redis|Valkey) \\S+, a node of a cluster, .*\n$`),
    );

    expect(await first.kill('SIGINT')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);

    const second = start(['--dir', dir]);
    expect(await nodesOf(second)).toBe(nodes);
    expect(await onNode(nodes, (redis) => Promise.all([redis.get('kept'), redis.cluster('MYID')]))).toEqual([
      'yes',
      id,
    ]);
    const other = await keyslot(['cluster', '--dir', dir, '--tls']);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('runs already') });
    expect(await second.kill('SIGTERM')).toEqual([0, null]);
    const contrary = await keyslot(['cluster', '--dir', dir, '--primaries', '3']);
    expect(contrary).toMatchObject({ code: 2, stderr: expect.stringContaining('primaries: 1, got 3') });
  });

  it('leaves no server when it is killed, and when npx is', async () => {
    const killed = start(['--dir', dir]);
    const first = await pidOf(await nodesOf(killed));
    await killed.kill('SIGKILL');
    await eventually(() => !isAlive(first));

    // as npx runs it
    const program = start(['--dir', dir], { npm_lifecycle_event: 'npx' }, true);
    const second = await pidOf(await nodesOf(program));
    await program.kill('SIGKILL');
    await eventually(() => !isAlive(second));
  });

  it('reports a server that ends, and fails when none is left', async () => {
    const program = start(['--dir', dir]);
    const nodes = await nodesOf(program);
    process.kill(await pidOf(nodes), 'SIGKILL');
    await program.said(/All servers have ended/);
    expect(program.output).toContain(`The server ${nodes} has ended`);
    expect(await program.ended).toEqual([2, null]);
  });

  it('accepts TLS only with --tls, and prints how to connect', async () => {
    const [tlsPort] = await findFreePorts('127.0.0.1', 1);
    const program = start([...small, '--port', String(tlsPort), '--tls']);
    expect(await nodesOf(program)).toBe(`rediss://127.0.0.1:${tlsPort}`);
    const [, ca] = await program.said(/--tls --cacert (\S+)/);
    const owner = await keyslot(['slot', 'key', '--nodes', `127.0.0.1:${tlsPort}`, '--cacert', ca]);
    expect(owner).toMatchObject({ code: 0, stdout: expect.stringContaining(`127.0.0.1:${tlsPort}`) });
    expect(await program.kill('SIGTERM')).toEqual([0, null]);
  });

  it('names a folder that is not its own, and a server that is missing', async () => {
    const foreign = await keyslot(['cluster', '--dir', folder]);
    expect(foreign).toMatchObject({ code: 2, stderr: expect.stringContaining('has other files (data)') });
    const missing = await keyslot(['cluster'], { KEYSLOT_REDIS_SERVER: '/no/such/server' });
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No program at /no/such/server'),
    });
  });
});
