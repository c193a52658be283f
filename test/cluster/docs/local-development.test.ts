import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterClient, type ClusterClientOptions } from 'keyslot';
import { parse } from 'yaml';
import { eventually } from '../../cluster-fixture.js';
import { withServerPrograms } from '../../server-programs.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../../docs-snippets.js';

interface Service {
  image?: string;
  ports?: string[];
  volumes?: string[];
  command?: [shell: string, flag: string, script: string];
  healthcheck?: { test: string };
  network_mode?: string;
  depends_on?: Record<string, { condition: string }>;
}
interface ComposeFile {
  services: Record<string, Service>;
  volumes?: Record<string, unknown>;
}
type OptionsFor = (host?: string) => ClusterClientOptions;

const FIRST = 7000;
const COUNT = 6;

/** The first of six free ports in a row, whose ports for the cluster bus are free, too. */
async function sixPorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 9_000);
    const ports = Array.from({ length: COUNT }, (_, i) => first + i);
    const free = await Promise.all(ports.flatMap((port) => [isFree(port), isFree(port + 10_000)]));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

// There is no container here. All nodes of the file share one network, so its script runs on the loopback interface as
// it does in a container: with other ports, and a folder of its own for /data.
describe('docs/local-development.md', () => {
  const snippets = snippetsOf('docs/local-development.md');
  const compose = (file: string): ComposeFile =>
    parse(
      snippets.find((snippet) => snippet.file === undefined && snippet.code.startsWith(`# ${file}\n`))!.code,
    );
  const { services, volumes } = compose('compose.yaml');
  const { redis } = services;
  const data = mkdtempSync(join(tmpdir(), 'keyslot-compose-'));
  const folder = snippetFolder();
  let first: number;
  let shell: ChildProcess | undefined;

  /** A command of the file, as the shell in the container gets it, with the ports of this test. */
  const command = (text: string): string =>
    text.replaceAll('$$', '$').replaceAll(/\b700(\d)\b/g, (_, i: string) => String(first + Number(i)));
  const start = (): void => {
    const [program, flag, script] = redis.command!;
    shell = spawn(program, [flag, command(script)], {
      cwd: data,
      env: withServerPrograms(),
      stdio: 'ignore',
    });
  };
  const stop = async (): Promise<void> => {
    if (shell?.exitCode !== null || shell.signalCode !== null) return;
    shell.kill('SIGTERM');
    await once(shell, 'exit');
  };
  const isHealthy = async (): Promise<boolean> => {
    const check = spawn('sh', ['-c', command(redis.healthcheck!.test)], {
      env: withServerPrograms(),
      stdio: 'ignore',
    });
    const [code] = (await once(check, 'exit')) as [number];
    return code === 0;
  };

  beforeAll(async () => {
    first = await sixPorts();
    start();
    await eventually(isHealthy, { timeoutMs: 60_000, intervalMs: 500 });
  }, 240_000);
  afterAll(async () => {
    await stop();
    rmSync(data, { recursive: true, force: true });
  });

  it('publishes every port as the number that the nodes announce, on the loopback interface only', () => {
    const script = redis.command![2];
    expect(script).toContain('--cluster-announce-ip 127.0.0.1');
    const ports = [...new Set(script.match(/\b70\d\d\b/g))].map(Number);
    expect(ports).toEqual(Array.from({ length: COUNT }, (_, i) => FIRST + i));
    expect(redis.ports).toEqual([`127.0.0.1:${FIRST}-${FIRST + COUNT - 1}:${FIRST}-${FIRST + COUNT - 1}`]);
    expect(redis.volumes).toEqual([`${Object.keys(volumes!)[0]}:/data`]);
  });

  it('lets an application share the network, and waits until the cluster is ready', () => {
    const { app } = compose('compose.app.yaml').services;
    const [, service] = /^service:(.*)$/.exec(app.network_mode!)!;
    expect(services).toHaveProperty(service);
    expect(app.ports).toBeUndefined(); // Compose rejects ports of a service without a network of its own
    expect(app.depends_on).toEqual({ [service]: { condition: 'service_healthy' } });
    expect(services[service].healthcheck).toBeDefined();
  });

  it('can be reached at the announced addresses, and through another host', async () => {
    writeSnippets(snippets, folder);
    const file = join(folder, 'cluster-options.ts');
    expect(await typeFaults(folder, [file])).toBe('');
    const { clusterOptions } = (await import(file)) as { clusterOptions: OptionsFor };
    expect(clusterOptions(undefined)).toEqual({}); // the default 127.0.0.1:7000
    expect(clusterOptions('redis').nodes).toEqual([`redis:${FIRST}`]);

    const fromHost = new ClusterClient({ nodes: [`127.0.0.1:${first}`] });
    await fromHost.connect();
    expect(fromHost.topology.primaries.map(({ host }) => host)).toEqual(Array(3).fill('127.0.0.1'));
    const fromContainer = new ClusterClient({
      ...clusterOptions('localhost'),
      nodes: [`localhost:${first}`],
    });
    for (let i = 0; i < 20; i++) await fromContainer.set(`key-${i}`, i);
    expect(fromContainer.topology.primaries.map(({ host }) => host)).toEqual(Array(3).fill('localhost'));
    expect(await fromHost.get('key-19')).toBe('19');
    await fromHost.close();
    await fromContainer.close();
  });

  it('ends all nodes when it is stopped, and has its data when it starts again', async () => {
    const before = new ClusterClient({ nodes: [`127.0.0.1:${first}`] });
    await before.set('kept', 'yes');
    // a replica that writes its first append-only file does not end by SIGTERM; a container would kill it later
    await eventually(async () => {
      const reports = await before.target('all').info('persistence');
      for (const report of reports.values()) expect(report).toMatch(/aof_rewrite_in_progress:0\r\n/);
    });
    await before.close();
    await stop();
    for (let i = 0; i < COUNT; i++) expect(await isFree(first + i)).toBe(true);
    start();
    await eventually(isHealthy, { timeoutMs: 60_000, intervalMs: 500 });
    const after = new ClusterClient({ nodes: [`127.0.0.1:${first}`] });
    expect(await after.get('kept')).toBe('yes');
    await after.close();
  }, 240_000);
});
