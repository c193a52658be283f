import {
  type CanActivate,
  type CallHandler,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Module,
  type NestInterceptor,
  type OnModuleDestroy,
  type PipeTransform,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  type ChangeContext,
  CircularImportError,
  ClusterEntity,
  ClusterHandlers,
  ClusterModule,
  type ClusterRepository,
  Counter,
  getClusterRepositoryToken,
  InvalidArgumentError,
  isClusterMessageContext,
  OnChange,
  Payload,
  PrimaryKey,
  Property,
  type RowChange,
  Shape,
} from 'keyslot';
import { type Observable, tap } from 'rxjs';
import { eventually, sharedCluster } from '../cluster-fixture.js';

@ClusterEntity({ name: 'Ticket', changes: true })
class Ticket {
  declare readonly [Shape]: { key: 'id'; counters: 'billed' };
  @PrimaryKey() id!: string;
  @Property() state?: string;
  @Counter() billed!: number;
}

const log: string[] = [];

@Injectable()
class NoDeletes implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    log.push(`guard ${isClusterMessageContext(context)}`);
    return context.getArgByIndex<RowChange<Ticket>>(0).type !== 'delete';
  }
}

@Catch()
class Quiet implements ExceptionFilter {
  catch(): void {
    log.push('filtered');
  }
}

@Injectable()
class Timed implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    log.push('before');
    return next.handle().pipe(tap(() => log.push('after')));
  }
}

@Injectable()
class KeyOnly implements PipeTransform {
  transform({ key }: RowChange<Ticket>): unknown {
    return key;
  }
}

/** What the bill of the ticket `held` waits for. */
let released = Promise.resolve();

@Injectable()
class Billing implements OnModuleDestroy {
  isDestroyed = false;

  @OnChange(Ticket, { group: 'billing' })
  async bill(change: RowChange<Ticket>, context: ChangeContext): Promise<void> {
    if (change.type !== 'insert') return;
    if (change.key === 'held') {
      log.push('holds');
      await released;
    }
    await context.transaction(async (tx) => {
      tx.increment(Ticket, change.key, 'billed', 1);
      await Promise.resolve();
    });
    log.push(`billed ${change.key} ${this.isDestroyed}`);
  }

  @UseGuards(NoDeletes)
  @UseFilters(Quiet)
  @UseInterceptors(Timed)
  @OnChange([Ticket], { group: 'audit', concurrency: 2 })
  audit(@Payload(KeyOnly) key: string): void {
    if (key === 'a') log.push(`audited ${key}`);
  }

  onModuleDestroy(): void {
    this.isDestroyed = true;
    log.push('destroyed');
  }
}

const { nodes, keyspace } = sharedCluster();

const start = async (entities: (typeof Ticket)[], handlers: Type = Billing): Promise<TestingModule> => {
  const module = await Test.createTestingModule({
    imports: [ClusterModule.forRoot({ nodes, keyPrefix: keyspace }), ClusterModule.forFeature(entities)],
    providers: [handlers],
  }).compile();
  return module.init();
};

describe('@OnChange', () => {
  it('calls a method with every change, with guards, pipes and filters, until the application ends', async () => {
    const app = await start([Ticket]);
    const tickets = app.get<ClusterRepository<Ticket>>(getClusterRepositoryToken(Ticket));
    await tickets.insert(tickets.create({ id: 'a' }));
    await eventually(() => log.includes('billed a false') && log.includes('audited a'));
    expect(await tickets.findOneOrFail('a')).toMatchObject({ billed: 1 });
    await tickets.delete('a');
    await eventually(() => log.includes('filtered')); // the guard's exception, which the filter handles
    expect(log).toContain('guard true');
    const audited = log.indexOf('audited a');
    expect(log.lastIndexOf('before', audited)).toBeGreaterThan(-1);
    expect(log.indexOf('after')).toBeGreaterThan(audited);
    const { followers } = app.get(ClusterHandlers);
    expect(followers.map(({ group }) => group).toSorted()).toEqual(['audit', 'billing']);
    await app.close();
    expect(log.at(-1)).toBe('destroyed');
    expect(followers.map(({ statistics }) => statistics.shares)).toEqual([0, 0]);
  });

  it('lets a running handler end before the application does, and leaves the other changes to the next one', async () => {
    let release = (): void => {};
    released = new Promise((resolve) => (release = resolve));
    const app = await start([Ticket]);
    const tickets = app.get<ClusterRepository<Ticket>>(getClusterRepositoryToken(Ticket));
    log.length = 0;
    await tickets.insert(tickets.create({ id: 'held' }));
    await eventually(() => log.includes('holds'));
    await tickets.insert(tickets.create({ id: 'behind' })); // one change at a time
    const closing = app.close().then(() => log.push('closed'));
    release();
    await closing;
    const told = log.filter((line) => /^billed|^destroyed|^closed/.test(line));
    expect(told).toEqual(['billed held false', 'destroyed', 'closed']);
    const next = await start([Ticket]);
    await eventually(() => log.includes('billed behind false'));
    const again = next.get<ClusterRepository<Ticket>>(getClusterRepositoryToken(Ticket));
    expect(await again.findMany(['held', 'behind'])).toMatchObject([{ billed: 1 }, { billed: 1 }]);
    await next.close();
    expect(log.filter((line) => line === 'billed held false')).toHaveLength(1);
  });

  it('does not start without the repository of the class', async () => {
    await expect(start([])).rejects.toThrow(/follows Ticket, which no module has/);
    @Injectable()
    class Elsewhere {
      @OnChange(Ticket, { group: 'elsewhere', cluster: 'nowhere' })
      on(): void {}
    }
    await expect(start([Ticket], Elsewhere)).rejects.toThrow(
      /follows Ticket of cluster 'nowhere', which no module has: .*forFeature\(\[Ticket\], 'nowhere'\)/,
    );
  });

  it('can be loaded again after another handler of its module was rejected', async () => {
    @ClusterEntity({ name: 'Stray', changes: true })
    class Stray {
      @PrimaryKey() id!: string;
    }
    @Injectable()
    class Loaded {
      @OnChange(Ticket, { group: 'loaded' })
      one(): void {}

      @OnChange(Stray, { group: 'loaded' })
      other(): void {}
    }
    @Module({ providers: [Loaded] })
    class LoadedModule {}
    const app = await start([Ticket]);
    await app.get(LazyModuleLoader).load(() => LoadedModule);
    const handlers = app.get(ClusterHandlers);
    for (let time = 0; time < 2; time++)
      await expect(handlers.load()).rejects.toThrow(/other follows Stray, which no module has/);
    expect(handlers.followers.map(({ group }) => group).toSorted()).toEqual(['audit', 'billing']);
    await app.close();
  });

  it('rejects invalid options and places', () => {
    expect(() => OnChange(Ticket, { group: 'a b' })).toThrow(InvalidArgumentError);
    expect(() => OnChange([], { group: 'a' })).toThrow(/needs an entity class, .* got an empty list/);
    expect(() => OnChange('Ticket' as never, { group: 'a' })).toThrow(
      /needs an entity class, .* got a string/,
    );
    expect(() => OnChange(Ticket, { group: 'a', cluster: 5 as never })).toThrow(InvalidArgumentError);
    expect(() => OnChange([Ticket, undefined as never], { group: 'a' })).toThrow(CircularImportError);
    expect(() => OnChange(Ticket, { group: 'a', concurency: 2 } as never)).toThrow(
      /did you mean concurrency/,
    );
    expect(() => OnChange(Ticket, { group: 'a' })(Billing, 'bill', {})).toThrow(InvalidArgumentError);
  });
});
