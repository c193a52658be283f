import { Controller, Get, Injectable, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD, LazyModuleLoader } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ChangeContext,
  Channel,
  ClusterClient,
  ClusterEntity,
  ClusterHandlers,
  ClusterModule,
  type ClusterRepository,
  Counter,
  getClusterRepositoryToken,
  isClusterMessageContext,
  KeyspaceEvent,
  OnChange,
  Pattern,
  PatternSubscribe,
  Payload,
  PrimaryKey,
  type RowChange,
  ShardedSubscribe,
  Subscribe,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';
import { root, snippetsOf } from '../docs-snippets.js';
import { RecordedLog } from './nest-recorded-log.js';

interface Order {
  id: number;
}

class ShopConfig {
  readonly stockChannel = 'stock';
}

let shown: string[] = [];
const console = { log: (line: string) => void shown.push(line) };

@Injectable()
class OrderEvents {
  @Subscribe('orders.placed')
  onPlaced(@Payload() order: Order): void {
    console.log(`order ${order.id}`); // order 42
  }

  @PatternSubscribe(['orders.*', 'returns.*'])
  onAny(@Channel() channel: string, @Pattern() pattern: string): void {
    console.log(`${channel} by ${pattern}`); // orders.placed by orders.*
  }

  @ShardedSubscribe('room:42', { codec: 'text' })
  onSaid(@Payload() text: string): void {
    console.log(text); // hello
  }

  @KeyspaceEvent('session:*', ['expired', 'del'])
  onGone(@Channel() key: string): void {
    console.log(`${key} is gone`); // session:7 is gone
  }
}

@Injectable()
class StockEvents {
  @Subscribe((config: ShopConfig) => config.stockChannel, { inject: [ShopConfig] })
  onStock(@Payload() left: number): void {
    console.log(`${left} left`); // 3 left
  }
}

@Injectable()
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (isClusterMessageContext(context)) return true;
    return context.switchToHttp().getRequest().headers.authorization !== undefined;
  }
}

@Injectable()
class ReportEvents {
  @Subscribe('reports.wanted')
  onWanted(@Payload() id: number): void {
    console.log(`report ${id}`);
  }
}

@Module({ providers: [ReportEvents] })
class ReportsModule {}

@Injectable()
class Reports {
  constructor(
    private readonly lazy: LazyModuleLoader,
    private readonly handlers: ClusterHandlers,
  ) {}

  async open(): Promise<void> {
    await this.lazy.load(() => ReportsModule);
    await this.handlers.load();
  }
}

@ClusterEntity({ name: 'Sale', changes: true })
class Sale {
  @PrimaryKey() id!: string;
  @Counter() bills!: number;
}

@Injectable()
class Billing {
  @OnChange(Sale, { group: 'billing' })
  async bill(change: RowChange<Sale>, context: ChangeContext): Promise<void> {
    if (change.type !== 'insert') return;
    await context.transaction(async (tx) => {
      tx.increment(Sale, change.key, 'bills', 1);
    });
    console.log(`billed ${change.key}`); // billed 42
  }
}

@Controller()
class Shop {
  @Get()
  index(): string {
    return 'open';
  }
}

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/handlers.md', () => {
  let local: LocalCluster;
  let app: NestExpressApplication;
  let cluster: ClusterClient;

  beforeAll(async () => {
    local = await LocalCluster.start({ replicasPerPrimary: 0, config: { 'notify-keyspace-events': 'KEA' } });
    const made = await Test.createTestingModule({
      imports: [ClusterModule.forRoot({ nodes: local.seeds }), ClusterModule.forFeature([Sale])],
      controllers: [Shop],
      providers: [
        OrderEvents,
        StockEvents,
        ShopConfig,
        Reports,
        Billing,
        { provide: APP_GUARD, useClass: TokenGuard },
      ],
    })
      .setLogger(new RecordedLog())
      .compile();
    app = made.createNestApplication<NestExpressApplication>();
    await app.listen(0, '127.0.0.1');
    cluster = app.get(ClusterClient);
  });

  beforeEach(() => void (shown = []));

  afterAll(async () => {
    await app?.close();
    await local?.stop();
  });

  const showing = (...lines: string[]): Promise<void> =>
    eventually(() => expect(shown.toSorted()).toEqual(lines.toSorted()));

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(join(root, 'test/e2e/nest-handlers-docs.test.ts'), 'utf8'));
    const blocks = snippetsOf('docs/handlers.md').map(({ code }) => code);
    expect(blocks).toHaveLength(5);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('subscribes handlers of every kind', async () => {
    await cluster.pubsub.publish('orders.placed', { id: 42 });
    await showing('order 42', 'orders.placed by orders.*');
    shown = [];
    await cluster.pubsub.publishSharded('room:42', 'hello', { codec: 'text' });
    await showing('hello');
    shown = [];
    await cluster.set('session:7', 'x', 'PX', 20);
    await showing('session:7 is gone');
  });

  it('takes names from injected providers', async () => {
    await cluster.pubsub.publish('stock', 3);
    await showing('3 left');
  });

  it('handles the changes of entities', async () => {
    const sales = app.get<ClusterRepository<Sale>>(getClusterRepositoryToken(Sale));
    await sales.insert(sales.create({ id: '42' }));
    await showing('billed 42');
    expect(await sales.findOneOrFail('42')).toMatchObject({ bills: 1 });
  });

  it('subscribes the handlers of a lazily loaded module', async () => {
    await app.get(Reports).open();
    await cluster.pubsub.publish('reports.wanted', 7);
    await showing('report 7');
  });

  it('uses guards that distinguish a message from a request', async () => {
    const url = await app.getUrl();
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(url, { headers: { authorization: 'Bearer x' } })).status).toBe(200);
    await cluster.pubsub.publish('stock', 3);
    await showing('3 left');
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
