import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePorts } from '../../lib/testing/server/free-ports.js';
import { eventually } from '../cluster-fixture.js';
import { root, snippetsOf, writeSnippets } from '../docs-snippets.js';
import {
  cleanEnvironment,
  developmentTool,
  packed,
  packageJson,
  run,
  testedVersion,
} from './packed-package.js';

const PAGE = 'docs/getting-started.md';

const folder = mkdtempSync(join(tmpdir(), 'keyslot-package-'));
const app = join(folder, 'app');
const running = new Set<Program>();

/** A program of the application that runs until it is told to end. */
class Program {
  output = '';
  readonly ended: Promise<unknown[]>;
  private readonly child: ChildProcess;

  constructor(line: readonly string[], settings: Record<string, string> = {}) {
    this.child = spawn(process.execPath, line, {
      cwd: app,
      env: { ...cleanEnvironment, NO_COLOR: '1', ...settings },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.ended = once(this.child, 'exit').finally(() => running.delete(this));
    running.add(this);
  }

  /** What the pattern's group matches in what the program has written, once it has. */
  said(pattern: RegExp): Promise<string> {
    return eventually(
      () => {
        const match = pattern.exec(this.output);
        if (match === null) throw new Error(`Not said: ${String(pattern)}\n${this.output}`);
        return match[1] ?? match[0];
      },
      { timeoutMs: 30_000 },
    );
  }

  kill(signal: NodeJS.Signals): Promise<unknown[]> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** The package under test is the tarball; the others are those that this repository is tested with. */
function asTested(command: string, tarball: string): string {
  if (!command.startsWith('npm install ')) return command;
  const pinned = command.split(' ').map((word) => {
    if (word === 'keyslot') return tarball;
    if (word.startsWith('-') || word === 'npm' || word === 'install') return word;
    return `${word}@${testedVersion(word)}`;
  });
  return [...pinned, '--prefer-offline', '--no-audit', '--no-fund'].join(' ');
}

/** Runs the command of the page, on ports that are free. */
async function startCluster(snippets: readonly { code: string }[]): Promise<Program> {
  const command = snippets
    .map(({ code }) => code.trim())
    .find((code) => code.startsWith('npx keyslot cluster'));
  const [, program, ...rest] = command!.split(' ');
  return new Program([join('node_modules', '.bin', program), ...rest, '--port', String(await firstOfSix())]);
}

async function firstOfSix(): Promise<number> {
  for (;;) {
    const ports = await findFreePorts('127.0.0.1', 6);
    if (ports[5] - ports[0] === 5) return ports[0];
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await promisify(server.close.bind(server))();
  return String(port);
}

describe('the package, in an empty folder, by the steps of docs/getting-started.md', () => {
  const snippets = snippetsOf(PAGE);
  let files: readonly string[];
  let tarball: string;
  let nodes: string;

  beforeAll(async () => {
    ({ files, tarball } = await packed());
    mkdirSync(app);
    const [install] = snippets.filter(({ language }) => language === 'sh');
    for (const command of install.code.trim().split('\n'))
      await run('sh', ['-c', asTested(command, tarball)], app);
    writeSnippets(snippets, app);
    nodes = await (await startCluster(snippets)).said(/^export REDIS_CLUSTER_NODES=(\S+)$/m);
  });

  afterAll(async () => {
    await Promise.all([...running].map((program) => program.kill('SIGTERM')));
    rmSync(folder, { recursive: true, force: true });
  });

  it('contains the build, its documents, and nothing else', () => {
    const expected =
      /^(dist\/.+\.(js|d\.ts)|dist\/dashboard\/assets\/.+|dist\/cjs\/package\.json|dist\/licenses\/.+\.txt|docs\/[\w-]+\.(md|json)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(files.filter((file) => !expected.test(file) || file.includes('long-ago'))).toEqual([]);
    const modules = files.filter((file) => file.endsWith('.js') && !file.includes('/assets/'));
    expect(modules.length).toBeLessThan(60);
    expect(statSync(tarball).size).toBeLessThan(1_400_000);
    const targets = JSON.stringify(packageJson(root).exports).match(/(?<="\.\/)[^"]+\.\w+(?=")/g) ?? [];
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'CHANGELOG.md', ...targets]));
    expect(files).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/testing/index.js']),
    );
  });

  it('contains every page that its readme and its pages link to, except tests', () => {
    const pages = files.filter((file) => file.endsWith('.md'));
    const broken = pages.flatMap((page) =>
      [
        ...readFileSync(join(root, page), 'utf8')
          .replace(/^```.*?^```$/gms, '')
          .matchAll(/\]\(([^)\s#]+)/g),
      ]
        .map(([, link]) => link)
        .filter((link) => !/^\w+:/.test(link))
        .map((link) => join(dirname(page), link))
        .filter(
          (file) => !file.startsWith('test/') && !/\.(png|gif|svg)$/.test(file) && !files.includes(file),
        )
        .map((file) => `${page}: ${file}`),
    );
    expect(pages.length).toBeGreaterThan(40);
    expect(broken).toEqual([]);
  });

  it('has the program keyslot', async () => {
    const output = await run('npx', ['keyslot', 'slot', 'key'], app);
    expect(output).toMatch(/^key +- +12539$/m);
  });

  it('passes publint and are-the-types-wrong', async () => {
    await run(developmentTool('publint'), ['--strict', tarball], folder);
    // node10 does not read the exports of a package, and cannot load Nest either
    await run(developmentTool('attw'), ['--profile', 'node16', '--no-emoji', tarball], folder);
  });

  it('has types for every module resolution', async () => {
    const { compilerOptions } = JSON.parse(
      snippets.find(({ file }) => file === 'tsconfig.json')!.code.replace(/^\/\/.*/, ''),
    ) as { compilerOptions: object };
    expect(compilerOptions).not.toHaveProperty('skipLibCheck');
    await run('npx', ['tsc', '--noEmit', '--module', 'esnext', '--moduleResolution', 'bundler'], app);
    await run('npx', ['tsc'], app);
  });

  it('does what the page says, in two processes, and exits when told to', async () => {
    const ports = [await freePort(), await freePort()];
    const programs = ports.map((PORT) => new Program(['dist/main.js'], { PORT, REDIS_CLUSTER_NODES: nodes }));
    for (const program of programs) await program.said(/successfully started/);
    const lobby = `http://localhost:${ports[0]}/rooms/lobby`;
    for (const text of ['hello', 'is anybody here?'])
      expect((await fetch(lobby, { method: 'POST', body: new URLSearchParams({ text }) })).status).toBe(201);
    const answer = await (await fetch(lobby)).text();
    expect(answer).toBe('["hello","is anybody here?"]');
    expect(readFileSync(join(root, PAGE), 'utf8')).toContain(answer);
    expect(await (await fetch(`http://localhost:${ports[1]}/rooms`)).json()).toEqual(['lobby']);
    for (const program of programs) {
      await program.said(/\[Rooms\] lobby #1: hello/);
      await program.said(/\[Rooms\] lobby #2: is anybody here\?/);
      expect(await program.kill('SIGINT')).toEqual([null, 'SIGINT']);
    }
  });

  it('reports that a process has loaded it twice', async () => {
    writeFileSync(
      join(app, 'copies.mjs'),
      `import { createRequire } from 'node:module';
       import { ClusterClient, createRepositories } from 'keyslot';
       import { ClusterKeyvStore } from 'keyslot/cache';
       import { ClusterThrottlerStorage } from 'keyslot/throttler';
       const other = createRequire(import.meta.url)('./node_modules/keyslot/dist/cjs/index.js');
       class Note {}
       other.PrimaryKey({ type: String })(Note.prototype, 'id');
       other.ClusterEntity({ name: 'Note' })(Note);
       class Bare {}
       const mine = new ClusterClient();
       const theirs = new other.ClusterClient();
       const attempts = {
         entity: () => createRepositories(mine, [Note]),
         script: () => mine.runScript(new other.Script('return 1'), ['a'], []),
         cache: () => new ClusterKeyvStore(theirs),
         throttler: () => new ClusterThrottlerStorage(theirs),
         nothing: () => new ClusterKeyvStore({}),
         undecorated: () => createRepositories(mine, [Bare]),
       };
       for (const [name, attempt] of Object.entries(attempts))
         await (async () => attempt())().catch((error) => console.log(name, error.message.includes('another copy of keyslot')));
       await mine.close();
       await theirs.close();`,
    );
    const program = new Program(['copies.mjs'], { REDIS_CLUSTER_NODES: nodes });
    expect(await program.ended).toEqual([0, null]);
    const told = Object.fromEntries(
      program.output
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    );
    const [yes, no] = ['true', 'false'];
    expect(told).toEqual({
      entity: yes,
      script: yes,
      cache: yes,
      throttler: yes,
      nothing: no,
      undecorated: no,
    });
  });

  it('leaves nothing behind that keeps a process alive', async () => {
    writeFileSync(
      join(app, 'once.mjs'),
      `import { NestFactory } from '@nestjs/core';
       import { ClusterClient } from 'keyslot';
       import { AppModule } from './dist/app.module.js';
       import { RoomService } from './dist/room.service.js';
       const app = await NestFactory.createApplicationContext(AppModule);
       await app.get(RoomService).say('hall', 'good night');
       console.log(await app.get(RoomService).read('hall'), await app.get(ClusterClient).zcard('busiest-rooms'));
       await app.close();`,
    );
    const program = new Program(['once.mjs'], { REDIS_CLUSTER_NODES: nodes });
    expect(await program.ended).toEqual([0, null]);
    expect(program.output).toContain(`[ 'good night' ] 1`);
  });
});
