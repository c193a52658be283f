import {
  Controller,
  Inject,
  Injectable,
  Module,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type ModuleMetadata,
  type NestInterceptor,
} from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Observable } from 'rxjs';
import {
  Channel,
  ClusterClient,
  type ClusterMessage,
  ClusterModule,
  getClusterToken,
  type HandlerNames,
  InvalidArgumentError,
  isClusterMessageContext,
  KeyspaceEvent,
  Message,
  Pattern,
  PatternSubscribe,
  Payload,
  ShardedSubscribe,
  Subscribe,
  type SubscribeOptions,
  UnknownClusterError,
} from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;

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

async function start({ imports = [], ...parts }: ModuleMetadata): Promise<ClusterClient['pubsub']> {
  app = await Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes }), ...imports], ...parts })
    .setLogger(log)
    .compile();
  await app.init();
  return app.get(ClusterClient).pubsub;
}

const noted = (...expected: unknown[]): Promise<void> => eventually(() => expect(seen).toEqual(expected));

type Decorate = (names: HandlerNames, options?: SubscribeOptions) => MethodDecorator;

/** How each kind is subscribed to, and published. */
const KINDS: [string, Decorate, 'publish' | 'publishSharded'][] = [
  ['PatternSubscribe', PatternSubscribe, 'publish'],
  ['ShardedSubscribe', ShardedSubscribe, 'publishSharded'],
];

describe.each(KINDS)('@%s', (name, decorate, publish) => {
  it('is subscribed when the application has started, and keeps the order within a channel', async () => {
    @Injectable()
    class Rooms {
      @decorate(named('room'))
      async on(@Payload(ParseIntPipe) n: number, @Channel() channel: string): Promise<void> {
        await app!.get(ClusterClient).ping();
        seen.push(channel, n);
      }
    }
    const pubsub = await start({ providers: [Rooms] });
    for (const n of [1, 2, 3]) await pubsub[publish](named('room'), n);
    await noted(...[1, 2, 3].flatMap((n) => [named('room'), n]));
    expect(log.text).toMatch(/Mapped (pattern|sharded channel) \{.*room\} to Rooms\.on/);
  });

  it('accepts several names, and the options of @Subscribe', async () => {
    const release: (() => void)[] = [];
    @Injectable()
    class Rooms {
      @decorate([named('a'), named('b'), named('a')], { cluster: 'other', codec: 'text', concurrency: 2 })
      async on(@Payload() payload: string): Promise<void> {
        seen.push(payload);
        await new Promise<void>((resolve) => release.push(resolve));
      }
    }
    await start({ imports: [ClusterModule.forRoot({ nodes, name: 'other' })], providers: [Rooms] });
    const { pubsub } = app!.get<ClusterClient>(getClusterToken('other'));
    await pubsub[publish](named('a'), 'not JSON', { codec: 'text' });
    await eventually(() => expect(seen).toEqual(['not JSON']));
    await pubsub[publish](named('b'), 'nor this', { codec: 'text' });
    await noted('not JSON', 'nor this');
    for (const one of release) one();
  });

  it('supports guards, interceptors, pipes and filters', async () => {
    @Injectable()
    class PositiveOnly implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        seen.push(`guard ${isClusterMessageContext(context)}`);
        return context.getArgByIndex<number>(0) > 0;
      }
    }
    @Injectable()
    class Around implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
        seen.push('before');
        return next.handle();
      }
    }
    class Noting implements ExceptionFilter {
      catch(error: Error, host: ArgumentsHost): void {
        seen.push(`filter ${error.message} ${host.getArgByIndex<ClusterMessage>(1).channel}`);
      }
    }
    @Controller()
    class Rooms {
      @decorate(named('guarded'))
      @UseGuards(PositiveOnly)
      @UseInterceptors(Around)
      @UseFilters(Noting)
      on(@Payload(ParseIntPipe) n: number): void {
        seen.push(n);
      }
    }
    const pubsub = await start({ controllers: [Rooms] });
    await pubsub[publish](named('guarded'), 5);
    await noted('guard true', 'before', 5);
    await pubsub[publish](named('guarded'), -1);
    await noted('guard true', 'before', 5, 'guard true', `filter Forbidden resource ${named('guarded')}`);
  });

  it('logs an error, continues with the next message, and drains when the application ends', async () => {
    let release = (): void => {};
    @Injectable()
    class Rooms {
      @decorate(named('slow'))
      async on(@Payload() n: number): Promise<void> {
        if (n === 0) throw new RangeError('cannot be');
        seen.push(`begin ${n}`);
        await new Promise<void>((resolve) => (release = resolve));
        seen.push(`end ${n}`);
      }
    }
    const pubsub = await start({ providers: [Rooms] });
    for (const n of [0, 1]) await pubsub[publish](named('slow'), n);
    await noted('begin 1');
    expect(log.text).toContain(`Rooms.on failed on a message of ${named('slow')}: cannot be`);
    const closed = app!.close();
    release();
    await closed;
    expect(seen).toEqual(['begin 1', 'end 1']);
  });

  it('keeps the application from starting if it names an unknown cluster', async () => {
    @Injectable()
    class Rooms {
      @decorate(named('x'), { cluster: 'nowhere' })
      on(): void {}
    }
    const error = await start({ providers: [Rooms] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnknownClusterError);
    expect(String(error)).toContain(`@${name}() on Rooms.on`);
    app = undefined;
  });
});

describe('@Pattern()', () => {
  it('is the pattern that matched', async () => {
    @Injectable()
    class Orders {
      @PatternSubscribe([named('orders.*'), named('*.placed')])
      on(@Channel() channel: string, @Pattern() pattern: string, @Message() message: ClusterMessage): void {
        seen.push(`${channel} ${pattern} ${message.pattern}`);
      }
    }
    const pubsub = await start({ providers: [Orders] });
    await pubsub.publish(named('orders.placed'), null);
    const patterns = [named('*.placed'), named('orders.*')];
    const expected = patterns.map((pattern) => `${named('orders.placed')} ${pattern} ${pattern}`);
    await eventually(() => expect(seen.toSorted()).toEqual(expected.toSorted()));
  });

  it('goes through pipes, and is undefined for a subscription without patterns', async () => {
    const upper = { transform: (pattern?: string) => pattern?.toUpperCase() };
    @Injectable()
    class Orders {
      @PatternSubscribe(named('by-pattern?'))
      @ShardedSubscribe(named('sharded'))
      @Subscribe(named('plain'))
      on(@Channel() channel: string, @Pattern(upper) pattern: string | undefined): void {
        seen.push([channel, pattern]);
      }
    }
    const pubsub = await start({ providers: [Orders] });
    await pubsub.publish(named('by-pattern1'), null);
    await eventually(() => expect(seen).toHaveLength(1));
    await pubsub.publish(named('plain'), null);
    await eventually(() => expect(seen).toHaveLength(2));
    await pubsub.publishSharded(named('sharded'), null);
    await noted(
      [named('by-pattern1'), named('by-pattern?').toUpperCase()],
      [named('plain'), undefined],
      [named('sharded'), undefined],
    );
  });
});

describe('names from a function', () => {
  class Config {
    constructor(readonly room: string) {}
  }
  const config = { provide: Config, useValue: new Config(named('configured')) };

  it.each<[string, Decorate, 'publish' | 'publishSharded']>([['Subscribe', Subscribe, 'publish'], ...KINDS])(
    'are resolved for @%s from injected providers',
    async (_name, decorate, publish) => {
      @Injectable()
      class Rooms {
        @decorate((one: Config, suffix: string) => [one.room, `${one.room}${suffix}`], {
          inject: [Config, 'suffix'],
        })
        on(@Channel() channel: string): void {
          seen.push(channel);
        }
      }
      const pubsub = await start({ providers: [Rooms, config, { provide: 'suffix', useValue: '-2' }] });
      await pubsub[publish](named('configured'), null);
      await pubsub[publish](named('configured-2'), null);
      await eventually(() => expect(seen.toSorted()).toEqual([named('configured'), named('configured-2')]));
    },
  );

  it('come from providers that the module of the handler imports, whatever other modules provide', async () => {
    const feature = (room: string): object => {
      const value = { provide: 'room', useValue: named(room) };
      @Module({ providers: [value], exports: ['room'] })
      class ConfigModule {}
      @Controller()
      class Rooms {
        @Subscribe((name: string) => name, { inject: ['room'] })
        on(@Payload() payload: string): void {
          seen.push(`${room} ${payload}`);
        }
      }
      @Module({ imports: [ConfigModule], controllers: [Rooms] })
      class RoomModule {}
      return RoomModule;
    };
    const pubsub = await start({ imports: [feature('one') as never, feature('two') as never] });
    await pubsub.publish(named('one'), 'first');
    await noted('one first');
    await pubsub.publish(named('two'), 'second');
    await noted('one first', 'two second');
  });

  it('are resolved once for a request-scoped handler', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Rooms {
      constructor(@Inject(Config) private readonly one: Config) {}
      @Subscribe(({ room }: Config) => room, { inject: [Config] })
      on(): void {
        seen.push(this.one.room);
      }
    }
    const pubsub = await start({ providers: [Rooms, config] });
    await pubsub.publish(named('configured'), null);
    await noted(named('configured'));
  });

  it.each<[string, () => never, object[], RegExp]>([
    ['nothing is told', () => undefined as never, [], /@Subscribe\(\) on Rooms\.on needs a channel/],
    ['it throws', () => expectNever('no such room'), [], /no such room/],
    ['there is nothing to inject', () => 'room' as never, ['missing' as never], /Rooms\.on.*missing/s],
  ])('keep the application from starting if %s', async (_what, names, inject, message) => {
    @Injectable()
    class Rooms {
      @Subscribe(names, { inject: inject as never })
      on(): void {}
    }
    await expect(start({ providers: [Rooms] })).rejects.toThrow(message);
    expect(app!.get(ClusterClient).status).toBe('end');
    app = undefined;
  });
});

function expectNever(message: string): never {
  throw new Error(message);
}

it.each([
  ['no pattern', () => PatternSubscribe([]), '@PatternSubscribe() needs a pattern'],
  ['an empty name', () => ShardedSubscribe(''), '@ShardedSubscribe() needs a sharded channel'],
  ['what is not a name', () => KeyspaceEvent(7 as never), '@KeyspaceEvent() needs a pattern of keys'],
  ['no event', () => KeyspaceEvent('a', []), '@KeyspaceEvent() needs an event'],
  ['an empty event', () => KeyspaceEvent('a', ['del', '']), '@KeyspaceEvent() needs an event'],
  ['an impossible concurrency', () => KeyspaceEvent('a', 'del', { concurrency: 0 }), 'concurrency'],
  [
    'a property',
    () => PatternSubscribe('a')({}, 'on', undefined as never),
    '@PatternSubscribe() can only decorate',
  ],
])('a decorator rejects %s', (_what, decorate, message) => {
  expect(decorate).toThrow(InvalidArgumentError);
  expect(decorate).toThrow(message);
});
