import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClusterEntity,
  ClusterModule,
  type ClusterPubSub,
  type ClusterRepository,
  getClusterRepositoryToken,
  getPubSubToken,
  PrimaryKey,
  Property,
  Subscribe,
} from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { TracingRecorder } from '../tracing-recorder.js';

const { nodes, keyspace } = sharedCluster();
const SECRET = 'planted-value-2b';

@ClusterEntity({ name: 'TracedOrder' })
class Order {
  @PrimaryKey() id!: string;
  @Property() note?: string;
}

@Injectable()
class Events {
  static readonly seen: unknown[] = [];
  @Subscribe('traced')
  onTraced(payload: unknown): void {
    Events.seen.push(payload);
    if (payload === 'fail') throw new TypeError('the handler failed');
  }
}

describe('in a Nest application, tracing channels', () => {
  it('have contexts of repositories around their commands, and of handlers', async () => {
    @Module({
      imports: [ClusterModule.forRoot({ nodes, keyPrefix: keyspace }), ClusterModule.forFeature([Order])],
      providers: [Events],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    const orders = app.get<ClusterRepository<Order>>(getClusterRepositoryToken(Order));
    const recorder = new TracingRecorder();
    try {
      await orders.save(orders.create({ id: '1', note: SECRET }));
      expect(recorder.only('keyslot:entity')).toMatchObject({
        entity: 'TracedOrder',
        operation: 'save',
        outcome: 'ok',
      });
      const [first] = recorder.events;
      expect(first).toBe('keyslot:entity:start');
      expect(recorder.events.at(-1)).toBe('keyslot:entity:asyncEnd');
      expect(recorder.of('keyslot:command').length).toBeGreaterThan(0);
      recorder.clear();
      await orders.saveMany([orders.create({ id: '2' }), orders.create({ id: '3' })]);
      expect(recorder.only('keyslot:entity')).toMatchObject({ operation: 'saveMany', batchSize: 2 });
      recorder.clear();
      await expect(orders.insert(orders.create({ id: '1' }))).rejects.toThrow();
      expect(recorder.only('keyslot:entity')).toMatchObject({ outcome: 'error', operation: 'insert' });
      recorder.clear();
      const pubsub = app.get<ClusterPubSub>(getPubSubToken());
      await pubsub.publish('traced', SECRET);
      await pubsub.publish('traced', 'fail');
      await eventually(() => recorder.of('keyslot:message').length === 2);
      expect(recorder.of('keyslot:message')).toMatchObject([
        { kind: 'channel', handler: 'Events.onTraced', channel: 'traced', outcome: 'ok' },
        { handler: 'Events.onTraced', outcome: 'error', errorCode: 'TypeError' },
      ]);
      expect(recorder.text()).not.toContain(SECRET);
    } finally {
      recorder.stop();
      await app.close();
    }
  });
});
