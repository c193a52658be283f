import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Type } from '@nestjs/common';
import { ClusterClient } from 'keyslot';
import { INSTRUMENTS } from '../../../lib/telemetry/metrics/instruments.js';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { root, snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../../docs-snippets.js';

const PAGE = 'docs/observability.md';
const { nodes, keyspace } = sharedCluster();
const folder = snippetFolder();
const page = readFileSync(join(root, PAGE), 'utf8');
const snippets = snippetsOf(PAGE);

const KINDS = {
  histogram: 'histogram',
  counter: 'counter',
  upDownCounter: 'up-down counter',
  gauge: 'gauge',
} as const;

it('the table of the page has every metric, with its kind, unit and meaning', () => {
  const [, section] = page.split('\n### Metrics\n');
  const rows = section
    .split('\n### ')[0]
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  const documented = rows.map(([, name, kind, unit, , meaning]) => [name, kind, unit, meaning]);
  const exported = Object.entries(INSTRUMENTS).map(([name, { kind, unit, description }]) => [
    name,
    KINDS[kind],
    unit,
    description,
  ]);
  expect(exported.length).toBeGreaterThan(30);
  expect(documented.toSorted()).toEqual(exported.toSorted());
});

/** The names of metrics in what Prometheus reads. */
const namesIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    ),
  );

/** Records every metric once, and returns what the exporter makes of the names. */
async function exportedNames(): Promise<Set<string>> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const meter = provider.getMeter('keyslot');
  for (const [name, { kind, unit }] of Object.entries(INSTRUMENTS)) RECORD[kind](meter, name, unit);
  const text = await new Promise<string>((resolve) => {
    const response = { statusCode: 0, setHeader: () => undefined, end: resolve };
    exporter.getMetricsRequestHandler({} as never, response as never);
  });
  await provider.shutdown();
  return namesIn(text);
}

const RECORD = {
  histogram: (meter: Meter, name: string, unit: string) => meter.createHistogram(name, { unit }).record(1),
  counter: (meter: Meter, name: string, unit: string) => meter.createCounter(name, { unit }).add(1),
  upDownCounter: (meter: Meter, name: string, unit: string) =>
    meter.createUpDownCounter(name, { unit }).add(1),
  gauge: (meter: Meter, name: string, unit: string) =>
    meter.createObservableGauge(name, { unit }).addCallback((result) => result.observe(1)),
};

/** The names of metrics in an expression of PromQL; labels have no underscore in front of a brace or a parenthesis. */
const namesInQuery = (query: string): string[] =>
  [
    ...query
      .replaceAll(/\{[^}]*\}/g, '')
      .replaceAll(/\bby \([^)]*\)/g, '')
      .matchAll(/\b(?:db|messaging|keyslot)_\w+/g),
  ].map(([name]) => name);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults: object; readonly overrides: readonly unknown[] };
  readonly options?: object;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly tags: readonly string[];
  readonly time: { readonly from: string; readonly to: string };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
  readonly annotations: { readonly list: readonly unknown[] };
  readonly panels: readonly Panel[];
}

describe('the dashboard', () => {
  const dashboard = JSON.parse(readFileSync(join(root, 'docs/grafana-dashboard.json'), 'utf8')) as Dashboard;
  const graphs = dashboard.panels.filter(({ type }) => type !== 'row');

  it('has the fields without which Grafana does not load it', () => {
    expect(dashboard).toMatchObject({
      title: 'Keyslot',
      uid: 'keyslot',
      schemaVersion: 39,
      panels: expect.any(Array),
    });
    // imported, it is a new dashboard: an id would be that of another one
    expect(dashboard).not.toHaveProperty('id');
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['client', 'query'],
    ]);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(graphs.length).toBeGreaterThan(20);
    for (const { title, type, gridPos, datasource, fieldConfig, options, targets } of graphs) {
      expect(['timeseries', 'stat']).toContain(type);
      expect({ title, datasource }).toEqual({
        title,
        datasource: { type: 'prometheus', uid: '${datasource}' },
      });
      expect([fieldConfig?.defaults, fieldConfig?.overrides, options]).toEqual([
        expect.any(Object),
        expect.any(Array),
        expect.any(Object),
      ]);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      const refIds = targets!.map(({ refId }) => refId);
      expect(new Set(refIds).size).toBe(refIds.length);
    }
  });

  it('has panels that do not overlap', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}:${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('queries metrics that are exported, and shows all of them', async () => {
    const exported = await exportedNames();
    const queries = graphs.flatMap(({ targets }) => targets!.map(({ expr }) => expr));
    const queried = new Set(queries.flatMap(namesInQuery));
    expect([...queried].filter((name) => !exported.has(name))).toEqual([]);
    const shown = [...queried].map((name) => name.replace(/_(bucket|count|sum)$/, ''));
    const all = [...exported].map((name) => name.replace(/_(bucket|count|sum)$/, ''));
    expect([...new Set(all)].filter((name) => name !== 'target_info' && !shown.includes(name))).toEqual([]);
  });
});

it('the alerts query metrics that are exported', async () => {
  const exported = await exportedNames();
  const [{ code }] = snippets.filter(({ language }) => language === 'yaml');
  const queries = [...code.matchAll(/^ +expr: (.*)$/gm)].map(([, query]) => query);
  expect(queries.length).toBeGreaterThan(10);
  for (const query of queries) {
    const names = namesInQuery(query);
    expect([query, names.filter((name) => !exported.has(name)), names.length > 0]).toEqual([query, [], true]);
  }
});

it('the recipes compile', async () => {
  writeSnippets(snippets, folder);
  const files = snippets.flatMap(({ file }) => file ?? []);
  expect(files).toEqual(
    expect.arrayContaining(['metrics.ts', 'app.module.ts', 'order-events.ts', 'without-nest.ts']),
  );
  expect(await typeFaults(folder, files)).toBe('');
});

it('the recipe for Prometheus serves the metrics of an application', async () => {
  writeSnippets(snippets, folder);
  const before = { ...process.env };
  const metricsPort = await freePort();
  process.env['METRICS_PORT'] = metricsPort;
  process.env['REDIS_CLUSTER_NODES'] = nodes.map(({ host, port }) => `${host}:${port}`).join();
  const { exporter } = (await import(join(folder, 'metrics.ts'))) as { exporter: PrometheusExporter };
  const { AppModule } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  process.env['REDIS_CLUSTER_NODES'] = before['REDIS_CLUSTER_NODES'];
  if (before['REDIS_CLUSTER_NODES'] === undefined) delete process.env['REDIS_CLUSTER_NODES'];
  delete process.env['METRICS_PORT'];
  try {
    const cluster = app.get(ClusterClient);
    await cluster.set(`${keyspace}a`, 'a value that is nobody else’s business');
    await cluster.get(`${keyspace}a`);
    await expect(cluster.incr(`${keyspace}a`)).rejects.toThrow('not an integer');
    await cluster.pubsub.publish(`${keyspace}news`, 1);
    const text = await scrape(metricsPort);
    for (const line of [
      /^db_client_operation_duration_count\{.*db_operation_name="GET".*server_port="\d+".*\} 1$/m,
      /^db_client_operation_duration_bucket\{.*db_operation_name="SET".*le="0\.001".*\} [01]$/m,
      /^db_client_operation_duration_count\{.*db_operation_name="INCR".*error_type="ERR".*\} 1$/m,
      /^keyslot_commands_total\{.*keyslot_client_name="default".*server_address=.*\} \d+$/m,
      /^keyslot_errors_total\{.*error_type="ERR".*\} 1$/m,
      /^db_client_connection_count\{.*db_client_connection_state="used".*\} 1$/m,
      /^messaging_client_sent_messages_total\{.*messaging_operation_name="publish".*\} 1$/m,
      /^keyslot_topology_version\{.*\} \d+$/m,
    ])
      expect(text).toMatch(line);
    expect(text).not.toContain(keyspace);
    expect(text).not.toContain('business');
  } finally {
    await app.close();
    await exporter.shutdown();
  }
});

/** Reads the exporter as Prometheus does, once it listens. */
const scrape = (port: string): Promise<string> =>
  eventually(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(answer.status).toBe(200);
    return answer.text();
  });

async function freePort(): Promise<string> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(free);
}
