import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { ClusterClient, ClusterModule, Subscribe } from 'keyslot';
import { ClusterErrorFilter } from '../../sample-app/src/http/cluster-error.filter.js';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();

@Injectable()
class Handlers {
  constructor(private readonly cluster: ClusterClient) {}

  @Subscribe(`${keyspace}fails`)
  async fails(): Promise<void> {
    await this.cluster.mget('a', 'b', 'c');
  }
}

@Controller()
class Requests {
  constructor(private readonly cluster: ClusterClient) {}

  @Get('fails')
  async fails(): Promise<unknown> {
    return this.cluster.mget('a', 'b', 'c');
  }
}

@Module({
  imports: [ClusterModule.forRoot({ nodes })],
  controllers: [Requests],
  providers: [Handlers, { provide: APP_FILTER, useClass: ClusterErrorFilter }],
})
class AppModule {}

it('the filter of the sample application answers requests, and leaves errors of messages to the log', async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const logger = new RecordedLog();
  const app = module.createNestApplication({ logger });
  try {
    await app.listen(0, '127.0.0.1');
    const answer = await fetch(`${await app.getUrl()}/fails`);
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { statusCode: 500, code: 'CROSS_SLOT', message: 'Internal server error' },
    ]);
    const before = logger.lines.length;
    await app.get(ClusterClient).pubsub.publish(`${keyspace}fails`, 1);
    await eventually(() =>
      expect(logger.lines.slice(before).join('\n')).toMatch(/Handlers.*CrossSlotError|slot/),
    );
    expect(logger.text).not.toContain('is not a function');
  } finally {
    await app.close();
  }
});
