import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CanActivate } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClusterTopology, type SlotRange } from 'keyslot';
import { ClusterDashboardModule, type ClusterDashboardOptions } from 'keyslot/dashboard';
import { parseNodeInfo } from '../../lib/dashboard/collectors/node-info.js';
import { describeChange } from '../../lib/dashboard/collectors/topology-report.js';
import { judge } from '../../lib/dashboard/collectors/verdict.js';
import type { NodeReport } from '../../lib/dashboard/state/dashboard-state.js';

import { root } from '../docs-snippets.js';

const guard: CanActivate = { canActivate: () => true };

describe('ClusterDashboardModule.forRoot', () => {
  it.each<[string, unknown, string, string]>([
    ['no options', undefined, 'options', 'got undefined'],
    ['neither guards nor unguarded', {}, 'guards', 'needs a guard'],
    ['an empty list of guards', { guards: [] }, 'guards', 'needs a guard'],
    ['unguarded: false', { unguarded: false }, 'guards', 'unguarded: true'],
    ['unguarded: "true"', { unguarded: 'true' }, 'unguarded', 'got a string'],
    ['guards together with unguarded', { guards: [guard], unguarded: true }, 'unguarded', 'got 1 guards'],
    ['a guard that is undefined', { guards: [guard, undefined] }, 'guards', 'two files import each other'],
    ['a guard that is none', { guards: [{}] }, 'guards', 'got an object at 0'],
    ['a guard that is no list', { guards: guard }, 'guards', 'got an object'],
    ['a misspelt option', { guard: [guard] }, 'guard', 'did you mean guards?'],
    ['a path with a query', { path: '/cluster?a', unguarded: true }, 'path', 'without a query'],
    ['a path that is no text', { path: 5, unguarded: true }, 'path', 'got a number'],
    ['imports that are no list', { guards: [guard], imports: {} }, 'imports', 'list of modules'],
  ])('rejects %s', (_what, options, argument, text) => {
    expect(() => ClusterDashboardModule.forRoot(options as ClusterDashboardOptions)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        argument,
        message: expect.stringContaining(text) as unknown,
      }),
    );
  });

  it.each<[string, ClusterDashboardOptions]>([
    ['guards', { guards: [guard] }],
    ['unguarded: true', { unguarded: true }],
    [
      'options that are undefined',
      { path: undefined, guards: [guard], unguarded: undefined, imports: undefined },
    ],
  ])('accepts %s', (_what, options) => {
    expect(ClusterDashboardModule.forRoot(options)).toMatchObject({ module: ClusterDashboardModule });
  });

  it('stops an application without ClusterModule, and says what to import', async () => {
    await expect(
      NestFactory.createApplicationContext(ClusterDashboardModule.forRoot({ unguarded: true }), {
        logger: false,
        abortOnError: false,
      }),
    ).rejects.toThrow('Import ClusterModule.forRoot() or forRootAsync() in the root module');
  });
});

describe('uPlot in the package', () => {
  it.each([
    ['uPlot.iife.min.js', 'dist/uPlot.iife.min.js'],
    ['uPlot.min.css', 'dist/uPlot.min.css'],
    ['LICENSE', 'LICENSE'],
  ])('has the %s of the installed version', (file, original) => {
    const textOf = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
    expect(textOf('lib/dashboard/assets/uplot', file)).toBe(textOf('node_modules/uplot', original));
  });
});

describe('the reply to INFO', () => {
  it('is read for a primary with two replicas, one of them online', () => {
    const text = [
      '# Server',
      'redis_version:7.2.4',
      'valkey_version:8.0.1',
      'uptime_in_seconds:12',
      '# Replication',
      'role:master',
      'master_repl_offset:900',
      'slave0:ip=10.0.0.1,port=7003,state=online,offset=900,lag=0',
      'slave1:ip=10.0.0.2,port=7004,state=wait_bgsave,offset=0,lag=0',
      'used_memory:1000',
      'maxmemory:0',
      'instantaneous_ops_per_sec:3',
    ].join('\r\n');
    expect(parseNodeInfo(text)).toEqual({
      version: '8.0.1',
      uptimeSeconds: 12,
      memoryBytes: 1_000,
      maxMemoryBytes: 0,
      commandsPerSecond: 3,
      role: 'primary',
      offset: 900,
      linkUp: undefined,
      replicasOnline: 1,
    });
  });

  it('is read for a replica without its primary', () => {
    const text = 'role:slave\r\nmaster_link_status:down\r\nslave_repl_offset:7\r\nmaster_repl_offset:7\r\n';
    expect(parseNodeInfo(text)).toMatchObject({
      role: 'replica',
      linkUp: false,
      offset: 7,
      version: undefined,
    });
  });

  it('may be empty', () => {
    expect(parseNodeInfo('')).toMatchObject({ role: undefined, memoryBytes: undefined });
  });
});

const address = (port: number) => ({ id: `id-${port}`, host: '127.0.0.1', port });
const topologyOf = (
  ...shards: { primary: number; replicas?: number[]; slots: SlotRange[] }[]
): ClusterTopology =>
  ClusterTopology.of(
    shards.map(({ primary, replicas = [], slots }) => ({
      primary: address(primary),
      replicas: replicas.map(address),
      slots,
    })),
  );

describe('the log of topologies', () => {
  const before = topologyOf(
    { primary: 1, replicas: [3], slots: [[0, 8_191]] },
    { primary: 2, slots: [[8_192, 16_383]] },
  );
  const change = (now: ClusterTopology): string[] =>
    describeChange(before, now.restamped(2, undefined)).map(({ text }) => text);

  it('says which slots moved', () => {
    expect(
      change(
        topologyOf(
          { primary: 1, replicas: [3], slots: [[1, 8_191]] },
          {
            primary: 2,
            slots: [
              [0, 0],
              [8_192, 16_383],
            ],
          },
        ),
      ),
    ).toEqual(['1 slot moved from 127.0.0.1:1 to 127.0.0.1:2']);
  });

  it('says which replica took over', () => {
    expect(
      change(topologyOf({ primary: 3, slots: [[0, 8_191]] }, { primary: 2, slots: [[8_192, 16_383]] })),
    ).toEqual(['127.0.0.1:3 has taken over 8192 slots of 127.0.0.1:1']);
  });

  it('says which slots are without a primary', () => {
    expect(change(topologyOf({ primary: 2, slots: [[8_192, 16_383]] }))).toEqual([
      '8192 slots without a primary',
    ]);
  });

  it('says nothing of what is no change', () => {
    expect(change(before)).toEqual([]);
  });
});

describe('the verdict', () => {
  const node = (
    name: string,
    topologyRole: 'primary' | 'replica',
    rest: Partial<NodeReport> = {},
  ): NodeReport => ({
    name,
    topologyRole,
    shard: 0,
    state: 'ok',
    ownPerSecond: 0,
    p50: 0,
    p99: 0,
    pending: 0,
    ...rest,
  });
  const whole = { version: 1, coveredSlots: 16_384, shards: [] };

  it.each([
    ['up', 'ready', whole, [node('a', 'primary'), node('b', 'replica')], []],
    ['up', 'ready', whole, [node('a', 'primary', { state: 'forbidden' })], []],
    ['down', 'ready', whole, [node('a', 'primary', { state: 'silent' })], ['a does not answer']],
    ['down', 'ready', whole, [node('a', 'primary', { role: 'replica' })], ['a is no longer a primary']],
    ['down', 'ready', { ...whole, coveredSlots: 16_383 }, [], ['1 slot has no primary']],
    [
      'degraded',
      'ready',
      whole,
      [node('b', 'replica', { state: 'unreachable' })],
      ['Replica b cannot be reached'],
    ],
    [
      'degraded',
      'ready',
      whole,
      [node('b', 'replica', { linkUp: false })],
      ['Replica b has lost its primary'],
    ],
    ['down', 'connecting', whole, [], ['The application is not connected to the cluster']],
  ] as const)('is %s while the client is %s', (verdict, status, topology, nodes, problems) => {
    expect(judge(status, topology, nodes)).toEqual({ verdict, problems });
  });
});
