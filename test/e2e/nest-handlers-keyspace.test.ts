import { Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { LocalCluster } from 'keyslot/testing';
import {
  Channel,
  ClusterClient,
  type ClusterMessage,
  ClusterModule,
  type KeyEvent,
  KeyspaceEvent,
  KeyspaceEventsOffError,
  Message,
  Pattern,
  Payload,
  Subscribe,
} from 'keyslot';
import { eventually } from '../cluster-fixture.js';
import { RecordedLog } from './nest-recorded-log.js';

let local: LocalCluster;
let seen: unknown[];
let log: RecordedLog;
let app: TestingModule | undefined;

beforeAll(async () => {
  local = await LocalCluster.start({ replicasPerPrimary: 0, config: { 'notify-keyspace-events': 'KEA' } });
});
afterAll(() => local.stop());

beforeEach(() => {
  seen = [];
  log = new RecordedLog();
});

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(handlers: new () => object): Promise<ClusterClient> {
  app = await Test.createTestingModule({
    imports: [ClusterModule.forRoot({ nodes: local.seeds })],
    providers: [handlers],
  })
    .setLogger(log)
    .compile();
  await app.init();
  return app.get(ClusterClient);
}

const noted = (...expected: unknown[]): Promise<void> => eventually(() => expect(seen).toEqual(expected));

describe('@KeyspaceEvent', () => {
  it('receives the event as the payload, the key as the channel, and the pattern', async () => {
    @Injectable()
    class Sessions {
      @KeyspaceEvent('session:*', 'expired')
      onExpired(
        @Payload() event: KeyEvent,
        @Channel() key: string,
        @Pattern() pattern: string,
        @Message() message: ClusterMessage<KeyEvent>,
      ): void {
        seen.push(event.key, event.event, event.node, key, pattern);
        seen.push(message.payload === event && message.receivedAt === event.receivedAt);
      }
    }
    const cluster = await start(Sessions);
    await cluster.set('session:7', 'x', 'PX', 20);
    const owner = cluster.topology.nodeForKey('session:7')?.name;
    await noted('session:7', 'expired', owner, 'session:7', 'session:*', true);
    expect(log.text).toContain('Mapped pattern of keys {session:*} to Sessions.onExpired');
  });

  it('receives events from every primary, for several patterns and events', async () => {
    @Injectable()
    class Keys {
      @KeyspaceEvent(['cart:*', 'stock:?', 'cart:*'], ['set', 'del'])
      on(@Payload() { key, event }: KeyEvent, @Pattern() pattern: string): void {
        seen.push(`${pattern} ${event} ${key}`);
      }
    }
    const cluster = await start(Keys);
    const carts = Array.from({ length: 12 }, (_, i) => `cart:${i}`);
    await Promise.all(carts.map((key) => cluster.set(key, 'x')));
    await cluster.set('stock:1', 'x');
    await cluster.expire('stock:1', 100);
    await cluster.del('stock:1');
    const expected = carts.map((key) => `cart:* set ${key}`);
    expected.push('stock:? set stock:1', 'stock:? del stock:1');
    await eventually(() => expect(seen.toSorted()).toEqual(expected.toSorted()));
    expect(new Set(carts.map((key) => cluster.topology.nodeForKey(key))).size).toBe(3);
  });

  it('receives all events if none is named, in order per key', async () => {
    @Injectable()
    class Keys {
      @KeyspaceEvent('every:*')
      async on(@Payload() { event }: KeyEvent): Promise<void> {
        await app!.get(ClusterClient).ping();
        seen.push(event);
      }
    }
    const cluster = await start(Keys);
    await cluster.set('every:1', '1');
    await cluster.incr('every:1');
    await cluster.del('every:1');
    await noted('set', 'incrby', 'del');
  });

  it('can be combined with other decorators, and takes its pattern from an injected provider', async () => {
    @Injectable()
    class Orders {
      @KeyspaceEvent((client: ClusterClient) => `order:${client.status}:*`, 'set', {
        inject: [ClusterClient],
      })
      @Subscribe('orders')
      on(@Payload() payload: unknown, @Channel() channel: string): void {
        seen.push(channel, typeof payload);
      }
    }
    const cluster = await start(Orders);
    await cluster.set('order:ready:1', 'x');
    await noted('order:ready:1', 'object');
    await cluster.pubsub.publish('orders', 'text');
    await noted('order:ready:1', 'object', 'orders', 'string');
  });

  it('supports guards, and errors in it are logged', async () => {
    @Injectable()
    class NotSecret implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.getArgByIndex<KeyEvent>(0).key !== 'guarded:secret';
      }
    }
    @Injectable()
    class Keys {
      @KeyspaceEvent('guarded:*', 'set')
      @UseGuards(NotSecret)
      on(@Channel() key: string): void {
        seen.push(key);
        if (key === 'guarded:bad') throw new RangeError('cannot be');
      }
    }
    const cluster = await start(Keys);
    for (const key of ['guarded:secret', 'guarded:bad', 'guarded:good']) await cluster.set(key, 'x');
    // they may come from different primaries
    await eventually(() => expect(seen.toSorted()).toEqual(['guarded:bad', 'guarded:good']));
    await eventually(() => {
      expect(log.text).toContain('Keys.on failed on a message of guarded:secret: Forbidden resource');
      expect(log.text).toContain('Keys.on failed on a message of guarded:bad: cannot be');
    });
  });

  it('finishes received events when the application ends', async () => {
    let release = (): void => {};
    @Injectable()
    class Keys {
      @KeyspaceEvent('slow:*', 'set')
      async on(@Channel() key: string): Promise<void> {
        seen.push(`begin ${key}`);
        await new Promise<void>((resolve) => (release = resolve));
        seen.push(`end ${key}`);
      }
    }
    const cluster = await start(Keys);
    await cluster.set('slow:1', 'x');
    await noted('begin slow:1');
    const closed = app!.close();
    release();
    await closed;
    expect(seen).toEqual(['begin slow:1', 'end slow:1']);
  });

  it('keeps the application from starting if a primary publishes no events', async () => {
    @Injectable()
    class Keys {
      @KeyspaceEvent('off:*')
      on(): void {}
    }
    const [node] = local.primaries;
    await local.command(node, 'CONFIG', 'SET', 'notify-keyspace-events', '');
    await expect(start(Keys)).rejects.toThrow(KeyspaceEventsOffError);
    expect(log.text).toContain(
      `Keys.on is not subscribed: Node ${node.name} does not publish these keyspace events`,
    );
    expect(app!.get(ClusterClient).status).toBe('end');
    app = undefined;
    await local.command(node, 'CONFIG', 'SET', 'notify-keyspace-events', 'KEA');
  });
});
