import { Controller, Injectable } from '@nestjs/common';
import { EventPattern, MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { Test, type TestingModule } from '@nestjs/testing';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { firstValueFrom } from 'rxjs';
import { ClusterClient, ClusterModule, PatternSubscribe, Subscribe } from 'keyslot';
import { ClusterClientProxy, ClusterTransport } from 'keyslot/microservices';
import { ClusterTelemetryModule, traceContextCodec } from 'keyslot/telemetry';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { RecordedLog } from '../../e2e/nest-recorded-log.js';
import { RecordedMetrics } from './metric-values.js';
import { RecordedSpans, useOpenTelemetry } from './recorded-spans.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;
const codec = traceContextCodec();

@Injectable()
class Handlers {
  constructor(private readonly cluster: ClusterClient) {}

  @Subscribe(named('placed'), { codec })
  async placed(): Promise<void> {
    await this.cluster.get(named('a'));
  }

  @PatternSubscribe(named('room.*'))
  room(): void {}

  @Subscribe(named('fails'), { codec })
  fails(): void {
    throw Object.assign(new Error('a secret'), { code: 'NO_STOCK' });
  }
}

@Controller()
class Service {
  constructor(private readonly cluster: ClusterClient) {}

  @MessagePattern(named('price'))
  async price(): Promise<number> {
    await this.cluster.get(named('a'));
    return 5;
  }

  @EventPattern(named('seen'))
  seen(_data: object): void {}
}

useOpenTelemetry();
let spans: RecordedSpans;
let metrics: RecordedMetrics;
let app: TestingModule;
let cluster: ClusterClient;

beforeEach(async () => {
  spans = new RecordedSpans();
  metrics = new RecordedMetrics();
  app = await Test.createTestingModule({
    imports: [
      ClusterModule.forRoot({ nodes }),
      ClusterTelemetryModule.forRoot({ tracerProvider: spans.provider, meterProvider: metrics.provider }),
    ],
    providers: [Handlers],
    controllers: [Service],
  })
    .setLogger(new RecordedLog())
    .compile();
  await app.init();
  cluster = app.get(ClusterClient);
});
afterEach(() => app.close());

const only = (name: string): Promise<ReadableSpan> =>
  eventually(() => {
    expect(spans.named(name)).toHaveLength(1);
    return spans.named(name)[0];
  });
const parentOf = ({ parentSpanContext }: ReadableSpan): string | undefined => parentSpanContext?.spanId;

it('a publish is a producer span, and the run of its handler a consumer span of the same trace', async () => {
  const { span: request } = await spans.within(() =>
    cluster.pubsub.publish(named('placed'), { id: 1 }, { codec }),
  );
  const processed = await only(`process ${named('placed')}`);
  const published = await only(`publish ${named('placed')}`);
  expect(published.kind).toBe(SpanKind.PRODUCER);
  expect(published.attributes).toEqual({
    'messaging.system': 'redis',
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.destination.name': named('placed'),
    'server.address': expect.any(String),
    'server.port': expect.any(Number),
    'network.peer.address': expect.any(String),
    'network.peer.port': expect.any(Number),
  });
  expect(parentOf(published)).toBe(request.spanContext().spanId);
  expect(processed.kind).toBe(SpanKind.CONSUMER);
  expect(processed.attributes).toEqual({
    'messaging.system': 'redis',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': named('placed'),
    'keyslot.handler': 'Handlers.placed',
  });
  expect(parentOf(processed)).toBe(published.spanContext().spanId);
  expect(processed.links.map(({ context }) => context.spanId)).toEqual([published.spanContext().spanId]);
  expect(spans.childrenOf(processed).map(({ name }) => name)).toEqual(['GET']);
});

it('a message without a context begins a trace, whatever was active when its connection was opened', async () => {
  await spans.within(() => cluster.pubsub.publish(named('room.42'), 1));
  const processed = await only(`process ${named('room.*')}`);
  expect(parentOf(processed)).toBeUndefined();
  expect(processed.attributes).toMatchObject({
    'messaging.destination.name': named('room.42'),
    'messaging.destination.template': named('room.*'),
  });
});

it('several messages are one span with their number', async () => {
  await cluster.pubsub.publishMany([
    { channel: named('x'), value: 1 },
    { channel: named('y'), value: 2 },
  ]);
  expect((await only('publish')).attributes).toMatchObject({ 'messaging.batch.message_count': 2 });
});

it('a handler that fails has the code of its error, and nothing of its message', async () => {
  await cluster.pubsub.publish(named('fails'), 1, { codec });
  const processed = await only(`process ${named('fails')}`);
  expect(processed.status).toEqual({ code: SpanStatusCode.ERROR, message: 'NO_STOCK' });
  expect(processed.attributes['error.type']).toBe('NO_STOCK');
  expect(JSON.stringify([processed.attributes, processed.events])).not.toContain('secret');
});

it('the durations and numbers of messages are metrics by handler', async () => {
  await cluster.pubsub.publish(named('fails'), 1, { codec });
  await only(`process ${named('fails')}`);
  const values = await metrics.collect();
  const [sent] = values.get('messaging.client.sent.messages')!;
  expect(sent).toEqual({
    unit: '{message}',
    value: 1,
    attributes: {
      'messaging.system': 'redis',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
    },
  });
  for (const name of ['messaging.process.duration', 'messaging.client.consumed.messages'])
    expect(values.get(name)!.map(({ attributes }) => attributes)).toEqual([
      {
        'messaging.system': 'redis',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'keyslot.handler': 'Handlers.fails',
        'error.type': 'NO_STOCK',
      },
    ]);
  expect(values.get('messaging.client.operation.duration')![0].value).toMatchObject({ count: 1 });
});

it('a request to a microservice, its handler and what that calls are one trace', async () => {
  const service = app.createNestMicroservice<MicroserviceOptions>({
    strategy: new ClusterTransport({ client: cluster }),
    logger: false,
  });
  await service.listen();
  const proxy = new ClusterClientProxy({ client: cluster });
  try {
    const { span: request, result } = await spans.within(() =>
      firstValueFrom(proxy.send<number>(named('price'), {})),
    );
    expect(result).toBe(5);
    const processed = await only(`process ${named('price')}`);
    const { traceId } = request.spanContext();
    const names = spans.all.filter((span) => span.spanContext().traceId === traceId).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        `publish ${named('price')}`,
        `process ${named('price')}`,
        'GET',
        'publish',
        'request',
      ]),
    );
    const [replied] = spans.named('publish');
    expect(replied.attributes['messaging.destination.temporary']).toBe(true);
    expect(processed.attributes['keyslot.handler']).toBe(named('price'));
    expect(spans.childrenOf(processed).map(({ name }) => name)).toContain('GET');
    await firstValueFrom(proxy.emit(named('seen'), {}));
    expect(parentOf(await only(`process ${named('seen')}`))).toBeDefined();
    expect(trace.getActiveSpan()).toBeUndefined();
  } finally {
    await proxy.close();
    await service.close();
  }
});
