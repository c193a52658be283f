// node bench/telemetry.mjs: what telemetry costs a GET at 500 callers. See docs/observability.md.
import {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { AlwaysOffSampler, BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { shutdownSignal } from '../scripts/shutdown.mjs';
import { openCluster, prepare } from './harness/prepare.mjs';

const CALLERS = 500;
const CALLS = 60;
const ROUNDS = 15;
const KEYS = Array.from({ length: 1_000 }, (_, i) => `key:${i}`);

delete process.env.REDIS_CLUSTER_NODES; // its keys stay: only on a cluster of its own
const signal = shutdownSignal();
await prepare(signal, { peers: false });
const cluster = await openCluster(signal);
try {
  await measure(cluster.seeds);
} finally {
  await cluster.stop();
}

async function measure(nodes) {
  const { ClusterClient, keyslotChannel } = await import('../dist/index.js');
  const { registerTelemetry } = await import('../dist/telemetry/index.js');
  const client = new ClusterClient({ nodes });
  await client.connect();
  // without a reader, nothing is recorded
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(0),
    exportIntervalMillis: 3_600_000,
  });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const dropped = { export: (_, done) => done({ code: 0 }), shutdown: async () => {} };
  const recorded = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(dropped)] });
  const sampledOut = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
  const telemetry = (options) => () => {
    const registered = registerTelemetry({ flushTimeoutMs: 0, ...options });
    return () => registered.shutdown();
  };
  const modes = {
    'nothing listens': () => () => {},
    'an empty listener': () => {
      const channel = keyslotChannel('keyslot:command');
      const listener = { asyncEnd: () => {} };
      channel.subscribe(listener);
      return () => channel.unsubscribe(listener);
    },
    metrics: telemetry({ traces: false, meterProvider }),
    'spans, `requireParent` and no parent': telemetry({
      traces: { requireParent: true },
      metrics: false,
      tracerProvider: recorded,
    }),
    'spans, sampled out': telemetry({ metrics: false, tracerProvider: sampledOut }),
    'spans, recorded': telemetry({ metrics: false, tracerProvider: recorded }),
    'metrics and spans, recorded': telemetry({ meterProvider, tracerProvider: recorded }),
  };
  const costs = new Map(Object.keys(modes).map((name) => [name, []]));
  for (let round = -2; round < ROUNDS; round++) {
    for (const [name, begin] of Object.entries(modes)) {
      const end = begin();
      await getAll(client); // the first calls after a change are slow
      const cost = await getAll(client);
      if (round >= 0) costs.get(name).push(cost);
      await end();
    }
  }
  console.log('| mode | CPU per GET, µs |\n| --- | ---: |');
  for (const [name, each] of costs) console.log(`| ${name} | ${median(each).toFixed(2)} |`);
  sdkAlone(recorded.getTracer('bench'), meterProvider.getMeter('bench').createHistogram('bench'));
  await client.close();
}

/** @returns the CPU time of one call, in µs */
async function getAll(client) {
  const before = process.cpuUsage();
  const caller = async (_, first) => {
    for (let i = 0; i < CALLS; i++) await client.get(KEYS[(first + i * 7) % KEYS.length]);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (CALLERS * CALLS);
}

/** Prints what the SDK takes for one span and one duration, without Keyslot: less is out of reach. */
function sdkAlone(tracer, histogram) {
  const operation = { 'db.system.name': 'redis', 'db.namespace': '0', 'db.operation.name': 'GET' };
  const server = { 'server.address': '127.0.0.1', 'server.port': 7000 };
  const all = { ...operation, ...server };
  const operations = {
    'the SDK alone, a duration': () => histogram.record(0.001, all),
    'the SDK alone, a span': () => {
      const span = tracer.startSpan('GET', { attributes: operation });
      span.setAttribute('keyslot.slot', 1);
      span.setAttributes(server);
      span.end();
    },
  };
  for (const [name, run] of Object.entries(operations)) {
    for (let i = 0; i < 20_000; i++) run();
    const before = process.cpuUsage();
    for (let i = 0; i < 200_000; i++) run();
    const { user, system } = process.cpuUsage(before);
    console.log(`| ${name} | ${((user + system) / 200_000).toFixed(2)} |`);
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
