import { jest } from '@jest/globals';
import {
  Catch,
  Controller,
  Logger,
  UseFilters,
  UseInterceptors,
  type ExceptionFilter,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import {
  catchError,
  firstValueFrom,
  interval,
  lastValueFrom,
  map,
  of,
  take,
  throwError,
  toArray,
} from 'rxjs';
import { ClusterClient } from 'keyslot';
import { ClusterClientProxy, ClusterTransport, type ClusterContext } from 'keyslot/microservices';
import { LocalCluster } from 'keyslot/testing';
import { eventually, sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;
const running: { close(): Promise<unknown> }[] = [];
let seen: unknown[] = [];

beforeEach(() => void (seen = []));
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close();
  jest.restoreAllMocks();
});

type Options = Partial<ConstructorParameters<typeof ClusterTransport>[0]>;
type Caller = ClusterClientProxy;

/** A service of one controller, with a client of its own. */
async function service(
  controller: Type,
  options: Options = {},
  hooks: (transport: ClusterTransport) => void = () => {},
): Promise<ClusterTransport> {
  const transport = new ClusterTransport({ connection: { nodes }, ...options });
  hooks(transport);
  const module = await Test.createTestingModule({ controllers: [controller] }).compile();
  const app = module.createNestMicroservice<MicroserviceOptions>({ strategy: transport, logger: false });
  running.push(app);
  await app.listen();
  return transport;
}

function caller(options: ConstructorParameters<typeof ClusterClientProxy>[0]): Caller {
  const proxy = new ClusterClientProxy(options);
  running.push(proxy);
  return proxy;
}

const answer = (proxy: Caller, pattern: string, data: unknown = 1): Promise<unknown> =>
  firstValueFrom(proxy.send(named(pattern), data).pipe(catchError((error: unknown) => of({ error }))));

const INTERNAL = { error: { status: 'error', message: 'Internal server error' } };

@Catch()
class BrokenFilter implements ExceptionFilter {
  catch(error: { response: { data: unknown[] } }): never {
    return error.response.data.map(String) as never;
  }
}

@Catch()
class LateBrokenFilter implements ExceptionFilter {
  catch(): unknown {
    return throwError(() => {
      throw new TypeError('a fault of the filter');
    });
  }
}

/** Gives an error that tells more than JSON holds of errors. */
@Catch()
class DetailedFilter implements ExceptionFilter {
  catch(): unknown {
    return throwError(() => Object.assign(new Error('refused'), { reason: 'sold out' }));
  }
}

class BrokenInterceptor implements NestInterceptor {
  intercept(): never {
    throw undefined as unknown as Error;
  }
}

@Controller()
class Breakable {
  @UseFilters(BrokenFilter)
  @MessagePattern(named('filter'))
  filter(): never {
    throw new Error('refused');
  }

  @UseFilters(LateBrokenFilter)
  @MessagePattern(named('late-filter'))
  lateFilter(): never {
    throw new Error('refused');
  }

  @UseFilters(BrokenFilter)
  @UseInterceptors(BrokenInterceptor)
  @MessagePattern(named('interceptor'))
  interceptor(): void {}

  @UseFilters(BrokenFilter)
  @EventPattern(named('event'))
  event(_data: unknown): void {
    throw new Error('refused');
  }

  @MessagePattern(named('bigint'))
  bigint(): object {
    return { count: 1n };
  }

  @MessagePattern(named('promise'))
  promise(): object {
    return { later: Promise.resolve(1), counts: new Map([['a', 1]]) };
  }

  @UseFilters(DetailedFilter)
  @MessagePattern(named('detailed'))
  detailed(): never {
    throw new Error('refused');
  }

  @MessagePattern(named('ok'))
  ok(): string {
    return 'ok';
  }
}

describe('failures in a service', () => {
  let unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  let log: jest.SpiedFunction<Logger['error']>;

  beforeEach(() => {
    unhandled = [];
    process.on('unhandledRejection', onUnhandled);
    log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
  });
  afterEach(() => void process.off('unhandledRejection', onUnhandled));

  it('in filters, interceptors and replies are logged, and answered with an error', async () => {
    await service(Breakable);
    const proxy = caller({ connection: { nodes } });
    expect(await answer(proxy, 'filter')).toEqual(INTERNAL);
    expect(await answer(proxy, 'interceptor')).toEqual(INTERNAL);
    expect(await answer(proxy, 'bigint')).toEqual(INTERNAL);
    expect(await answer(proxy, 'promise')).toEqual(INTERNAL);
    expect(await answer(proxy, 'detailed')).toEqual({ error: { reason: 'sold out' } });
    const forgotten = proxy.send(named('ok'), { user: Promise.resolve('ada') });
    await expect(firstValueFrom(forgotten)).rejects.toThrow('A packet must be JSON');
    expect(await answer(proxy, 'late-filter')).toEqual(INTERNAL);
    await firstValueFrom(proxy.emit(named('event'), 1), { defaultValue: 0 });
    expect(await answer(proxy, 'ok')).toBe('ok');
    await eventually(() =>
      expect(log.mock.calls.map(([text]) => String(text))).toEqual(
        expect.arrayContaining([
          expect.stringContaining(`A message of ${named('filter')} was not handled`),
          expect.stringContaining(`A message of ${named('event')} was not handled`),
          expect.stringContaining('could not be written: A packet must be JSON'),
        ]),
      ),
    );
    expect(unhandled).toEqual([]);
  });

  it('in a serializer, a deserializer or a hook do not end the process', async () => {
    const broken = new Set<string>();
    const breaks = (part: string): void => {
      if (broken.has(part)) throw undefined as unknown as Error;
    };
    const options: Options = {
      serializer: {
        serialize: (value: unknown) => {
          breaks('serializer');
          return value;
        },
      },
      deserializer: {
        deserialize: (value: unknown) => {
          breaks('deserializer');
          return value as never;
        },
      },
    };
    await service(Breakable, options, (transport) => {
      transport.setOnProcessingStartHook((_id, _context, done) => {
        breaks('start hook');
        // not returned, as its type allows
        void done();
      });
      transport.setOnProcessingEndHook(() => {
        seen.push('end');
        breaks('end hook');
      });
    });
    const proxy = caller({ connection: { nodes } });
    expect(await answer(proxy, 'filter')).toEqual(INTERNAL);
    for (const part of ['serializer', 'deserializer', 'start hook', 'end hook']) {
      broken.add(part);
      const before = log.mock.calls.length;
      const asked = proxy.send(named('ok'), 1).subscribe({ error: () => {} });
      await eventually(() => expect(log.mock.calls.length).toBeGreaterThan(before));
      asked.unsubscribe();
      broken.clear();
      expect(await answer(proxy, 'ok')).toBe('ok');
    }
    expect(unhandled).toEqual([]);
  });
});

describe('hooks and metadata', () => {
  it('apply to requests and to events', async () => {
    @Controller()
    class Traced {
      @MessagePattern(named('traced'))
      traced(@Ctx() context: unknown): unknown {
        return (context as ClusterContext).getMetadata();
      }

      @MessagePattern(named('untraced'))
      untraced(): never {
        throw new Error('refused');
      }

      @EventPattern(named('told'))
      told(_data: unknown): void {}
    }
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    await service(Traced, {}, (transport) => {
      transport.setOnProcessingStartHook((_id, context, done) => {
        seen.push(`start ${(context as ClusterContext).getChannel()}`);
        return done();
      });
      transport.setOnProcessingEndHook((_id, context) => {
        seen.push(`end ${(context as ClusterContext).getChannel()}`);
      });
    });
    const proxy = caller({ connection: { nodes } });
    proxy.setOnDispatchHook((packet) => void (packet.metadata = { trace: 't1' }));
    expect(await answer(proxy, 'traced')).toEqual({ trace: 't1' });
    await answer(proxy, 'untraced');
    await firstValueFrom(proxy.emit(named('told'), 1), { defaultValue: 0 });
    const both = (name: string): string[] => [`start ${named(name)}`, `end ${named(name)}`];
    await eventually(() => expect(seen).toEqual([...both('traced'), ...both('untraced'), ...both('told')]));
  });
});

describe('several instances', () => {
  it('answer with one stream: the caller accepts only the first instance that answers', async () => {
    let instances = 0;
    @Controller()
    class Rows {
      private readonly me = instances++;

      @MessagePattern(named('rows'))
      rows(): unknown {
        return interval(5).pipe(
          take(20),
          map((row) => [row, this.me]),
        );
      }
    }
    await Promise.all([service(Rows), service(Rows), service(Rows)]);
    const proxy = caller({ connection: { nodes } });
    const rows = (await lastValueFrom(proxy.send(named('rows'), 1).pipe(toArray()))) as [number, number][];
    expect(rows.map(([row]) => row)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(new Set(rows.map(([, instance]) => instance)).size).toBe(1);
  });
});

describe('a pending request when its service is closed', () => {
  it('is answered first', async () => {
    const client = new ClusterClient({ nodes });
    running.push(client);
    let go = (): void => {};
    @Controller()
    class Slow {
      @MessagePattern(named('slow'))
      async slow(): Promise<unknown> {
        seen.push('asked');
        await new Promise<void>((resolve) => (go = resolve));
        return transport.unwrap<ClusterClient>().set(named('written'), 'x');
      }
    }
    const transport = await service(Slow);
    const proxy = caller({ client });
    const asked = answer(proxy, 'slow');
    await eventually(() => expect(seen).toEqual(['asked']));
    const closed = transport.close().then(() => seen.push('closed'));
    go();
    expect(await asked).toBe('OK');
    await closed;
    expect(seen).toEqual(['asked', 'closed']);
  });
});

describe('channel permissions that are revoked for a while', () => {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await LocalCluster.start({ replicasPerPrimary: 0, users: { app: 'on >pw ~* &* +@all' } });
  });
  afterAll(() => cluster.stop());

  const allow = (...rules: string[]): Promise<unknown> =>
    Promise.all(cluster.nodes.map((node) => cluster.command(node, 'ACL', 'SETUSER', 'app', ...rules)));
  const connection = (): object => ({
    connection: { nodes: cluster.seeds, username: 'app', password: 'pw', heartbeatMs: 200 },
  });
  const admin = (): object => ({ connection: { nodes: cluster.seeds } });
  const statusesOf = (one: Pick<ClusterTransport, 'status'>): string[] => {
    const statuses: string[] = [];
    one.status.subscribe((status) => statuses.push(status));
    return statuses;
  };

  it('fail a caller at once, and only while they are revoked', async () => {
    await service(Breakable, admin());
    const proxy = caller(connection());
    const statuses = statusesOf(proxy as never);
    expect(await answer(proxy, 'ok')).toBe('ok');
    await allow('resetchannels', `&${keyspace}*`);
    await eventually(() => expect(statuses).toEqual(['connected', 'disconnected']), { timeoutMs: 30_000 });
    await expect(proxy.connect()).rejects.toMatchObject({ code: 'NOPERM' });
    expect(await answer(proxy, 'ok')).toMatchObject({ error: { code: 'NOPERM' } });
    await allow('allchannels');
    expect(await answer(proxy, 'ok')).toBe('ok');
    expect(statuses).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('do not leave a service without its subscriptions', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    const transport = await service(Breakable, connection());
    const statuses = statusesOf(transport);
    const proxy = caller(admin());
    expect(await answer(proxy, 'ok')).toBe('ok');
    // the other subscriptions are left alone
    await allow('resetchannels', '&keyslot.reply.*', `&${named('bigint')}`);
    await eventually(() => expect(statuses).toEqual(['connected', 'reconnecting']), { timeoutMs: 30_000 });
    expect(await answer(proxy, 'bigint')).toEqual(INTERNAL);
    await allow('allchannels');
    await eventually(() => expect(statuses).toEqual(['connected', 'reconnecting', 'connected']), {
      timeoutMs: 30_000,
    });
    expect(await answer(proxy, 'ok')).toBe('ok');
  });
});
