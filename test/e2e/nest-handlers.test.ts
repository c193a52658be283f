import {
  BadRequestException,
  Catch,
  Controller,
  Inject,
  Injectable,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  createParamDecorator,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type ModuleMetadata,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, REQUEST } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { tap, type Observable } from 'rxjs';
import {
  Channel,
  ClusterClient,
  ClusterHandlers,
  type ClusterMessage,
  ClusterModule,
  getClusterToken,
  InvalidArgumentError,
  isClusterMessageContext,
  Message,
  PatternSubscribe,
  Payload,
  Subscribe,
  UnknownClusterError,
} from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;

/** What the handlers of a test have noted. */
let seen: unknown[];
let log: RecordedLog;
let app: TestingModule | undefined;

beforeEach(() => {
  seen = [];
  log = new RecordedLog();
});

afterEach(async () => {
  await app?.close();
  app = undefined;
});

/** Starts an application with a cluster and these parts. */
async function start({ imports = [], ...parts }: ModuleMetadata): Promise<void> {
  app = await Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes }), ...imports], ...parts })
    .setLogger(log)
    .compile();
  await app.init();
}

async function publish(channel: string, payload: unknown, cluster?: string): Promise<void> {
  await app!
    .get<ClusterClient>(getClusterToken(cluster), { strict: false })
    .pubsub.publish(named(channel), payload);
}

/** Waits until exactly this was noted. */
const noted = (...expected: unknown[]): Promise<void> => eventually(() => expect(seen).toEqual(expected));

describe('a handler', () => {
  it('is subscribed when the application has started, and receives the parameters that it declares', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('created'))
      onCreated(
        @Payload() order: object,
        @Channel() channel: string,
        @Message() message: ClusterMessage,
      ): void {
        seen.push(order, channel, message.receivedAt > 0);
      }
      @Subscribe(named('bare'))
      onBare(...args: unknown[]): void {
        seen.push(args.length, args[0]);
      }
    }
    await start({ providers: [Orders] });
    // at once: nothing of it may be missed
    await publish('created', { id: 7 });
    await noted({ id: 7 }, named('created'), true);
    await publish('bare', 'payload');
    await noted({ id: 7 }, named('created'), true, 2, 'payload');
    expect(log.text).toContain(`Mapped channel {${named('created')}} to Orders.onCreated`);
  });

  it('can have several decorators, each with several channels', async () => {
    @Injectable()
    class Orders {
      @Subscribe([named('a'), named('b')])
      @Subscribe(named('c'))
      on(@Channel() channel: string): void {
        seen.push(channel);
      }
    }
    await start({ providers: [Orders] });
    for (const channel of ['a', 'b', 'c']) await publish(channel, null);
    await eventually(() => expect(seen.toSorted()).toEqual(['a', 'b', 'c'].map(named)));
  });

  it('is called once if its class is provided under several tokens, and once per separate instance', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('alias'))
      on(): void {
        seen.push(this);
      }
    }
    const providers = [
      Orders,
      { provide: 'alias', useExisting: Orders },
      { provide: 'factory', useFactory: (orders: Orders) => orders, inject: [Orders] },
      { provide: 'second', useClass: Orders },
    ];
    await start({ providers });
    await publish('alias', null);
    await publish('alias', null);
    await eventually(() => expect(seen).toHaveLength(4));
    expect(new Set(seen)).toEqual(new Set([app!.get(Orders), app!.get('second')]));
  });

  it('is inherited, unless it is overridden without a decorator', async () => {
    class Base {
      @Subscribe(named('inherited'))
      kept(@Payload() payload: string): void {
        seen.push(payload);
      }
      @Subscribe(named('inherited'))
      overridden(): void {
        seen.push('base');
      }
    }
    @Injectable()
    class Orders extends Base {
      override overridden(): void {
        seen.push('child');
      }
    }
    await start({ providers: [Orders] });
    await publish('inherited', 'one');
    await publish('inherited', 'two');
    await noted('one', 'two');
  });

  it('subscribes to the cluster that it names', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('named'), { cluster: 'other', codec: 'text' })
      on(@Payload() payload: string): void {
        seen.push(payload);
      }
    }
    await start({ imports: [ClusterModule.forRoot({ nodes, name: 'other' })], providers: [Orders] });
    const pubsub = app!.get<ClusterClient>(getClusterToken('other')).pubsub;
    await pubsub.publish(named('named'), 'plain', { codec: 'text' });
    await noted('plain');
  });

  it('keeps the application from starting if it names an unknown cluster', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('x'), { cluster: 'nowhere' })
      on(): void {}
    }
    const error = await start({ providers: [Orders] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnknownClusterError);
    expect(String(error)).toMatch(/Orders\.on.*'nowhere'/);
    expect(app!.get(ClusterClient).status).toBe('end');
    app = undefined;
  });

  it.each([
    ['no channel', () => Subscribe([])],
    ['what is not a name', () => Subscribe(7 as never)],
    ['an impossible concurrency', () => Subscribe('a', { concurrency: 0 })],
    ['an order there is not', () => Subscribe('a', { order: 'any' as 'none' })],
    ['a buffer of nothing', () => Subscribe('a', { buffer: { size: 0 } })],
    ['a buffer that fails', () => Subscribe('a', { buffer: { whenFull: 'error' as 'dropOldest' } })],
    ['a static method', () => Subscribe('a')(Date, 'on', { value: () => {} })],
    ['a property', () => Subscribe('a')({}, 'on', undefined as never)],
  ])('rejects %s', (_what, decorate) => {
    expect(decorate).toThrow(InvalidArgumentError);
  });
});

describe('guards, pipes, interceptors and filters of a handler', () => {
  @Injectable()
  class EvenOnly implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      seen.push(`guard ${isClusterMessageContext(context)}`);
      return context.getArgByIndex<number>(0) % 2 === 0;
    }
  }

  @Injectable()
  class Around implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      seen.push('before');
      return next.handle().pipe(tap((result) => seen.push(`after ${String(result)}`)));
    }
  }

  @Injectable()
  class Doubled implements PipeTransform {
    transform(value: number): number {
      return value * 2;
    }
  }

  @Catch()
  class Noting implements ExceptionFilter {
    catch(error: Error, host: ArgumentsHost): string {
      seen.push(`filter ${error.message} ${host.getArgByIndex<ClusterMessage>(1).channel}`);
      return 'dealt with';
    }
  }

  const ofParity = createParamDecorator((_data, context: ExecutionContext) =>
    context.getArgByIndex<number>(0) % 4 === 0 ? 'doubly even' : 'even',
  );

  abstract class Numbers {
    abstract onNumber(n: number, parity: string): string;
  }

  const decorated = (channel: string): Type<Numbers> => {
    class Decorated extends Numbers {
      @Subscribe(named(channel))
      @UseGuards(EvenOnly)
      @UseInterceptors(Around)
      @UseFilters(Noting)
      onNumber(@Payload(ParseIntPipe, Doubled) n: number, @ofParity() parity: string): string {
        seen.push(n, parity);
        return 'done';
      }
    }
    return Decorated;
  };

  const providers = decorated('provider');
  Injectable()(providers);
  const controllers = decorated('controller');
  Controller()(controllers);

  it.each([
    ['provider', { providers: [providers] }],
    ['controller', { controllers: [controllers] }],
  ])('is applied to a %s, as it is to a request', async (channel, parts) => {
    await start(parts);
    await publish(channel, 8);
    await noted('guard true', 'before', 16, 'doubly even', 'after done');
    seen.length = 0;
    await publish(channel, 7);
    await noted('guard true', `filter Forbidden resource ${named(channel)}`);
    seen.length = 0;
    await publish(channel, 'not a number');
    await eventually(() => expect(String(seen.at(-1))).toMatch(/filter/));
  });

  it('can be global', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('global'))
      on(@Payload() n: number): void {
        seen.push(n);
      }
    }
    await start({ providers: [Orders, { provide: APP_GUARD, useClass: EvenOnly }] });
    await publish('global', 1);
    await publish('global', 2);
    await noted('guard true', 'guard true', 2);
  });
});

describe('an error in a handler', () => {
  it('is logged without the payload, and the next message is handled', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('failing'))
      async on(@Payload() payload: string): Promise<void> {
        await turn();
        if (payload === 'top secret') throw new RangeError('cannot be');
        seen.push(payload);
      }
      @Subscribe(named('failing'))
      throwing(@Payload() payload: string): void {
        // oxlint-disable-next-line typescript/only-throw-error -- users do
        throw payload;
      }
      @Subscribe(named('failing'))
      refusing(): void {
        throw new BadRequestException('no');
      }
    }
    await start({ providers: [Orders] });
    await publish('failing', 'top secret');
    await publish('failing', 'fine');
    await noted('fine');
    await eventually(() => {
      expect(log.text).toContain(`Orders.on failed on a message of ${named('failing')}: cannot be`);
      expect(log.text).toContain('RangeError: cannot be\n');
      expect(log.text).toContain('Orders.throwing failed');
      expect(log.text).toContain('Orders.refusing failed');
    });
    expect(log.text).not.toContain('secret');
  });

  it('is not attributed to the handler if the payload cannot be decoded', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('garbled'))
      on(@Payload() payload: unknown): void {
        seen.push(payload);
      }
    }
    await start({ providers: [Orders] });
    await app!.get(ClusterClient).pubsub.publish(named('garbled'), '{ secret', { codec: 'text' });
    await publish('garbled', 'fine');
    await noted('fine');
    await eventually(() => expect(log.text).toContain(named('garbled')));
    expect(log.text).not.toContain('secret');
  });
});

describe('a request-scoped or transient handler', () => {
  it('has a separate instance for each message, with the message as the request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerMessage {
      constructor(@Inject(REQUEST) readonly message: ClusterMessage) {}
    }
    @Injectable()
    class Orders {
      constructor(private readonly scoped: PerMessage) {}
      @Subscribe(named('scoped'))
      on(@Payload() payload: string): void {
        seen.push(payload === this.scoped.message.payload, this);
      }
    }
    @Controller()
    class OrdersController extends Orders {}
    await start({ providers: [Orders, PerMessage], controllers: [OrdersController] });
    await publish('scoped', 'one');
    await publish('scoped', 'two');
    await eventually(() => expect(seen.filter((item) => item === true)).toHaveLength(4));
    const instances = seen.filter((item) => typeof item === 'object');
    expect(new Set(instances).size).toBe(4);
  });

  it('is created for each message if it is transient', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Orders {
      readonly made = true;
      @Subscribe(named('transient'))
      on(): void {
        seen.push(this.made);
      }
    }
    await start({ providers: [Orders] });
    await publish('transient', null);
    await noted(true);
  });

  it('can have request-scoped guards', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Never implements CanActivate {
      constructor(@Inject(REQUEST) private readonly message: ClusterMessage) {}
      canActivate(): boolean {
        seen.push(this.message.payload);
        return false;
      }
    }
    @Injectable()
    class Orders {
      @Subscribe(named('scoped-guard'))
      @UseGuards(Never)
      on(): void {
        seen.push('called');
      }
    }
    await start({ providers: [Orders] });
    await publish('scoped-guard', 'asked');
    await eventually(() => expect(log.text).toContain('Orders.on failed'));
    expect(seen).toEqual(['asked']);
  });
});

describe('concurrency', () => {
  /** Handlers that work until they are released. */
  function slow(concurrency?: number) {
    const release: (() => void)[] = [];
    @Injectable()
    class Orders {
      @Subscribe(named('slow'), { concurrency })
      async on(@Payload() n: number): Promise<void> {
        seen.push(`begin ${n}`);
        await new Promise<void>((resolve) => release.push(resolve));
        seen.push(`end ${n}`);
      }
    }
    return { Orders, release };
  }

  it('is one message at a time by default, in order', async () => {
    const { Orders, release } = slow();
    await start({ providers: [Orders] });
    await publish('slow', 1);
    await publish('slow', 2);
    await noted('begin 1');
    release[0]();
    await noted('begin 1', 'end 1', 'begin 2');
    release[1]();
    await noted('begin 1', 'end 1', 'begin 2', 'end 2');
  });

  it('is as high as the decorator says', async () => {
    const { Orders, release } = slow(2);
    await start({ providers: [Orders] });
    for (const n of [1, 2, 3]) await publish('slow', n);
    await noted('begin 1', 'begin 2');
    release[1]();
    await noted('begin 1', 'begin 2', 'end 2', 'begin 3');
    for (const one of release) one();
  });

  it('keeps the order within each channel on request', async () => {
    const release = new Map<string, () => void>();
    @Injectable()
    class Orders {
      @PatternSubscribe(named('lane.*'), { concurrency: 2, order: 'channel' })
      async on(@Payload() text: string): Promise<void> {
        seen.push(`begin ${text}`);
        await new Promise<void>((resolve) => release.set(text, resolve));
        seen.push(`end ${text}`);
      }
    }
    await start({ providers: [Orders] });
    // one connection to subscribe and one node to publish at, so in this order
    for (const text of ['a1', 'a2', 'b1', 'b2', 'c1']) await publish(`lane.{slot}.${text[0]}`, text);
    await noted('begin a1', 'begin b1');
    release.get('b1')!();
    await noted('begin a1', 'begin b1', 'end b1', 'begin b2');
    release.get('a1')!();
    await noted('begin a1', 'begin b1', 'end b1', 'begin b2', 'end a1', 'begin a2');
    for (const text of ['a2', 'b2', 'c1']) {
      await eventually(() => release.has(text));
      release.get(text)!();
    }
    await eventually(() => expect(seen).toHaveLength(10));
  });

  it('is reported by ClusterHandlers', async () => {
    const { Orders, release } = slow();
    @Injectable()
    class Picky {
      @Subscribe(named('slow'), { buffer: { size: 1, whenFull: 'dropOldest' } })
      async on(@Payload() n: number): Promise<void> {
        seen.push(`picked ${n}`);
        await new Promise<void>((resolve) => release.push(resolve));
        throw new Error('too picky');
      }
    }
    await start({ providers: [Orders, Picky] });
    for (const n of [1, 2, 3, 4]) await publish('slow', n);
    const { statistics } = app!.get(ClusterHandlers);
    await eventually(() => expect(app!.get(ClusterHandlers).statistics[0].waiting).toBe(3));
    expect(statistics).toHaveLength(2);
    while (seen.filter((line) => String(line).startsWith('end')).length < 4 || release.length > 0) {
      for (const one of release.splice(0)) one();
      await turn();
    }
    const names = [named('slow')];
    await eventually(() =>
      expect(app!.get(ClusterHandlers).statistics).toEqual([
        { handler: 'Orders.on', names, handled: 4, failed: 0, dropped: 0, waiting: 0 },
        { handler: 'Picky.on', names, handled: 2, failed: 2, dropped: 2, waiting: 0 },
      ]),
    );
    expect(seen.filter((line) => String(line).startsWith('picked'))).toEqual(['picked 1', 'picked 4']);
  });

  it('drops messages when too many wait, and logs it', async () => {
    const { Orders, release } = slow(10);
    await start({ providers: [Orders] });
    await Promise.all(Array.from({ length: 10_015 }, (_, n) => publish('slow', n)));
    await eventually(() => expect(log.text).toContain('warn ClusterModule Orders.on is too slow'));
    // whatever is begun while others are let go of
    while (seen.length < 20_020) {
      for (const one of release.splice(0)) one();
      await turn();
    }
    await app!.close();
    expect(log.text).toContain('Orders.on has had 5 messages dropped');
  });

  it('lets handlers finish received messages when the application ends, with a working client', async () => {
    const { Orders, release } = slow();
    @Injectable()
    class Keeper {
      constructor(private readonly cluster: ClusterClient) {}
      @Subscribe(named('slow'))
      async on(@Payload() n: number): Promise<void> {
        await turn();
        seen.push(`${await this.cluster.ping()} ${n}`);
      }
    }
    await start({ providers: [Orders, Keeper] });
    await publish('slow', 1);
    await publish('slow', 2);
    await eventually(() => expect(seen).toHaveLength(3));
    const cluster = app!.get(ClusterClient);
    const closed = app!.close();
    await eventually(() => release.length === 1);
    release[0]();
    await eventually(() => release.length === 2);
    expect(cluster.status).toBe('ready');
    release[1]();
    await closed;
    expect(seen).toEqual(expect.arrayContaining(['end 1', 'end 2', 'PONG 1', 'PONG 2']));
    expect(cluster.status).toBe('end');
  });
});

it('subscribes once a lazily connected cluster becomes available', async () => {
  @Injectable()
  class Orders {
    @Subscribe(named('late'))
    on(@Payload() payload: string): void {
      seen.push(payload);
    }
  }
  const [{ host, port }] = nodes;
  const door = createServer((socket) => {
    const onward = connect(port, host);
    pipeline(socket, onward, socket, () => {});
  });
  const listen = async (at: number): Promise<number> => {
    await once(door.listen(at, '127.0.0.1'), 'listening');
    return (door.address() as AddressInfo).port;
  };
  const closedDoor = await listen(0);
  await new Promise((resolve) => door.close(resolve));
  const late = ClusterModule.forRoot({
    nodes: [`127.0.0.1:${closedDoor}`],
    lazyConnect: true,
    startupTimeoutMs: 200,
  });
  app = await Test.createTestingModule({ imports: [late], providers: [Orders] })
    .setLogger(log)
    .compile();
  await app.init();
  await eventually(() => expect(log.text).toContain('warn ClusterModule Orders.on waits for its cluster'));
  await listen(closedDoor);
  await eventually(async () => {
    await publish('late', 'here');
    expect(seen).toContain('here');
  });
  await app.close();
  await new Promise((resolve) => door.close(resolve));
});

it('keeps the handlers of two applications in one process separate', async () => {
  const application = async (name: string): Promise<TestingModule> => {
    @Injectable()
    class Orders {
      @Subscribe(named('both'))
      on(@Payload() payload: string): void {
        seen.push(`${name} ${payload}`);
      }
    }
    const made = await Test.createTestingModule({
      imports: [ClusterModule.forRoot({ nodes })],
      providers: [Orders],
    })
      .setLogger(log)
      .compile();
    return made.init();
  };
  const first = await application('first');
  app = await application('second');
  await publish('both', 'one');
  await eventually(() => expect(seen.toSorted()).toEqual(['first one', 'second one']));
  await first.close();
  await publish('both', 'two');
  await eventually(() => expect(seen).toContain('second two'));
  expect(seen).not.toContain('first two');
});
