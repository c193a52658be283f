import { Controller, Get, Module, type INestApplication, type Type } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { join } from 'node:path';
import { ClusterClient, ClusterModule, InjectCluster } from 'keyslot';
import { ClusterHealthIndicator, checkClusterHealth } from 'keyslot/health';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { eventually } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';

let cluster: LocalCluster;
let app: INestApplication;
let client: ClusterClient;

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: ClusterHealthIndicator,
    @InjectCluster('elsewhere') private readonly elsewhere: ClusterClient,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.indicator.check('redis', { timeoutMs: 500 })]);
  }

  @Get('safe')
  @HealthCheck()
  checkSafe() {
    return this.health.check([() => this.indicator.check('redis', { timeoutMs: 500, minReplicas: 1 })]);
  }

  @Get('partial')
  @HealthCheck()
  checkPartial() {
    return this.health.check([
      () => this.indicator.check('redis', { timeoutMs: 500, partialOutage: 'degraded' }),
    ]);
  }

  @Get('elsewhere')
  @HealthCheck()
  checkElsewhere() {
    return this.health.check([
      () => this.indicator.check('elsewhere', { timeoutMs: 200, cluster: this.elsewhere }),
    ]);
  }
}

interface Report {
  readonly http: number;
  readonly status: string;
  readonly details: Record<
    string,
    { status: string; problems: string[]; slotsCovered: number; primaries: object; replicas: object }
  >;
}

async function report(path = ''): Promise<Report> {
  const response = await fetch(`${await app.getUrl()}/health${path}`);
  return { http: response.status, ...((await response.json()) as Omit<Report, 'http'>) };
}

breakableCluster({ nodeTimeoutMs: 30_000 }, async (whole) => {
  cluster = whole;
  const { seeds: nodes } = cluster;

  @Module({
    imports: [
      ClusterModule.forRoot({ nodes }),
      // nobody listens there
      ClusterModule.forRoot({ nodes: ['127.0.0.1:1'], name: 'elsewhere', lazyConnect: true }),
      TerminusModule.forRoot({ logger: false }),
    ],
    controllers: [HealthController],
    providers: [ClusterHealthIndicator],
  })
  class AppModule {}

  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  client = app.get(ClusterClient);
  return () => app.close();
});

describe('the health of an intact cluster', () => {
  it('is up, with the numbers of slots, primaries and replicas', async () => {
    expect(await eventually(() => report().then((found) => found.status === 'ok' && found))).toMatchObject({
      http: 200,
      details: {
        redis: {
          status: 'up',
          slotsCovered: 16_384,
          primaries: { total: 3, answering: 3 },
          replicas: { total: 3, inSync: 3 },
          problems: [],
        },
      },
    });
  });

  it('is checked over existing connections', async () => {
    const received = async (): Promise<number[]> => {
      const texts = await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'INFO', 'stats')));
      return texts.map((text) => Number(/total_connections_received:(\d+)/.exec(String(text))?.[1]));
    };
    await report();
    const before = await received();
    for (let i = 0; i < 5; i++) await report();
    expect(await received()).toEqual(before);
  });

  it('is degraded if more replicas are required than exist', async () => {
    const health = await checkClusterHealth(client, { minReplicas: 2 });
    expect(health.status).toBe('degraded');
    expect(health.problems).toEqual(
      expect.arrayContaining([expect.stringMatching(/^127\.0\.0\.1:\d+ has 1 of 2 replicas in sync$/)]),
    );
  });

  it.each([
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ minReplicas: -1 }, 'minReplicas'],
    [{ partialOutage: 'fine' as 'down' }, 'partialOutage'],
    [{ timeoutMs: '5' as unknown as number }, 'got a string'],
    [{ timeout: 5 } as object, 'timeout'],
  ])('rejects the options %j', async (options, name) => {
    await expect(checkClusterHealth(client, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(name),
    });
  });
});

it('treats an undefined option as left out', async () => {
  const options = { timeoutMs: undefined, minReplicas: undefined, partialOutage: undefined };
  expect(await checkClusterHealth(client, options)).toMatchObject({ status: 'up' });
});

describe('a health check of what is no cluster', () => {
  it('is rejected, with what to do', async () => {
    const without = await Test.createTestingModule({
      imports: [TerminusModule],
      providers: [ClusterHealthIndicator],
    }).compile();
    await expect(without.get(ClusterHealthIndicator).check('redis')).rejects.toThrow(
      /^There is no default cluster to check: import ClusterModule\.forRoot\(\)/,
    );
    const { check } = without.get(ClusterHealthIndicator) as unknown as {
      check: (...given: unknown[]) => Promise<unknown>;
    };
    await expect(check()).rejects.toThrow(
      "A health check needs a name for the report, such as check('redis'), got undefined",
    );
    await expect(check('redis', { clustr: client })).rejects.toThrow(
      'Unknown option clustr of a health check (did you mean cluster?); known are cluster, timeoutMs, minReplicas, partialOutage',
    );
    await expect(checkClusterHealth('sessions' as never)).rejects.toThrow(
      'A health check needs a ClusterClient, got a string',
    );
    await without.close();
  });
});

describe('docs/health.md', () => {
  const folder = snippetFolder();
  const given = process.env.REDIS_CLUSTER_NODES;

  afterAll(() => {
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  });

  it('shows a controller with the documented response', async () => {
    const snippets = snippetsOf('docs/health.md');
    writeSnippets(snippets, folder);
    expect(await typeFaults(folder, ['app.module.ts'])).toBe('');
    process.env.REDIS_CLUSTER_NODES = cluster.seeds.map(({ host, port }) => `${host}:${port}`).join();
    const { AppModule } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
    const shown = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const http = shown.createNestApplication({ logger: false });
    try {
      await http.listen(0, '127.0.0.1');
      const { details } = (await (await fetch(`${await http.getUrl()}/health`)).json()) as Report;
      expect(details).toEqual(JSON.parse(snippets.find(({ language }) => language === 'json')!.code));
    } finally {
      await http.close();
    }
  });
});

describe('the health of a cluster that cannot be reached', () => {
  it('is down within the timeout', async () => {
    expect(await report('/elsewhere')).toMatchObject({
      http: 503,
      details: { elsewhere: { status: 'down', slotsCovered: 0, problems: [expect.any(String)] } },
    });
  });

  it('is down for a closed client', async () => {
    const closed = new ClusterClient({ nodes: cluster.seeds });
    await closed.connect();
    await closed.close();
    expect(await checkClusterHealth(closed)).toMatchObject({ status: 'down' });
  });
});

describe('the health of a cluster with a failing node', () => {
  it('is degraded while a replica is missing', async () => {
    const replica = cluster.replicas[0];
    await cluster.kill(replica);
    const found = await eventually(() =>
      report('/safe').then(({ status, ...rest }) => status === 'degraded' && rest),
    );
    expect(found).toMatchObject({ http: 200, details: { redis: { replicas: { inSync: 2 } } } });
    await cluster.restart(replica);
    await eventually(() => report('/safe').then(({ status }) => status === 'ok'), { timeoutMs: 20_000 });
  });

  it('is down while a primary is silent, or degraded if partial outages are allowed', async () => {
    const [primary] = cluster.primaries;
    await cluster.freeze(primary);
    try {
      const { http, details } = await report();
      expect(http).toBe(503);
      expect(details.redis).toMatchObject({
        status: 'down',
        primaries: { total: 3, answering: 2 },
        problems: [expect.stringContaining(`${primary.name} does not answer`)],
      });
      expect(await report('/partial')).toMatchObject({ http: 200, status: 'degraded' });
    } finally {
      await cluster.thaw(primary);
    }
    await eventually(() => report().then(({ http }) => http === 200));
  });
});

describe('the health of a cluster whose topology the client has not read for a while', () => {
  it('is down while a primary rejects commands', async () => {
    const [primary] = cluster.primaries;
    await cluster.command(primary, 'CONFIG', 'SET', 'busy-reply-threshold', '1');
    const other = new ClusterClient({ nodes: cluster.seeds });
    await other.connect();
    const script = other
      .target(other.topology.primaries.find(({ port }) => port === primary.port)!)
      .eval('while true do end', 0)
      .catch(() => {});
    try {
      await eventually(() => expect(cluster.command(primary, 'PING')).rejects.toThrow(/^BUSY/));
      const health = await checkClusterHealth(client, { timeoutMs: 500 });
      expect(health).toMatchObject({ status: 'down', primaries: { total: 3, answering: 2 } });
      expect(health.problems).toContainEqual(expect.stringContaining(primary.name));
    } finally {
      await cluster.command(primary, 'SCRIPT', 'KILL');
      await script;
      await other.close();
      await cluster.command(primary, 'CONFIG', 'SET', 'busy-reply-threshold', '5000');
    }
    await eventually(async () => expect((await checkClusterHealth(client)).status).toBe('up'));
  });

  it('reflects the current primaries', async () => {
    const idle = new ClusterClient({ nodes: cluster.seeds });
    try {
      await idle.connect();
      const [replica] = cluster.replicas;
      await cluster.failover(replica);
      await cluster.waitUntilStable();
      const health = await eventually(async () => {
        const found = await checkClusterHealth(idle);
        expect(found).toMatchObject({ status: 'up', problems: [] });
        return found;
      });
      expect(health.primaries).toEqual({ total: 3, answering: 3 });
      expect(idle.topology.primaries.map(({ name }) => name)).toContain(replica.name);
    } finally {
      await idle.close();
    }
  });

  it('is down if a slot has lost its primary', async () => {
    const everywhere = (...command: [string, ...string[]]): Promise<unknown> =>
      Promise.all(cluster.nodes.map((node) => cluster.command(node, ...command)));
    const owner = await cluster.primaryOfSlot(5);
    await everywhere('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
    const before = client.topology.coveredSlots;
    await everywhere('CLUSTER', 'DELSLOTS', '5');
    expect(before).toBe(16_384);
    expect(await checkClusterHealth(client)).toMatchObject({
      status: 'down',
      slotsCovered: 16_383,
      problems: expect.arrayContaining(['1 slot has no primary']) as unknown,
    });
    await cluster.command(owner, 'CLUSTER', 'ADDSLOTS', '5');
    await eventually(async () =>
      expect(await checkClusterHealth(client)).toMatchObject({ status: 'up', slotsCovered: 16_384 }),
    );
  });
});
