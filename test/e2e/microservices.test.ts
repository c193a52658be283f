import {
  Controller,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import {
  ClientsModule,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { join } from 'node:path';
import { catchError, firstValueFrom, from, lastValueFrom, of, timeout, toArray, type Observable } from 'rxjs';
import { ClusterClient, ClusterModule, InvalidArgumentError, OutcomeUnknownError } from 'keyslot';
import { ClusterClientProxy, ClusterContext, ClusterTransport } from 'keyslot/microservices';
import { LocalCluster } from 'keyslot/testing';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;
const running: { close(): Promise<unknown> }[] = [];
let seen: unknown[] = [];

beforeEach(() => void (seen = []));
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close();
});

@Injectable()
class EvenOnly implements CanActivate {
  canActivate(context: Parameters<CanActivate['canActivate']>[0]): boolean {
    return context.switchToRpc().getData<number>() % 2 === 0;
  }
}

@Controller()
class Numbers {
  @MessagePattern(named('sum'))
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0);
  }

  @MessagePattern(named('count'))
  count(@Payload() to: number): Observable<number> {
    return from(Array.from({ length: to }, (_, i) => i));
  }

  @MessagePattern(named('nothing'))
  nothing(): Observable<never> {
    return from([]);
  }

  @MessagePattern(named('fail'))
  fail(): never {
    throw new RpcException('as it was told');
  }

  @UseGuards(EvenOnly)
  @MessagePattern(named('even'))
  even(@Payload() number: number): number {
    return number;
  }

  @MessagePattern(named('never'))
  never(): Promise<never> {
    seen.push('asked');
    return new Promise(() => {});
  }

  @EventPattern(named('happened'))
  onHappened(@Payload() what: unknown, @Ctx() context: unknown): void {
    seen.push([what, ...(context as ClusterContext).getArgs()]);
  }

  @EventPattern(named('broken'))
  onBroken(@Payload() _what: unknown): void {
    seen.push('broken');
    throw new Error('broken');
  }
}

@Controller()
class Wild {
  @EventPattern(named('wild.*'))
  onWild(@Payload() what: unknown, @Ctx() context: unknown): void {
    seen.push([what, ...(context as ClusterContext).getArgs()]);
  }

  @MessagePattern(named('ask.*'))
  ask(@Payload() what: string, @Ctx() context: ClusterContext): string {
    return `${what} by ${context.getChannel()}`;
  }
}

type Options = ConstructorParameters<typeof ClusterTransport>[0];

/** A service with these handlers, and a proxy to call it. */
async function serve(
  controller: Type,
  options: Omit<Options, 'client'> = {},
  at = nodes,
): Promise<ClientProxy> {
  @Module({
    imports: [
      ClusterModule.forRoot({ nodes: at, heartbeatMs: 200 }),
      ClientsModule.registerAsync([
        {
          name: 'SERVICE',
          useFactory: (client: ClusterClient) => ({
            customClass: ClusterClientProxy,
            options: { client, sharded: options.sharded },
          }),
          inject: [ClusterClient],
        },
      ]),
    ],
    controllers: [controller],
  })
  class AppModule {}
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = module.createNestApplication({ logger: false });
  running.push(app);
  app.connectMicroservice<MicroserviceOptions>({
    strategy: new ClusterTransport({ client: app.get(ClusterClient), ...options }),
  });
  await app.startAllMicroservices();
  await app.init();
  return app.get<ClientProxy>('SERVICE');
}

describe.each([{ sharded: false }, { sharded: true }])('a service over pub/sub, %j', (options) => {
  it('answers requests with one value or with many', async () => {
    const proxy = await serve(Numbers, options);
    expect(await firstValueFrom(proxy.send(named('sum'), [1, 2, 3]))).toBe(6);
    expect(await lastValueFrom(proxy.send(named('count'), 5).pipe(toArray()))).toEqual([0, 1, 2, 3, 4]);
    expect(await lastValueFrom(proxy.send(named('nothing'), '').pipe(toArray()))).toEqual([]);
    const many = Array.from({ length: 500 }, (_, i) => firstValueFrom(proxy.send(named('sum'), [i, 1])));
    expect(await Promise.all(many)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  });

  it('passes errors to the caller', async () => {
    const proxy = await serve(Numbers, options);
    const failure = (pattern: string, data: unknown): Promise<unknown> =>
      firstValueFrom(proxy.send(named(pattern), data).pipe(catchError((error: unknown) => of(error))));
    expect(await failure('fail', '')).toMatchObject({ status: 'error', message: 'as it was told' });
    expect(await failure('even', 1)).toMatchObject({ message: 'Forbidden resource' });
    expect(await failure('even', 2)).toBe(2);
  });

  it('delivers events', async () => {
    const proxy = await serve(Numbers, options);
    await firstValueFrom(proxy.emit(named('broken'), 1), { defaultValue: 0 });
    // sharded channels of two shards have no common order
    await eventually(() => expect(seen).toEqual(['broken']));
    await firstValueFrom(proxy.emit(named('happened'), { id: 1 }), { defaultValue: 0 });
    await eventually(() =>
      expect(seen).toEqual(['broken', [{ id: 1 }, named('happened'), named('happened')]]),
    );
  });

  it('leaves a request without a listener unanswered', async () => {
    const proxy = await serve(Numbers, options);
    const asked = firstValueFrom(proxy.send(named('nobody'), 1).pipe(timeout(200)));
    await expect(asked).rejects.toThrow(/[Tt]imeout/);
  });
});

describe('a service', () => {
  it('supports channel patterns', async () => {
    const proxy = await serve(Wild, { wildcards: true });
    expect(await firstValueFrom(proxy.send(named('ask.me'), 'x'))).toBe(`x by ${named('ask.me')}`);
    await firstValueFrom(proxy.emit(named('wild.cat'), 1), { defaultValue: 0 });
    await eventually(() => expect(seen).toEqual([[1, named('wild.cat'), named('wild.*')]]));
  });

  it('accepts messages from publishers outside Nest, and replies even if they name no reply channel', async () => {
    const client = new ClusterClient({ nodes });
    running.push(client);
    await serve(Numbers);
    const replies: unknown[] = [];
    client.pubsub.channel(named('sum.reply')).subscribe(({ payload }) => replies.push(payload));
    await client.pubsub.ready();
    await client.pubsub.publish(named('happened'), 'plain', { codec: 'text' });
    await client.pubsub.publish(named('happened'), { some: 'object' });
    await client.pubsub.publish(named('sum'), { pattern: named('sum'), data: [4, 5], id: '1' });
    await eventually(() => {
      expect(seen.map((one) => (one as unknown[])[0])).toEqual(['plain', { some: 'object' }]);
      expect(replies).toContainEqual(expect.objectContaining({ id: '1', response: 9 }));
    });
  });

  it('can open its own connection, and closes it', async () => {
    const transport = new ClusterTransport({ connection: { nodes } });
    const module = await Test.createTestingModule({ controllers: [Numbers] }).compile();
    const service = module.createNestMicroservice<MicroserviceOptions>({
      strategy: transport,
      logger: false,
    });
    await service.listen();
    const proxy = new ClusterClientProxy({ connection: { nodes } });
    expect(await firstValueFrom(proxy.send(named('sum'), [1, 1]))).toBe(2);
    await proxy.close();
    await service.close();
    expect(proxy.unwrap().status).toBe('end');
    expect(transport.unwrap().status).toBe('end');
  });

  it('does not start without a cluster', async () => {
    const transport = new ClusterTransport({ connection: { nodes: ['127.0.0.1:1'], startupTimeoutMs: 200 } });
    const failure = await new Promise((resolve) => void transport.listen(resolve));
    expect(failure).toMatchObject({ code: 'NO_NODE_REACHABLE' });
    await transport.close();
  });

  it.each([
    [{}],
    [{ client: {} as ClusterClient }],
    [{ connection: { nodes: ['a:1'] }, client: {} as ClusterClient }],
    [{ connection: { nodes: ['a:1'] }, sharded: true, wildcards: true }],
  ])('rejects the options %j', (options: Options) => {
    expect(() => new ClusterTransport(options)).toThrow(InvalidArgumentError);
  });
});

describe('a caller', () => {
  it('receives an error if a reply may have been missed', async () => {
    const cluster = await LocalCluster.start({ replicasPerPrimary: 0 });
    try {
      const proxy = await serve(Numbers, {}, cluster.seeds);
      const asked = firstValueFrom(proxy.send(named('never'), 1)).catch((error: unknown) => error);
      await eventually(() => expect(seen).toEqual(['asked']));
      for (const node of cluster.nodes) await cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
      expect(await asked).toBeInstanceOf(OutcomeUnknownError);
      // the service may have lost its subscriptions as well
      await proxy.unwrap<ClusterClient>().pubsub.ready();
      expect(await firstValueFrom(proxy.send(named('sum'), [2, 2]))).toBe(4);
    } finally {
      await Promise.all(running.splice(0).map((one) => one.close()));
      await cluster.stop();
    }
  });

  it('does not wait forever when it is closed', async () => {
    const proxy = await serve(Numbers);
    const asked = firstValueFrom(proxy.send(named('never'), 1)).catch((error: unknown) => error);
    await eventually(() => expect(seen).toEqual(['asked']));
    await proxy.close();
    expect(await asked).toMatchObject({ code: 'CLIENT_CLOSED' });
  });
});

describe('docs/microservices.md', () => {
  const folder = snippetFolder();
  const given = process.env.REDIS_CLUSTER_NODES;

  afterAll(() => {
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  });

  it('shows a service and its caller', async () => {
    writeSnippets(snippetsOf('docs/microservices.md'), folder);
    expect(await typeFaults(folder, ['main.ts'])).toBe('');
    process.env.REDIS_CLUSTER_NODES = nodes.map(({ host, port }) => `${host}:${port}`).join();
    const { AppModule } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const app: INestApplication = module.createNestApplication({ logger: false });
    running.push(app);
    app.connectMicroservice<MicroserviceOptions>({
      strategy: new ClusterTransport({ client: app.get(ClusterClient) }),
    });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    expect(await (await fetch(`${await app.getUrl()}/sum`)).text()).toBe('6');
  });
});
