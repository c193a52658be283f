import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ClusterClient, ClusterModule, TopologyError } from 'keyslot';
import { ClusterTestingModule, TestKeyspace } from 'keyslot/testing';
import { sharedCluster } from '../cluster-fixture.js';

const { nodes } = sharedCluster();

it('replaces the module that an application imports through a constant', async () => {
  const clusterModule = ClusterModule.forRoot({ nodes: ['127.0.0.1:1'] });
  @Injectable()
  class Orders {
    constructor(readonly cluster: ClusterClient) {}
  }
  @Module({ providers: [Orders] })
  class OrdersModule {}
  @Module({ imports: [OrdersModule, clusterModule] })
  class AppModule {}
  const app = await Test.createTestingModule({ imports: [AppModule] })
    .overrideModule(clusterModule)
    .useModule(ClusterTestingModule.forRoot({ nodes }))
    .compile();
  await app.init();
  const keyspace = app.get(TestKeyspace);
  await app.get(Orders).cluster.set('order', 'a lamp');
  const observer = new ClusterClient({ nodes });
  expect(await observer.get(`${keyspace.prefix}order`)).toBe('a lamp');
  await app.close();
  expect(await observer.exists(`${keyspace.prefix}order`)).toBe(0);
  await observer.close();
});

it('reports a problem with the cluster before the Jest timeout', async () => {
  const keyspaceOf = async (options: { startupTimeoutMs?: number }) => {
    // never connected, so there is nothing to close
    const app = await Test.createTestingModule({
      imports: [ClusterTestingModule.forRoot({ nodes: ['127.0.0.1:1'], ...options })],
    }).compile();
    return { app, startupTimeoutMs: app.get(TestKeyspace).clientOptions.startupTimeoutMs };
  };
  const given = await keyspaceOf({ startupTimeoutMs: 200 });
  expect(given.startupTimeoutMs).toBe(200);
  await expect(given.app.init()).rejects.toThrow(TopologyError);
  const { startupTimeoutMs } = await keyspaceOf({ startupTimeoutMs: undefined });
  // what Jest gives a test, if nobody says otherwise
  expect(startupTimeoutMs).toBeLessThan(5_000);
});
