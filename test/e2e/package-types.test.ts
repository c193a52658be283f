import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';
import { developmentTool, packed, run } from './packed-package.js';

const folder = mkdtempSync(join(tmpdir(), 'keyslot-types-'));
const app = join(folder, 'app');
const installed = join(app, 'node_modules', 'keyslot');

/** Entry points, and the name by which the program below calls each. */
const ENTRY_POINTS = {
  keyslot: 'main',
  'keyslot/cache': 'cache',
  'keyslot/credentials': 'credentials',
  'keyslot/dashboard': 'dashboard',
  'keyslot/health': 'health',
  'keyslot/microservices': 'microservices',
  'keyslot/telemetry': 'telemetry',
  'keyslot/testing': 'testing',
  'keyslot/testing/global-setup': 'globalSetup',
  'keyslot/throttler': 'throttler',
};

/** Conditions of a write. One that is undefined would mean another thing than none, so no type allows it. */
const CONDITIONS = "'ifVersion' | 'where'";

/** Types of options that have a parameter without a default. */
const GENERIC = new Set([
  'UpdateOptions',
  'MaintenanceOptions',
  'ReindexOptions',
  'SweepOptions',
  'SelectOptions',
]);

/** Settings that do not end in `Options`. */
const SETTINGS = /\b(\w*Options|Credentials|MeetOptions|RankRange|StreamRange|ScriptDefinition)\b/g;

/** What takes options without naming their type, as an application with optional settings of its own would call it. */
const CALLS = `
import { ClusterClient, ClusterModule, mapBuffered, type ClusterRepository, type ClusterStream } from 'keyslot';
import { checkClusterHealth } from 'keyslot/health';
import { ClusterTestingModule, LocalCluster } from 'keyslot/testing';

declare const maybe: { text?: string; number?: number; signal?: AbortSignal };
declare const notes: ClusterRepository<{ id: string; text?: string }>;
declare const stream: ClusterStream<string>;
const { env } = process;

export const client = new ClusterClient({ nodes: ['a:1'], password: env['PASSWORD'], keyPrefix: env['PREFIX'] });
export const made = ClusterModule.forRoot({ nodes: ['a:1'], username: env['USER'], name: undefined });
export const later = ClusterModule.forRootAsync({ useFactory: () => ({ password: env['PASSWORD'] }), inject: undefined });
export const tested = ClusterTestingModule.forRoot({ password: env['PASSWORD'] });
export const calls = async (): Promise<void> => {
  const { text, number, signal } = { text: undefined, number: undefined, signal: undefined, ...maybe };
  await client.with({ signal, deadlineMs: number }).get('a');
  client.scanIterator({ match: text, count: number });
  client.duplicate({ keyPrefix: text, redisOptions: { password: text } });
  await client.transaction(['a'], async (tx) => tx.multi().get('a'), { attempts: number });
  client.pubsub.channel('a', { codec: undefined });
  mapBuffered(async () => {}, { concurrency: number, size: number });
  const note = notes.create({ id: '1', text });
  await notes.save(note, { signal, deadlineMs: number, opId: text });
  await notes.update('1', { text });
  await notes.findBy({ id: '1' }, { limit: number });
  await notes.findPage({ id: '1' }, { limit: 10, cursor: text });
  await notes.withLock('1', async () => {}, { ttlMs: number, signal });
  notes.changes('1', { from: text, pollMs: number });
  await stream.read({ after: text, limit: number });
  await checkClusterHealth(client, { timeoutMs: number });
  await LocalCluster.start({ primaries: number, password: env['PASSWORD'] });
};
`;

/** The optional properties of a type that may be absent, and may not be undefined. */
const REFUSING = `
type Refusing<T> = {
  [K in keyof T]-?: {} extends Pick<T, K> ? ({ [P in K]: undefined } extends Pick<T, K> ? never : K) : never;
}[keyof T];
`;

const declarationsOf = (entryPoint: string): string => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    exports: Record<string, { import: { types: string } }>;
  };
  return readFileSync(join(installed, exports[entryPoint.replace('keyslot', '.')].import.types), 'utf8');
};

/** A line for each type of options that an entry point exports; it compiles if all of them may be undefined. */
function checksOf(entryPoint: string, alias: string): string[] {
  const names = new Set([...declarationsOf(entryPoint).matchAll(SETTINGS)].map(([, name]) => name));
  return [...names].map((name) => {
    const type = `${alias}.${name}${GENERIC.has(name) ? '<Row>' : ''}`;
    const refusing = `Exclude<Refusing<${type}>, ${CONDITIONS}>`;
    return `export const ${alias}${name}: [${refusing}] extends [never] ? true : ${refusing} = true;`;
  });
}

beforeAll(async () => {
  const { tarball } = await packed();
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], folder);
  // what the package needs is found above the application
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(app, 'calls.ts'), CALLS);
  const entries = Object.entries(ENTRY_POINTS);
  const imports = entries.map(([entryPoint, alias]) => `import type * as ${alias} from '${entryPoint}';`);
  const used = entries.map(([, alias]) => `export type { ${alias} };`);
  const checks = entries.flatMap(([entryPoint, alias]) => checksOf(entryPoint, alias));
  expect(checks.length).toBeGreaterThan(40);
  const row = 'export interface Row { id: string }';
  writeFileSync(join(app, 'options.ts'), [...imports, ...used, REFUSING, row, ...checks].join('\n'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(['nodenext', 'commonjs'])('the types of the package, read as %s', (module) => {
  const format =
    module === 'nodenext' ? ['--module', module] : ['--module', module, '--moduleResolution', 'bundler'];
  const flags = [
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--types',
    'node',
    '--skipLibCheck',
    'false',
    ...format,
  ];

  it('compile with all their declarations', async () => {
    await run(developmentTool('tsc'), [...flags, 'calls.ts'], app);
  });

  it('compile under exactOptionalPropertyTypes, and options may be undefined', async () => {
    const exact = ['--exactOptionalPropertyTypes', 'true'];
    await run(developmentTool('tsc'), [...flags, ...exact, 'calls.ts', 'options.ts'], app);
  });
});
