import { Test } from '@nestjs/testing';
import type { INestApplicationContext } from '@nestjs/common';
import {
  ClusterClient,
  ClusterModule,
  type ClusterModuleOptions,
  getClusterToken,
  InvalidArgumentError,
} from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();

/** An application with these modules, and what it logs. */
async function withApp(
  imports: ReturnType<typeof ClusterModule.forRoot>[],
  run: (app: INestApplicationContext, lines: () => string[]) => Promise<void>,
): Promise<void> {
  const log = new RecordedLog();
  const module = await Test.createTestingModule({ imports }).setLogger(log).compile();
  const app = await module.init();
  try {
    await run(app, () => log.lines.filter((line) => line.includes('ClusterModule')));
  } finally {
    await app.close();
  }
}

const LOGGING: ClusterModuleOptions = { nodes, logging: ['error', 'command'] };
const LPUSH =
  /^error ClusterModule (?:undefined )?Cluster 'default': LPUSH failed with WRONGTYPE on [\d.]+:\d+ \(slot \d+, 1 attempt, 0 redirects, [\d.]+ ms\)$/;

it.each([
  ['forRoot', () => ClusterModule.forRoot({ ...LOGGING, nodes })],
  [
    'forRootAsync',
    () => ClusterModule.forRootAsync({ useFactory: () => ({ nodes, logging: ['error'] as const }) }),
  ],
])('%s logs through the Logger of Nest, one line an event', (_, root) =>
  withApp([root()], async (app, lines) => {
    const client = app.get(ClusterClient);
    await client.set(`${keyspace}text`, 'secret');
    await expect(client.lpush(`${keyspace}text`, 'secret')).rejects.toThrow();
    expect(lines().filter((line) => LPUSH.test(line))).toHaveLength(1);
    expect(lines().join('\n')).not.toMatch(/secret/);
    expect(lines().join('')).not.toContain(keyspace);
  }),
);

it('names the cluster in each line', () =>
  withApp(
    [ClusterModule.forRoot(LOGGING), ClusterModule.forRoot({ ...LOGGING, name: 'sessions' })],
    async (app, lines) => {
      await app.get<ClusterClient>(getClusterToken('sessions')).get(`${keyspace}k`);
      const commands = lines().filter((line) => line.includes(': GET on '));
      expect(commands).toEqual([expect.stringContaining("debug ClusterModule Cluster 'sessions': GET on ")]);
    },
  ));

it('does not log twice that nodes join, and logs nothing of calls by default', async () => {
  await withApp([ClusterModule.forRoot({ nodes, logging: ['topology'] })], async (_, lines) => {
    expect(lines().filter((line) => line.includes('connected'))).toHaveLength(1);
  });
  await withApp([ClusterModule.forRoot({ nodes })], async (app, lines) => {
    const client = app.get(ClusterClient);
    await client.set(`${keyspace}plain`, 'v');
    await expect(client.lpush(`${keyspace}plain`, 'v')).rejects.toThrow();
    expect(lines().join('\n')).not.toMatch(/SET|LPUSH|WRONGTYPE/);
  });
});

it.each([[['all']], ['all'], [true], [['error', undefined]]])(
  'rejects logging: %j, and says which kinds there are',
  async (logging) => {
    const root = ClusterModule.forRoot({ nodes, logging: logging as never });
    const compiled = Test.createTestingModule({ imports: [root] }).compile();
    await expect(compiled).rejects.toThrow(InvalidArgumentError);
    await expect(compiled).rejects.toThrow(
      /logging must be a list with any of error, topology, slow, command, got /,
    );
  },
);
