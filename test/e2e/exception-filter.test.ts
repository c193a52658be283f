import { join } from 'node:path';
import {
  Controller,
  Get,
  Injectable,
  Module,
  Param,
  Res,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, ExternalContextCreator, HttpAdapterHost } from '@nestjs/core';
import { MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { GraphQLObjectType, GraphQLSchema, GraphQLString, graphql } from 'graphql';
import { firstValueFrom } from 'rxjs';
import {
  BackpressureError,
  ClusterClient,
  ClusterEntity,
  ClusterExceptionFilter,
  ClusterModule,
  DeadlineExceededError,
  InjectClusterRepository,
  PrimaryKey,
  Property,
  Subscribe,
  Unique,
  Version,
  VersionConflictError,
  type ClusterRepository,
} from 'keyslot';
import { ClusterClientProxy, ClusterTransport } from 'keyslot/microservices';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';
import { RecordedLog } from './nest-recorded-log.js';

const { nodes, keyspace } = sharedCluster();
const named = (name: string): string => `${keyspace}${name}`;

@ClusterEntity({ name: `Ticket${keyspace.slice(5, 17)}` })
class Ticket {
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() seat!: string;
  @Version() version!: number;
}

/** What a request may do, by name: each ends with an error. */
@Injectable()
class Failures {
  constructor(
    @InjectClusterRepository(Ticket) private readonly tickets: ClusterRepository<Ticket>,
    private readonly cluster: ClusterClient,
  ) {}

  run(name: string): Promise<unknown> {
    return this[name as 'missing']();
  }

  missing(): Promise<unknown> {
    return this.tickets.findOneOrFail(named('none'));
  }

  async exists(): Promise<void> {
    await this.tickets.upsert(this.ticket('there'));
    await this.tickets.insert(this.ticket('there'));
  }

  async stale(): Promise<void> {
    await this.tickets.upsert(this.ticket('stale'));
    const [mine, theirs] = [
      await this.tickets.findOneOrFail(named('stale')),
      await this.tickets.findOneOrFail(named('stale')),
    ];
    theirs.seat = named('other seat');
    await this.tickets.save(theirs);
    mine.seat = named('my seat');
    await this.tickets.save(mine);
  }

  async taken(): Promise<void> {
    await this.tickets.upsert(this.ticket('first'));
    await this.tickets.insert(this.tickets.create({ id: named('second'), seat: named('seat of first') }));
  }

  async down(): Promise<unknown> {
    const client = new ClusterClient({ nodes: ['127.0.0.1:1'], startupTimeoutMs: 200 });
    return client.get(named('key')).finally(() => client.close());
  }

  busy(): Promise<never> {
    return Promise.reject(new BackpressureError('10.0.0.1:7000', 50_000, 1));
  }

  late(): Promise<never> {
    return Promise.reject(new DeadlineExceededError('GET', 50));
  }

  async defect(): Promise<unknown> {
    return this.cluster.mget(named('a'), named('b'), named('c'));
  }

  other(): Promise<never> {
    return Promise.reject(new TypeError('not of the cluster'));
  }

  private ticket(id: string): Ticket {
    return this.tickets.create({ id: named(id), seat: named(`seat of ${id}`) });
  }
}

@Controller()
class Requests {
  constructor(private readonly failures: Failures) {}

  @Get('sent')
  async sent(@Res() response: { raw?: Writable } & Writable): Promise<void> {
    const raw = response.raw ?? response;
    raw.writeHead(200);
    raw.write('begun');
    await this.failures.busy();
  }

  @Get(':name')
  fails(@Param('name') name: string): Promise<unknown> {
    return this.failures.run(name);
  }

  @MessagePattern(named('fails'))
  message(name: string): Promise<unknown> {
    return this.failures.run(name);
  }

  @Subscribe(named('event'))
  event(): Promise<unknown> {
    return this.failures.defect();
  }
}

interface Writable {
  writeHead(status: number): void;
  write(text: string): void;
}

@Module({
  imports: [ClusterModule.forRoot({ nodes }), ClusterModule.forFeature([Ticket])],
  controllers: [Requests],
  providers: [Failures, { provide: APP_FILTER, useClass: ClusterExceptionFilter }],
})
class AppModule {}

const ADAPTERS = { Express: () => new ExpressAdapter(), Fastify: () => new FastifyAdapter() };
const folder = snippetFolder();
let log: RecordedLog;
let app: INestApplication;

async function start(adapter: ExpressAdapter | FastifyAdapter): Promise<void> {
  log = new RecordedLog();
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication(adapter, { logger: log });
  app.connectMicroservice<MicroserviceOptions>(
    { strategy: new ClusterTransport({ connection: { nodes } }) },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
}

const CONFLICT = 'The request conflicts with the current state of the resource';
const UNAVAILABLE = 'The service is not available now. Try again later';

describe.each(Object.entries(ADAPTERS))('requests on %s', (_name, adapter) => {
  beforeAll(() => start(adapter()));
  afterAll(() => app.close());

  it.each([
    ['missing', 404, 'ENTITY_NOT_FOUND', 'Not found', null],
    ['exists', 409, 'ENTITY_EXISTS', CONFLICT, null],
    ['stale', 409, 'VERSION_CONFLICT', CONFLICT, null],
    ['taken', 409, 'UNIQUE_VIOLATION', CONFLICT, null],
    ['down', 503, 'NO_NODE_REACHABLE', UNAVAILABLE, '1'],
    ['busy', 503, 'BACKPRESSURE', UNAVAILABLE, '1'],
    ['late', 504, 'DEADLINE_EXCEEDED', 'The request was not completed in time', null],
  ])('%s results in the status %s', async (name, statusCode, code, message, retryAfter) => {
    const answer = await fetch(`${await app.getUrl()}/${name}`);
    expect([answer.status, await answer.json()]).toEqual([statusCode, { statusCode, code, message }]);
    expect(answer.headers.get('retry-after')).toBe(retryAfter);
  });

  it.each(['defect', 'other'])('%s is left to Nest: answered with 500 and logged', async (name) => {
    const before = log.lines.length;
    const answer = await fetch(`${await app.getUrl()}/${name}`);
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { statusCode: 500, message: 'Internal server error' },
    ]);
    expect(log.lines.slice(before).join('\n')).toMatch(/error.*(CrossSlotError|TypeError)/);
  });

  it('ends a response that has already started', async () => {
    const answer = await fetch(`${await app.getUrl()}/sent`);
    expect([answer.status, await answer.text()]).toEqual([200, 'begun']);
  });
});

describe('hosts other than HTTP', () => {
  beforeAll(() => start(new ExpressAdapter()));
  afterAll(() => app.close());

  it('the caller of a microservice receives the answer as its error', async () => {
    const client = new ClusterClient({ nodes });
    const proxy = new ClusterClientProxy({ client });
    const send = (name: string) =>
      firstValueFrom(proxy.send(named('fails'), name)).catch((error: unknown) => error);
    try {
      expect(await send('missing')).toEqual({
        status: 'error',
        statusCode: 404,
        code: 'ENTITY_NOT_FOUND',
        message: 'Not found',
      });
      expect(await send('defect')).toEqual({ status: 'error', message: 'Internal server error' });
      expect(log.lines.some((line) => line.startsWith('error') && line.includes('CrossSlotError'))).toBe(
        true,
      );
    } finally {
      await proxy.close();
      await client.close();
    }
  });

  it('a GraphQL resolver fails with the answer, and reveals nothing about a bug', async () => {
    const failures = app.get(Failures, { strict: false });
    const run = app
      .get(ExternalContextCreator)
      .create(
        failures,
        (...args: unknown[]) => failures.run(String(args[0])),
        'run',
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        'graphql',
      );
    const resolve = (_source: unknown, { name }: { name: string }) => run(name);
    const fails = { type: GraphQLString, args: { name: { type: GraphQLString } }, resolve };
    const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields: { fails } }) });
    const errorOf = async (name: string) => {
      const { errors = [] } = await graphql({ schema, source: `{ fails(name: "${name}") }` });
      return errors.map(({ message, extensions }) => ({ message, extensions }));
    };
    expect(await errorOf('busy')).toEqual([
      { message: UNAVAILABLE, extensions: { code: 'BACKPRESSURE', statusCode: 503 } },
    ]);
    expect(await errorOf('defect')).toEqual([
      {
        message: 'Internal server error',
        extensions: { code: 'INTERNAL_SERVER_ERROR', statusCode: 500 },
      },
    ]);
  });

  it('the error of a message handler is logged once', async () => {
    const before = log.lines.length;
    await app.get(ClusterClient).pubsub.publish(named('event'), 1);
    const ofHandler = () => log.lines.slice(before).filter((line) => line.includes('Requests'));
    await eventually(() => expect(ofHandler()).toHaveLength(1));
  });
});

it('accepts options in a filter that the application creates', async () => {
  log = new RecordedLog();
  const module = await Test.createTestingModule({
    imports: [ClusterModule.forRoot({ nodes }), ClusterModule.forFeature([Ticket])],
    controllers: [Requests],
    providers: [Failures],
  }).compile();
  app = module.createNestApplication({ logger: log });
  app.useGlobalFilters(
    new ClusterExceptionFilter(app.get(HttpAdapterHost), {
      statusByCode: { CROSS_SLOT: 400 },
      retryAfterSeconds: 30,
    }),
  );
  await app.listen(0, '127.0.0.1');
  try {
    const defect = await fetch(`${await app.getUrl()}/defect`);
    expect([defect.status, await defect.json()]).toEqual([
      400,
      { statusCode: 400, code: 'CROSS_SLOT', message: 'Bad Request' },
    ]);
    const busy = await fetch(`${await app.getUrl()}/busy`);
    expect(busy.headers.get('retry-after')).toBe('30');
  } finally {
    await app.close();
  }
});

it('executes the code of the page', async () => {
  const snippets = snippetsOf('docs/http-errors.md');
  writeSnippets(snippets, folder);
  const files = snippets.flatMap(({ file }) => file ?? []);
  expect(files).toEqual(['app.module.ts', 'main.ts']);
  expect(await typeFaults(folder, files)).toBe('');
  const { AppModule: Documented } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
  const module = await Test.createTestingModule({ imports: [Documented], controllers: [Throwing] })
    .overrideProvider(ClusterClient)
    .useFactory({ factory: () => new ClusterClient({ nodes }) })
    .compile();
  app = module.createNestApplication({ logger: false });
  try {
    await app.listen(0, '127.0.0.1');
    const answer = await fetch(await app.getUrl());
    const body = JSON.stringify(await answer.json());
    const [{ code }] = snippets.filter(({ language }) => language === 'json');
    expect([answer.status, body]).toEqual([409, JSON.stringify(JSON.parse(code))]);
  } finally {
    await app.close();
  }
});

@Controller()
class Throwing {
  @Get()
  throws(): never {
    throw new VersionConflictError('Order', 'key', 1, 2);
  }
}
