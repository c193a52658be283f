import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { context, propagation, trace, type Context, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { firstValueFrom, take, toArray } from 'rxjs';
import {
  ClusterClient,
  ClusterEntity,
  createRepositories,
  PrimaryKey,
  Property,
  type ClusterMessage,
  type EntityChange,
} from 'keyslot';
import { ClusterClientProxy, ClusterContext, ClusterTransport } from 'keyslot/microservices';
import {
  registerTelemetry,
  traceContextCodec,
  traceContextOf,
  type ClusterTelemetry,
} from 'keyslot/telemetry';
import { sharedCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;

@ClusterEntity({ name: `Order${keyspace.slice(5, 17)}`, changes: true })
class Order {
  @PrimaryKey() id!: string;
  @Property() cents: number = 0;
}

let cluster: ClusterClient;
let telemetry: ClusterTelemetry;
let tracer: Tracer;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  context.disable();
  propagation.disable();
});
beforeEach(() => {
  const tracerProvider = new BasicTracerProvider();
  tracer = tracerProvider.getTracer('test');
  telemetry = registerTelemetry({ tracerProvider, metrics: false });
  cluster = new ClusterClient({ nodes });
});
afterEach(async () => {
  await telemetry.shutdown();
  await cluster.close();
});

/** Runs within a span; the trace it belongs to is what has to arrive. */
async function inTrace(run: () => Promise<unknown>): Promise<string> {
  const span = tracer.startSpan('request');
  await context.with(trace.setSpan(context.active(), span), run);
  span.end();
  return span.spanContext().traceId;
}

const traceIdOf = (of: Context): string | undefined => trace.getSpanContext(of)?.traceId;

it('a message carries the trace of its publisher, beside its payload', async () => {
  const codec = traceContextCodec();
  const messages: Promise<ClusterMessage[]> = firstValueFrom(
    cluster.pubsub.channel(named('news'), { codec }).pipe(take(2), toArray()),
  );
  await cluster.pubsub.ready(named('news'));
  const traceId = await inTrace(() => cluster.pubsub.publish(named('news'), { a: 1 }, { codec }));
  await cluster.pubsub.publish(named('news'), { a: 2 });
  const [traced, plain] = await messages;
  expect(traced.payload).toEqual({ a: 1 });
  expect(traceIdOf(traceContextOf(traced))).toBe(traceId);
  expect(plain).toEqual({ channel: named('news'), payload: { a: 2 }, receivedAt: expect.any(Number) });
});

it('a change carries the trace of its writer, whatever wrote it', async () => {
  const orders = createRepositories(cluster, [Order]).repository(Order);
  const changes: Promise<EntityChange<Order>[]> = firstValueFrom(
    orders.changes('1', { from: 'start' }).pipe(take(4), toArray()),
  );
  const traceId = await inTrace(async () => {
    await orders.insert(orders.create({ id: '1' }));
    await orders.transaction('1', async (tx) => {
      const order = await tx.get(Order, '1');
      order!.cents = 5;
      tx.save(order!);
      tx.emit('paid', { cents: 5 });
    });
  });
  await orders.delete('1');
  const seen = await changes;
  expect(seen.map(({ type }) => type).toSorted()).toEqual(['delete', 'event', 'insert', 'update']);
  for (const change of seen) {
    const isOfTrace = traceIdOf(traceContextOf(change)) === traceId;
    // outside of the application's span, the operation of the repository is a trace of its own
    expect([change.type, isOfTrace, 'headers' in change]).toEqual([
      change.type,
      change.type !== 'delete',
      true,
    ]);
  }
});

it('without telemetry, nothing is stored of a trace', async () => {
  await telemetry.shutdown();
  const orders = createRepositories(cluster, [Order]).repository(Order);
  const change = firstValueFrom(orders.changes('2', { from: 'start' }));
  await inTrace(() => orders.insert(orders.create({ id: '2' })));
  expect(await change).not.toHaveProperty('headers');
});

it('a request to a microservice carries the trace of its caller', async () => {
  @Controller()
  class Traces {
    @MessagePattern(named('trace'))
    trace(@Ctx() of: ClusterContext): string | undefined {
      return of.getMetadata()?.['traceparent'];
    }
  }
  const module = await Test.createTestingModule({ controllers: [Traces] }).compile();
  const strategy = new ClusterTransport({ connection: { nodes } });
  const service = module.createNestMicroservice<MicroserviceOptions>({ strategy, logger: false });
  const proxy = new ClusterClientProxy({ client: cluster });
  await service.listen();
  try {
    const send = () => firstValueFrom(proxy.send<string>(named('trace'), {}), { defaultValue: 'nothing' });
    let received: string | undefined;
    const traceId = await inTrace(async () => (received = await send()));
    expect(received).toContain(`-${traceId}-`);
    expect(await send()).not.toContain(traceId);
  } finally {
    await proxy.close();
    await service.close();
  }
});
