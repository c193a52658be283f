import { jest } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { ClusterClient, ClusterModule, InvalidArgumentError } from 'keyslot';
import { ClusterTelemetry, ClusterTelemetryModule, registerTelemetry } from 'keyslot/telemetry';
import { INSTRUMENTS, OBSERVED } from '../../../lib/telemetry/metrics/instruments.js';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { RecordedMetrics } from './metric-values.js';

const { nodes, keyspace } = sharedCluster();
const key = (name: string): string => `${keyspace}${name}`;

let metrics: RecordedMetrics;
let telemetry: ClusterTelemetry;
let cluster: ClusterClient;

beforeEach(() => {
  metrics = new RecordedMetrics();
  telemetry = registerTelemetry({ traces: false, meterProvider: metrics.provider });
  cluster = new ClusterClient({ nodes, clientName: 'shop' });
});
afterEach(async () => {
  await telemetry.shutdown();
  await cluster.close();
});

it('reports the statistics of a client by node, with the names and units of the table', async () => {
  telemetry.observe(cluster);
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => cluster.set(key(name), name)));
  await cluster.blpop(key('none'), 0.01);
  await cluster.refreshTopology();
  const values = await metrics.collect();
  const commands = values.get('keyslot.commands')!.filter(({ attributes }) => 'server.port' in attributes);
  expect(commands.length).toBeGreaterThanOrEqual(6);
  for (const { attributes } of commands)
    expect(attributes).toEqual({
      'db.system.name': 'redis',
      'keyslot.client.name': 'shop',
      'server.address': expect.any(String),
      'server.port': expect.any(Number),
    });
  expect(await metrics.sum('keyslot.commands')).toBe(cluster.stats().total.commands);
  for (const [name, all] of values) {
    expect(Object.keys(INSTRUMENTS)).toContain(name);
    expect(all[0].unit).toBe(INSTRUMENTS[name].unit);
    const texts = all.flatMap(({ attributes }) => Object.values(attributes));
    expect(texts).not.toContain(undefined);
  }
  const names = Object.keys(OBSERVED);
  // counts by name have no value until the first event
  const eventful = ['redirects', 'retries', 'errors', 'gaps', 'entity.operations', 'entity.conflicts'];
  const expected = names.filter((name) => !eventful.some((event) => name === `keyslot.${event}`));
  const withoutCache = names.filter((name) => name.startsWith('keyslot.cache.'));
  expect(withoutCache).not.toEqual([]);
  expect(expected.filter((name) => !values.has(name))).toEqual([...withoutCache, 'keyslot.outbox.lag']);
});

it('reports the cache of a client that has one', async () => {
  const caching = cluster.duplicate({ cache: { maxBytes: 1_000_000, maxStaleMs: 5_000 } });
  try {
    telemetry.observe(cluster, 'without');
    telemetry.observe(caching, 'with');
    const view = caching.with({ cache: true });
    await cluster.set(key('kept'), 'x');
    for (let i = 0; i < 3; i++) await view.get(key('kept'));
    await cluster.set(key('kept'), 'y');
    await eventually(() => caching.cache.stats().invalidations === 1);
    await view.get(key('kept'));
    const { hits, misses, joined, staleRefusals, invalidations, evictions, entries, bytes } =
      caching.cache.stats();
    expect([hits, misses, invalidations, entries]).toEqual([2, 2, 1, 1]);
    const values = await metrics.collect();
    const reported = [...values].filter(([name]) => name.startsWith('keyslot.cache.'));
    expect(reported.map(([name, [{ value }]]) => [name.slice('keyslot.cache.'.length), value])).toEqual([
      ['hits', hits],
      ['misses', misses],
      ['joined', joined],
      ['stale_refusals', staleRefusals],
      ['invalidations', invalidations],
      ['evictions', evictions],
      ['entries', entries],
      ['bytes', bytes],
    ]);
    for (const [, all] of reported)
      expect(all.map(({ attributes }) => attributes)).toEqual([
        { 'db.system.name': 'redis', 'keyslot.client.name': 'with' },
      ]);
  } finally {
    await caching.close();
  }
});

it('reports connections by pool and state', async () => {
  telemetry.observe(cluster, 'main');
  await cluster.set(key('a'), 1);
  await cluster.blpop(key('none'), 0.01);
  const { total } = cluster.stats();
  const count = (state: string) =>
    metrics.sum('db.client.connection.count', { 'db.client.connection.state': state });
  expect(await count('idle')).toBe(1);
  expect(await count('used')).toBe(total.connections.shared);
  const pools = (await metrics.collect())
    .get('db.client.connection.count')!
    .map(({ attributes }) => attributes['db.client.connection.pool.name']);
  for (const pool of pools) expect(pool).toMatch(/^main\/[\w.:]+:\d+\/(shared|leased|subscriber)$/);
});

it('reports how long leased connections are waited for and used, and how many there may be', async () => {
  telemetry.observe(cluster, 'main');
  await cluster.blpop(key('none'), 0.01);
  await cluster.transaction([key('a')], async (tx) => tx.get(key('a')));
  const values = await metrics.collect();
  for (const name of ['wait_time', 'use_time']) {
    expect(await metrics.sum(`db.client.connection.${name}`)).toBe(2);
    const [{ attributes, unit }] = values.get(`db.client.connection.${name}`)!;
    expect(unit).toBe('s');
    expect(attributes).toEqual({
      'db.system.name': 'redis',
      'db.client.connection.pool.name': expect.stringMatching(/^shop\/[\w.:]+:\d+\/leased$/),
      'server.address': expect.any(String),
      'server.port': expect.any(Number),
    });
  }
  const limits = values.get('db.client.connection.max')!;
  expect(new Set(limits.map(({ value }) => value))).toEqual(new Set([50]));
  await telemetry.shutdown();
  await cluster.blpop(key('none'), 0.01);
  expect(await metrics.sum('db.client.connection.use_time')).toBe(2);
});

it('names the pools of a client without a name alike in all metrics', async () => {
  const unnamed = new ClusterClient({ nodes });
  try {
    telemetry.observe(unnamed);
    await unnamed.blpop(key('none'), 0.01);
    const values = await metrics.collect();
    const pools = (metric: string): unknown[] =>
      values
        .get(`db.client.connection.${metric}`)!
        .map(({ attributes }) => attributes['db.client.connection.pool.name'])
        .filter((pool) => String(pool).endsWith('/leased'));
    for (const metric of ['create_time', 'wait_time', 'use_time']) {
      expect(pools(metric)).toHaveLength(1);
      expect(pools('max')).toEqual(expect.arrayContaining(pools(metric)));
    }
  } finally {
    await unnamed.close();
  }
});

it('reports errors and failed calls by code', async () => {
  telemetry.observe(cluster);
  await cluster.set(key('text'), 'x');
  await expect(cluster.incr(key('text'))).rejects.toThrow('not an integer');
  expect(await metrics.sum('keyslot.errors', { 'error.type': 'ERR' })).toBe(1);
});

it('a client is no longer read once it is removed, or telemetry has ended', async () => {
  const remove = telemetry.observe(cluster);
  const read = jest.spyOn(cluster, 'stats');
  await metrics.collect();
  expect(read).toHaveBeenCalledTimes(1);
  remove();
  await metrics.collect();
  expect(read).toHaveBeenCalledTimes(1);
  telemetry.observe(cluster);
  await telemetry.shutdown(); // reads once more, for what is flushed
  await metrics.collect();
  telemetry.observe(cluster);
  await metrics.collect();
  expect(read).toHaveBeenCalledTimes(2);
});

it('observe() takes clients only', () => {
  expect(() => telemetry.observe({} as ClusterClient)).toThrow(InvalidArgumentError);
});

it('the module observes every cluster of the application by its name, and others by hand', async () => {
  const own = new RecordedMetrics();
  const module = await Test.createTestingModule({
    imports: [
      ClusterModule.forRoot({ nodes }),
      ClusterModule.forRoot({ nodes, name: 'sessions', lazyConnect: true }),
      ClusterTelemetryModule.forRoot({ traces: false, meterProvider: own.provider }),
    ],
  }).compile();
  await module.init();
  try {
    module.get(ClusterTelemetry).observe(cluster, 'by hand');
    await module.get(ClusterClient).set(key('a'), 1);
    const clients = (await own.collect())
      .get('keyslot.messages.received')!
      .map(({ attributes }) => attributes['keyslot.client.name']);
    expect(clients).toEqual(['default', 'sessions', 'by hand']);
  } finally {
    await module.close();
  }
});
