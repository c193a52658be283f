import {
  Catch,
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type ExceptionFilter,
  type ModuleMetadata,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { EMPTY, ignoreElements, map, of, throwError, type Observable } from 'rxjs';
import { ClusterClient, ClusterHandlers, ClusterModule, Payload, Subscribe } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;

let seen: string[];
let log: RecordedLog;
let app: TestingModule;

beforeEach(() => {
  seen = [];
  log = new RecordedLog();
});
afterEach(() => app.close());

/** Starts an application with these parts, and publishes to a channel of theirs; resolves when that is handled. */
async function handle(channel: string, parts: ModuleMetadata): Promise<void> {
  app = await Test.createTestingModule({ imports: [ClusterModule.forRoot({ nodes })], ...parts })
    .setLogger(log)
    .compile();
  await app.init();
  await app.get(ClusterClient).pubsub.publish(named(channel), 'payload');
  await eventually(() =>
    expect(statistics().reduce((sum, { handled }) => sum + handled, 0)).toBe(statistics().length),
  );
}

const statistics = () => app.get(ClusterHandlers).statistics;
const failures = (): number[] => statistics().map(({ failed }) => failed);
const errorLines = (): string[] => log.lines.filter((line) => line.startsWith('error'));

class PaymentError extends Error {
  readonly payload = { card: '4111-1111' };
  constructor() {
    super('payment failed', { cause: { card: '4111-1111' } });
  }
}

@Catch(PaymentError)
class Swallowing implements ExceptionFilter {
  catch(error: Error): void {
    seen.push(error.message);
  }
}

describe('a filter', () => {
  it('counts as having handled an error if it returns nothing, or a promise of nothing', async () => {
    @Catch()
    class Later implements ExceptionFilter {
      async catch(error: Error): Promise<void> {
        seen.push(`later ${error.message}`);
      }
    }
    @Injectable()
    class Orders {
      @Subscribe(named('handled'))
      @UseFilters(Swallowing)
      on(): void {
        throw new PaymentError();
      }
      @Subscribe(named('handled'))
      @UseFilters(Later)
      async onLater(): Promise<void> {
        throw new RangeError('too much');
      }
    }
    await handle('handled', { providers: [Orders] });
    expect(seen.toSorted()).toEqual(['later too much', 'payment failed']);
    expect(failures()).toEqual([0, 0]);
    expect(errorLines()).toEqual([]);
  });

  it('can be global, and is skipped for errors that it does not catch', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('global'))
      onPayment(): void {
        throw new PaymentError();
      }
      @Subscribe(named('global'))
      onOther(): void {
        throw new RangeError('not a payment');
      }
    }
    await handle('global', { providers: [Orders, { provide: APP_FILTER, useClass: Swallowing }] });
    expect(seen).toEqual(['payment failed']);
    expect(failures()).toEqual([0, 1]);
    expect(errorLines()).toHaveLength(1);
  });

  it('that fails makes the message a failed one, and has no other effect', async () => {
    @Catch()
    class Broken implements ExceptionFilter {
      catch(error: { response: { data: string[] } }): string[] {
        return error.response.data.map(String);
      }
    }
    @Injectable()
    class Orders {
      @Subscribe(named('broken'))
      @UseFilters(Broken)
      on(): void {
        throw new PaymentError();
      }
    }
    await handle('broken', { providers: [Orders] });
    expect(failures()).toEqual([1]);
    expect(errorLines()).toHaveLength(1);
    expect(log.text).toContain('TypeError');
  });
});

describe('guards, pipes and interceptors of a handler', () => {
  const broken = (): never => {
    throw new TypeError('broken');
  };

  it.each<[string, MethodDecorator]>([
    ['a guard that throws', UseGuards({ canActivate: broken })],
    ['a guard that rejects', UseGuards({ canActivate: async () => broken() })],
    ['an interceptor that throws before', UseInterceptors({ intercept: broken })],
    ['an interceptor that rejects', UseInterceptors({ intercept: async () => broken() })],
    [
      'an interceptor that throws afterwards',
      UseInterceptors({ intercept: (_: unknown, next: CallHandler) => next.handle().pipe(map(broken)) }),
    ],
    ['a pipe that throws', UsePipes({ transform: broken })],
  ])('makes the message a failed one, and has no other effect: %s', async (what, around) => {
    @Injectable()
    class Orders {
      @Subscribe(named(what))
      @around
      on(@Payload() payload: unknown): unknown {
        return payload;
      }
    }
    await handle(what, { providers: [Orders] });
    expect(failures()).toEqual([1]);
    expect(errorLines()).toHaveLength(1);
    expect(log.text).toContain('broken');
    // the next message is handled as before
    await app.get(ClusterClient).pubsub.publish(named(what), 'again');
    await eventually(() => expect(failures()).toEqual([2]));
  });
});

describe('an observable', () => {
  @Injectable()
  class Skipping implements NestInterceptor {
    intercept(): Observable<never> {
      return EMPTY;
    }
  }

  it('that ends without a value is not a failure', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('empty'))
      onEmpty(): Observable<never> {
        return EMPTY;
      }
      @Subscribe(named('empty'))
      onIgnored(@Payload() payload: string): Observable<never> {
        return of(seen.push(payload)).pipe(ignoreElements());
      }
      @Subscribe(named('empty'))
      @UseInterceptors(Skipping)
      onSkipped(): void {
        seen.push('skipped');
      }
    }
    await handle('empty', { providers: [Orders] });
    expect(seen).toEqual(['payload']);
    expect(failures()).toEqual([0, 0, 0]);
    expect(errorLines()).toEqual([]);
  });

  it('that fails is a failure', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('failing'))
      on(): Observable<never> {
        return throwError(() => new RangeError('cannot be'));
      }
    }
    await handle('failing', { providers: [Orders] });
    expect(failures()).toEqual([1]);
    expect(log.text).toContain(`Orders.on failed on a message of ${named('failing')}: cannot be`);
  });
});

describe('an unhandled error', () => {
  it('is logged as one line, without its properties', async () => {
    @Injectable()
    class Orders {
      @Subscribe(named('unhandled'))
      on(): void {
        throw new PaymentError();
      }
    }
    await handle('unhandled', { providers: [Orders] });
    expect(errorLines()).toHaveLength(1);
    expect(log.text).toContain(`Orders.on failed on a message of ${named('unhandled')}: payment failed`);
    expect(log.text).not.toContain('4111');
  });

  it('does not end the process if it cannot be read', async () => {
    const unreadable = new Error();
    Object.defineProperty(unreadable, 'message', {
      get: () => {
        throw new TypeError('no message');
      },
    });
    @Injectable()
    class Orders {
      @Subscribe(named('unreadable'))
      on(): void {
        throw unreadable;
      }
    }
    await handle('unreadable', { providers: [Orders] });
    expect(failures()).toEqual([1]);
  });
});
