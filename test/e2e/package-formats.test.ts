import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedCluster } from '../cluster-fixture.js';
import { developmentTool, packed, run, testedVersion } from './packed-package.js';

/** What an application that uses the package may be like; one more is built by package.test.ts. */
const applications = [
  { nest: '11', format: 'commonjs', manager: 'npm' },
  { nest: '11', format: 'module', manager: 'pnpm' },
  { nest: '12', format: 'commonjs', manager: 'pnpm' },
  { nest: '12', format: 'module', manager: 'npm' },
] as const;

type Application = (typeof applications)[number];

const folder = mkdtempSync(join(tmpdir(), 'keyslot-formats-'));
const { nodes, keyspace } = sharedCluster();
const seeds = (): string => nodes.map(({ host, port }) => `${host}:${port}`).join();
let tarball: string;

/** TypeScript, of either format: what it is compiled to depends on the `type` of its package. */
const MAIN = `
import 'reflect-metadata';
import { Injectable, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClusterClient, ClusterEntity, ClusterModule, ClusterRepository, InjectClusterRepository, PrimaryKey, Property,
  Subscribe,
} from 'keyslot';
import { ClusterDashboardModule } from 'keyslot/dashboard';
import { ClusterHealthIndicator } from 'keyslot/health';
import { LocalCluster } from 'keyslot/testing';
import { TerminusModule } from '@nestjs/terminus';

@ClusterEntity({ name: process.env['ENTITY'] as string })
class Note {
  @PrimaryKey() id!: string;
  @Property() text!: string;
}

const channel = process.env['ENTITY'] + '.told';
/** How many handlers are subscribed in the hooks of what they use. */
const subscribed: unknown[] = [];

@Injectable()
class Told implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(private readonly cluster: ClusterClient) {}

  async onApplicationBootstrap(): Promise<void> {
    subscribed.push((await this.cluster.pubsub.numsub(channel)).get(channel));
  }

  async onModuleDestroy(): Promise<void> {
    subscribed.push((await this.cluster.pubsub.numsub(channel)).get(channel));
  }

  @Subscribe(channel)
  on(): void {}
}

@Injectable()
class Notes {
  constructor(
    @InjectClusterRepository(Note) readonly notes: ClusterRepository<Note>,
    readonly cluster: ClusterClient,
  ) {}
}

@Module({
  // reads its files when the application starts
  imports: [
    ClusterModule.forRoot(), ClusterModule.forFeature([Note]), TerminusModule,
    ClusterDashboardModule.forRoot({ unguarded: true }),
  ],
  providers: [Notes, Told, ClusterHealthIndicator],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const { notes, cluster } = app.get(Notes);
  await notes.save(notes.create({ id: '1', text: 'kept' }));
  const found = await notes.findOneOrFail('1');
  await notes.remove(found);
  const { health } = await app.get(ClusterHealthIndicator).check('health', { minReplicas: 99 });
  subscribed.push((await cluster.pubsub.numsub(channel)).get(channel));
  await app.close();
  // each loader by itself, whatever this file is compiled to
  const { createRequire } = await import('node:module');
  const name: string = 'keyslot';
  const required = createRequire(__filename_or_url)(name);
  const imported = await import(name);
  console.log(JSON.stringify({
    text: found.text,
    oneClass: required.ClusterClient === ClusterClient && imported.ClusterClient === ClusterClient,
    isClient: cluster instanceof ClusterClient,
    testing: typeof LocalCluster.start,
    health: [health.status, health['degraded']],
    subscribed,
  }));
}

void main();
`;

/** A test in the form that Nest 11 generates, but for the language: CommonJS, in the sandbox of Jest. */
const SPEC = `
require('reflect-metadata');
const { Test } = require('@nestjs/testing');
const { ClusterClient, ClusterModule } = require('keyslot');
const { LocalCluster } = require('keyslot/testing');

test('a module is compiled against a cluster', async () => {
  const module = await Test.createTestingModule({ imports: [ClusterModule.forRoot()] }).compile();
  await module.init();
  expect(await module.get(ClusterClient).echo('heard')).toBe('heard');
  expect(typeof LocalCluster.start).toBe('function');
  await module.close();
});
`;

const nameOf = ({ nest, format, manager }: Application): string => `nest-${nest}-${format}-${manager}`;

/** An empty application with the packed package in it. @returns its folder */
async function install(application: Application): Promise<string> {
  const { nest, format, manager } = application;
  const app = join(folder, nameOf(application));
  mkdirSync(app);
  const nestPackages = ['common', 'core', 'terminus', ...(nest === '11' ? ['testing'] : [])];
  const dependencies = {
    keyslot: `file:${tarball}`,
    ...Object.fromEntries(nestPackages.map((name) => [`@nestjs/${name}`, `^${nest}.0.0`])),
    ...Object.fromEntries(
      ['ioredis', 'reflect-metadata', 'rxjs', '@types/node'].map((name) => [name, testedVersion(name)]),
    ),
  };
  write(app, 'package.json', JSON.stringify({ name: 'app', private: true, type: format, dependencies }));
  const flags =
    manager === 'npm'
      ? ['--no-audit', '--no-fund']
      : ['--ignore-scripts', '--store-dir', join(folder, 'pnpm-store')];
  const command = manager === 'npm' ? 'npm' : developmentTool('pnpm');
  await run(command, ['install', '--prefer-offline', ...flags], app);
  return app;
}

/** Compiles the program with all checks, the package's own types included. */
async function compile(app: string, { nest, format }: Application): Promise<void> {
  const here = format === 'module' ? 'import.meta.url' : '__filename';
  write(app, 'main.ts', MAIN.replace('__filename_or_url', here));
  const compilerOptions = {
    target: 'ES2022',
    module: 'nodenext',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
  };
  write(app, 'tsconfig.json', JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  await run(developmentTool('tsc'), ['-p', '.'], app);
  // what is CommonJS cannot name Nest 12 in the older mode, whichever package asks
  if (nest === '12' && format === 'commonjs') return;
  await run(developmentTool('tsc'), ['-p', '.', '--noEmit', '--module', 'node16'], app);
}

function write(app: string, file: string, text: string): void {
  writeFileSync(join(app, file), text);
}

beforeAll(async () => {
  ({ tarball } = await packed());
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(applications)(
  'the package in a Nest $nest application, $format, with $manager',
  (application) => {
    let app: string;

    beforeAll(async () => {
      app = await install(application);
    });

    it('compiles, starts, and loads every class once', async () => {
      await compile(app, application);
      const settings = {
        REDIS_CLUSTER_NODES: seeds(),
        ENTITY: `${keyspace.slice(0, -1)}-${nameOf(application)}`,
      };
      const output = await run(process.execPath, ['main.js'], app, settings);
      expect(JSON.parse(output)).toEqual({
        text: 'kept',
        oneClass: true,
        isClient: true,
        testing: 'function',
        health: application.nest === '11' ? ['up', true] : ['degraded', null],
        // in the bootstrap hook, once it has started, and in the destroy hook
        subscribed: [0, 1, 0],
      });
    });

    if (application.nest === '11' && application.format === 'commonjs') {
      it('can be loaded by Jest as CommonJS, as Nest 11 configures it', async () => {
        write(app, 'client.spec.js', SPEC);
        const config = JSON.stringify({ rootDir: app, transform: {}, testEnvironment: 'node' });
        await run(developmentTool('jest'), ['--ci', '--config', config], app, {
          REDIS_CLUSTER_NODES: seeds(),
        });
      });
    }
  },
);
