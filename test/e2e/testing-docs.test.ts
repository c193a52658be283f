import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterClient, ClusterModule, getClusterToken, keySlot } from 'keyslot';
import { ClusterTestingModule, LocalCluster, TestKeyspace } from 'keyslot/testing';
import { findFreePorts } from '../../lib/testing/server/free-ports.js';
import { sharedCluster } from '../cluster-fixture.js';
import { root, snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';
import { developmentTool, run } from './packed-package.js';

const PAGE = 'docs/testing.md';
const { nodes, keyspace: others } = sharedCluster();
const seeds = (): string => nodes.map(({ host, port }) => `${host}:${port}`).join();
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');

const shown: unknown[] = [];
const console = { log: (value: unknown) => void shown.push(value) };

describe('docs/testing.md', () => {
  const folder = snippetFolder();
  const snippets = snippetsOf(PAGE);
  const given = process.env.REDIS_CLUSTER_NODES;
  let observer: ClusterClient;

  beforeAll(async () => {
    writeSnippets(snippets, folder);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    // as in an application that has the package installed
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'keyslot'));
    process.env.REDIS_CLUSTER_NODES = seeds();
    observer = new ClusterClient({ nodes });
    await observer.set(`${others}kept`, 'by somebody else');
  });

  afterAll(async () => {
    await observer.del(`${others}kept`);
    await observer.close();
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  });

  const keysLeft = async (): Promise<string[]> => {
    const left: string[] = [];
    for await (const key of observer.scanIterator({ match: 'test-*:orders', count: 1_000 })) left.push(key);
    return left;
  };

  beforeAll(() => {
    const compilerOptions = { target: 'ES2022', experimentalDecorators: true, emitDecoratorMetadata: true };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  });

  it('shows tests that pass under Vitest, on a given cluster', async () => {
    const output = await run(developmentTool('vitest'), ['run', '--root', folder], folder, {
      REDIS_CLUSTER_NODES: seeds(),
    });
    expect(output).toMatch(/5 passed/);
    expect(await observer.get(`${others}kept`)).toBe('by somebody else');
    expect(await keysLeft()).toEqual([]);
  });

  it('shows tests that pass under Jest, on a cluster that starts and stops with them', async () => {
    const output = await run(
      process.execPath,
      ['--experimental-vm-modules', developmentTool('jest'), '--ci', '--json', '--config', 'jest.config.js'],
      folder,
    );
    expect(JSON.parse(output)).toMatchObject({ success: true, numPassedTests: 5 });
  });

  it('replaces the module of an application by its constant', async () => {
    const clusterModule = ClusterModule.forRoot({ nodes: ['127.0.0.1:1'] });
    @Module({ imports: [clusterModule] })
    class AppModule {}
    const app = await Test.createTestingModule({ imports: [AppModule] })
      .overrideModule(clusterModule)
      .useModule(ClusterTestingModule.forRoot())
      .compile();
    await app.init();
    await app.get(ClusterClient).set('a', 'x');
    expect(await observer.get(`${app.get(TestKeyspace).prefix}a`)).toBe('x');
    await app.close();
  });

  it('replaces the client of an application by its token', async () => {
    @Module({ imports: [ClusterModule.forRoot({ nodes: ['127.0.0.1:1'] })] })
    class AppModule {}
    const keyspace = new TestKeyspace();
    const cluster = new ClusterClient(keyspace.clientOptions);
    const app = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(getClusterToken())
      .useValue(cluster)
      .compile();
    await app.get(ClusterClient).mset('{a}1', 'x', '{a}2', 'y');
    await cluster.set(Buffer.from([0xff]), 'z');
    expect(await observer.get(`${keyspace.prefix}{a}1`)).toBe('x');
    expect(await keyspace.clear()).toBe(3);
    expect(await cluster.exists('{a}1')).toBe(0);
    await app.close();
    await cluster.close();
  });

  it('breaks a separate cluster', async () => {
    const cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 1, nodeTimeoutMs: 1_000 });
    const client = new ClusterClient({ nodes: cluster.seeds });
    await client.set('greeting', 'hello');
    await client.wait(1, 5_000); // replicas have it
    await cluster.kill(await cluster.primaryOfSlot(keySlot('greeting')));
    console.log(await client.get('greeting')); // hello, from the replica that takes over
    await client.close();
    await cluster.stop();

    expect(shown.splice(0)).toEqual(['hello']);
  });

  it('keeps the data of a cluster', async () => {
    const [port] = await findFreePorts('127.0.0.1', 1);
    const dir = join(folder, 'kept');
    const first = await LocalCluster.start({ port, dir, primaries: 1, replicasPerPrimary: 0 });
    await first.command(first.nodes[0], 'SET', 'greeting', 'hello');
    await first.stop();

    const second = await LocalCluster.start({ dir });
    console.log(second.nodes[0].port === port); // true
    console.log(await second.command(second.nodes[0], 'GET', 'greeting')); // hello
    await second.stop();

    expect(shown.splice(0)).toEqual([true, 'hello']);
  });

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(join(root, 'test/e2e/testing-docs.test.ts'), 'utf8'));
    const inline = snippets.filter(({ file }) => file === undefined);
    expect(inline).toHaveLength(4);
    expect(inline.filter(({ code }) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('shows code that compiles', async () => {
    expect(
      await typeFaults(folder, ['orders.service.spec.ts', 'orders.memory.spec.ts', 'vitest.config.ts']),
    ).toBe('');
  });
});
