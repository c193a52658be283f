import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { ClusterClient, ClusterEntity, createRepositories, PrimaryKey, Property } from 'keyslot';
import { registerTelemetry, type ClusterTelemetry } from 'keyslot/telemetry';
import { sharedCluster } from '../../cluster-fixture.js';
import { RecordedMetrics } from './metric-values.js';
import { RecordedSpans, useOpenTelemetry } from './recorded-spans.js';

const { nodes, keyspace } = sharedCluster();
const key = (name: string): string => `${keyspace}${name}`;
/** Keys in as many slots as there are, so that they are on all nodes. */
const spread = Array.from({ length: 30 }, (_, i) => key(`spread-${i}`));

@ClusterEntity({ name: `Item${keyspace.slice(5, 17)}` })
class Item {
  @PrimaryKey() id!: string;
  @Property() cents: number = 0;
}

useOpenTelemetry();
let spans: RecordedSpans;
let metrics: RecordedMetrics;
let telemetry: ClusterTelemetry;
let cluster: ClusterClient;

beforeAll(async () => {
  cluster = new ClusterClient({ nodes, clientName: 'shop' });
  await cluster.connect();
});
afterAll(() => cluster.close());
beforeEach(() => {
  spans = new RecordedSpans();
  metrics = new RecordedMetrics();
  telemetry = registerTelemetry({ tracerProvider: spans.provider, meterProvider: metrics.provider });
});
afterEach(() => telemetry.shutdown());

const server = {
  'server.address': expect.any(String),
  'server.port': expect.any(Number),
  'network.peer.address': expect.any(String),
  'network.peer.port': expect.any(Number),
};
const redis = { 'db.system.name': 'redis', 'db.namespace': '0' };

describe('a command', () => {
  it('is a client span with the attributes of the conventions, in the span of its caller', async () => {
    const { span: request } = await spans.within(() => cluster.set(key('a'), 'a secret'));
    const [span] = spans.named('SET');
    expect(span.kind).toBe(SpanKind.CLIENT);
    expect(span.attributes).toEqual({
      ...redis,
      ...server,
      'db.operation.name': 'SET',
      'keyslot.client.name': 'shop',
      'keyslot.slot': expect.any(Number),
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(spans.childrenOf(request)).toEqual([span]);
    const node = cluster.topology.nodeForKey(key('a'))!;
    expect([span.attributes['server.address'], span.attributes['server.port']]).toEqual([
      node.host,
      node.port,
    ]);
    expect(JSON.stringify([span.attributes, span.events])).not.toMatch(/secret|file-/);
  });

  it('that a server rejects has its code as error.type and db.response.status_code', async () => {
    await cluster.set(key('text'), 'x');
    await expect(cluster.lpush(key('text'), 'x')).rejects.toThrow('WRONGTYPE');
    const [span] = spans.named('LPUSH');
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'WRONGTYPE' });
    expect(span.attributes).toMatchObject({
      'error.type': 'WRONGTYPE',
      'db.response.status_code': 'WRONGTYPE',
    });
  });

  it('that never reached a server has an error.type only', async () => {
    const late = cluster.with({ signal: AbortSignal.abort() });
    await expect(late.get(key('a'))).rejects.toThrow('aborted');
    const [span] = spans.named('GET');
    expect(span.attributes).toMatchObject({ 'error.type': 'ABORTED' });
    expect(span.attributes).not.toHaveProperty('db.response.status_code');
    expect(span.attributes).not.toHaveProperty('server.address');
  });

  it('that is sent again has an event', async () => {
    const script = `return '${keyspace}${Date.now()}'`;
    cluster.defineCommand('unseen', { numberOfKeys: 1, lua: script });
    await (cluster as unknown as { unseen(name: string): Promise<string> }).unseen(key('a'));
    const events = spans.all.flatMap((span) => span.events);
    expect(events.map(({ name, attributes }) => [name, attributes?.['keyslot.reason']])).toEqual([
      ['keyslot.retry', 'NOSCRIPT'],
    ]);
  });

  it('on several nodes has a child for each', async () => {
    await cluster.dbsize();
    const [parent, ...children] = spans
      .named('DBSIZE')
      .toSorted((a, b) => Number(!!a.parentSpanContext) - Number(!!b.parentSpanContext));
    expect(parent.attributes).not.toHaveProperty('server.address');
    expect(spans.childrenOf(parent)).toHaveLength(cluster.topology.primaries.length);
    expect(children).toHaveLength(cluster.topology.primaries.length);
    for (const child of children) {
      expect(child.kind).toBe(SpanKind.CLIENT);
      expect(child.attributes).toEqual({ ...redis, ...server, 'db.operation.name': 'DBSIZE' });
    }
  });

  it('that blocks has one span, and so has each in a leased connection', async () => {
    await cluster.blpop(key('none'), 0.01);
    expect(spans.named('BLPOP')).toHaveLength(1);
    expect(spans.named('BLPOP')[0].attributes).toMatchObject(server);
  });
});

describe('a batch', () => {
  const pipelineOf = async (...commands: [string, string][]) => {
    const pipeline = cluster.pipeline();
    for (const [command, name] of commands) pipeline.call(command, name);
    await pipeline.exec();
  };

  it('of different commands is a PIPELINE with its size, and a child for each node', async () => {
    await pipelineOf(...spread.map((name, i): [string, string] => [i % 2 ? 'GET' : 'TTL', name]));
    const [parent] = spans.named('PIPELINE').filter(({ parentSpanContext }) => !parentSpanContext);
    expect(parent.attributes).toMatchObject({
      ...redis,
      'db.operation.name': 'PIPELINE',
      'db.operation.batch.size': spread.length,
    });
    const children = spans.childrenOf(parent);
    expect(children).toHaveLength(3);
    for (const child of children) expect(child.attributes).toMatchObject({ ...redis, ...server });
    const sizes = children.map(({ attributes }) => Number(attributes['db.operation.batch.size'] ?? 1));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(spread.length);
  });

  it('of one kind of command has its name, and one of a single command is not a batch', async () => {
    await pipelineOf(['GET', spread[0]], ['GET', spread[1]]);
    expect(spans.named('PIPELINE GET')[0].attributes['db.operation.name']).toBe('PIPELINE GET');
    spans.reset();
    await pipelineOf(['GET', spread[0]]);
    expect(spans.named('GET')[0].attributes).not.toHaveProperty('db.operation.batch.size');
  });

  it('has the first error of its commands', async () => {
    await cluster.set(spread[0], 'x');
    await pipelineOf(['LLEN', spread[0]], ['LLEN', spread[1]]);
    const [parent] = spans.named('PIPELINE LLEN').filter(({ parentSpanContext }) => !parentSpanContext);
    expect(parent.attributes['error.type']).toBe('WRONGTYPE');
    const failed = spans.childrenOf(parent).filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed).toHaveLength(1);
  });

  it('multi() is a MULTI of its commands', async () => {
    await cluster.multi().set(key('{m}a'), 1).set(key('{m}b'), 2).exec();
    expect(spans.named('MULTI SET')[0].attributes).toMatchObject({
      ...redis,
      ...server,
      'db.operation.name': 'MULTI SET',
      'db.operation.batch.size': 2,
    });
  });

  it('transaction() is a MULTI around the commands of its function', async () => {
    await cluster.transaction([key('t')], async (tx) => {
      await tx.get(key('t'));
      return tx.multi().set(key('t'), 1).incr(key('t'));
    });
    const [parent] = spans.named('MULTI');
    expect(parent.attributes['db.operation.batch.size']).toBe(2);
    expect(spans.childrenOf(parent).map(({ name }) => name)).toContain('GET');
  });
});

it('an operation of a repository is an internal span around its commands', async () => {
  const items = createRepositories(cluster, [Item]).repository(Item);
  const { span: request } = await spans.within(() => items.insert(items.create({ id: '1' })));
  const [span] = spans.childrenOf(request);
  expect([span.name, span.kind]).toEqual([`insert ${Item.name}${keyspace.slice(5, 17)}`, SpanKind.INTERNAL]);
  expect(span.attributes).toMatchObject({
    'db.system.name': 'redis',
    'db.collection.name': `Item${keyspace.slice(5, 17)}`,
    'db.operation.name': 'insert',
  });
  const commands = spans.childrenOf(span);
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) expect(command.kind).toBe(SpanKind.CLIENT);
});

it('with requireParent, only what runs within a span is one', async () => {
  await telemetry.shutdown();
  telemetry = registerTelemetry({
    tracerProvider: spans.provider,
    metrics: false,
    traces: { requireParent: true },
  });
  await cluster.get(key('a'));
  const { span: request } = await spans.within(() => cluster.get(key('a')));
  expect(spans.named('GET')).toHaveLength(1);
  expect(spans.childrenOf(request)).toHaveLength(1);
});

it('with internal, connections and reads of the topology are spans, too', async () => {
  await cluster.refreshTopology();
  expect(spans.all).toEqual([]);
  await telemetry.shutdown();
  telemetry = registerTelemetry({
    tracerProvider: spans.provider,
    metrics: false,
    traces: { internal: true },
  });
  await cluster.refreshTopology();
  const other = new ClusterClient({ nodes });
  await other.connect();
  await other.close();
  expect(spans.named('CLUSTER SLOTS')[0].attributes).toMatchObject({
    ...redis,
    'keyslot.reason': 'requested',
  });
  const purposes = spans.named('connect').map(({ attributes }) => attributes['keyslot.connection.purpose']);
  expect(new Set(purposes)).toEqual(new Set(['client', 'shared']));
});

it('spans that are not sampled cost no call', async () => {
  const provider = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
  const unsampled = registerTelemetry({ tracerProvider: provider, metrics: false });
  expect(await cluster.set(key('a'), 1)).toBe('OK');
  expect(trace.getActiveSpan()).toBeUndefined();
  await unsampled.shutdown();
});

it('after the end of telemetry there are no spans', async () => {
  await telemetry.shutdown();
  await cluster.get(key('a'));
  expect(spans.all).toEqual([]);
});

it('the duration of calls has the attributes and boundaries of the conventions', async () => {
  await cluster.set(key('a'), 1);
  await expect(cluster.lpush(key('a'), 1)).rejects.toThrow('WRONGTYPE');
  await cluster.dbsize();
  const values = (await metrics.collect()).get('db.client.operation.duration')!;
  const of = (operation: string) =>
    values.filter(({ attributes }) => attributes['db.operation.name'] === operation);
  const { 'network.peer.address': _a, 'network.peer.port': _p, ...ofServer } = server;
  expect(of('SET').map(({ attributes }) => attributes)).toEqual([
    { ...redis, ...ofServer, 'db.operation.name': 'SET' },
  ]);
  expect(of('LPUSH')[0].attributes).toMatchObject({
    'error.type': 'WRONGTYPE',
    'db.response.status_code': 'WRONGTYPE',
  });
  expect(of('DBSIZE').map(({ attributes }) => attributes)).toEqual([
    { ...redis, 'db.operation.name': 'DBSIZE' },
  ]);
  const [{ value, unit }] = of('SET');
  expect(unit).toBe('s');
  expect(value).toMatchObject({
    count: 1,
    buckets: { boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
  });
});
