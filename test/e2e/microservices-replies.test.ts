import { jest } from '@jest/globals';
import { Controller, Logger, type Type } from '@nestjs/common';
import { MessagePattern, type IncomingResponse, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { ClusterClient } from 'keyslot';
import { ClusterClientProxy, ClusterTransport } from 'keyslot/microservices';
import { setTimeout as sleep } from 'node:timers/promises';
import { from, lastValueFrom, NEVER, toArray } from 'rxjs';
import { eventually, sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;
const running: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close();
  jest.restoreAllMocks();
});

/** A service of one controller, and a client for its callers. */
async function service(controller: Type): Promise<{ transport: ClusterTransport; client: ClusterClient }> {
  const client = new ClusterClient({ nodes });
  running.push(client);
  const transport = new ClusterTransport({ connection: { nodes } });
  const module = await Test.createTestingModule({ controllers: [controller] }).compile();
  const app = module.createNestMicroservice<MicroserviceOptions>({ strategy: transport, logger: false });
  running.push(app);
  await app.listen();
  return { transport, client };
}

it('the values of a stream keep their order, however long an asynchronous deserializer takes', async () => {
  @Controller()
  class Rows {
    @MessagePattern(named('rows'))
    rows(): unknown {
      return from([0, 1, 2, 3, 4, 5]);
    }
  }
  const { client } = await service(Rows);
  const deserializer = {
    async deserialize(packet: IncomingResponse): Promise<IncomingResponse> {
      // the earlier ones take longer, and the end of the stream takes no time
      const { response } = packet as { response?: number };
      if (response !== undefined) await sleep(60 - 10 * response);
      return packet;
    },
  };
  const proxy = new ClusterClientProxy({ client, deserializer });
  running.push(proxy);
  const rows = await lastValueFrom(proxy.send(named('rows'), 1).pipe(toArray()));
  expect(rows).toEqual([0, 1, 2, 3, 4, 5]);
});

it('a reply that a deserializer rejects does not delay the others', async () => {
  @Controller()
  class Rows {
    @MessagePattern(named('some'))
    rows(): unknown {
      return from([0, 1, 2]);
    }
  }
  const { client } = await service(Rows);
  const deserializer = {
    async deserialize(packet: IncomingResponse): Promise<IncomingResponse> {
      if ((packet as { response?: number }).response === 1) throw new TypeError('none of ours');
      return packet;
    },
  };
  const proxy = new ClusterClientProxy({ client, deserializer });
  running.push(proxy);
  expect(await lastValueFrom(proxy.send(named('some'), 1).pipe(toArray()))).toEqual([0, 2]);
});

it('a request that never ends is abandoned when its service is closed, and this is logged', async () => {
  let asked = 0;
  @Controller()
  class Slow {
    @MessagePattern(named('endless'))
    endless(): unknown {
      asked++;
      return NEVER;
    }
  }
  const warnings: unknown[] = [];
  jest.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => void warnings.push(message));
  const { transport, client } = await service(Slow);
  const proxy = new ClusterClientProxy({ client });
  running.push(proxy);
  const request = proxy.send(named('endless'), 1).subscribe({ error: () => {} });
  await eventually(() => expect(asked).toBe(1));
  await transport.close();
  expect(warnings).toEqual(['Closed with 1 messages unfinished']);
  request.unsubscribe();
});
