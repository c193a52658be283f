import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClusterClient, type ClusterRepository, getClusterRepositoryToken } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults } from '../docs-snippets.js';
import { RecordedLog } from '../e2e/nest-recorded-log.js';

interface Account {
  cents: number;
}
interface Entry {
  id: string;
  accountId: string;
  cents: number;
}
/** What the example of README.md exports. */
interface Example {
  Account: Type<Account>;
  Entry: Type<Entry>;
  AccountService: Type<{ book(accountId: string, cents: number): Promise<Entry> }>;
  AppModule: Type;
}

const { nodes } = sharedCluster();

describe('the example of README.md', () => {
  const file = join(snippetFolder(), 'example.ts');
  const log = new RecordedLog();
  let example: Example;
  let app: INestApplicationContext;

  beforeAll(async () => {
    const examples = snippetsOf('README.md').filter(({ language }) => language === 'ts');
    expect(examples).toHaveLength(1);
    writeFileSync(file, examples[0].code);
    example = (await import(file)) as Example;
    const given = process.env.REDIS_CLUSTER_NODES;
    process.env.REDIS_CLUSTER_NODES = nodes.map(({ host, port }) => `${host}:${port}`).join();
    app = await NestFactory.createApplicationContext(example.AppModule, { logger: log, abortOnError: false });
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  });
  afterAll(() => app?.close());

  it('compiles', async () => {
    expect(await typeFaults(join(file, '..'), [file])).toBe('');
  }, 120_000);

  it('writes the balance and the entries together, however many write at once', async () => {
    const accountId = `readme-${randomBytes(6).toString('hex')}`;
    const service = app.get(example.AccountService);
    const entries = await Promise.all([100, -30, 5].map((cents) => service.book(accountId, cents)));

    const accounts = app.get<ClusterRepository<Account>>(getClusterRepositoryToken(example.Account));
    expect(await accounts.findOne(accountId)).toMatchObject({ cents: 75 });
    const written = app.get<ClusterRepository<Entry>>(getClusterRepositoryToken(example.Entry));
    expect(await written.findMany(entries.map(({ id }) => ({ accountId, id })))).toEqual(entries);
    const cluster = app.get(ClusterClient);
    expect(await cluster.zscore('busiest-accounts', accountId)).toBe('3');
    await eventually(() => {
      for (const { cents } of entries)
        expect(log.lines).toContain(`log Accounts ${cents} cents on ${accountId}`);
    });
    await cluster.zrem('busiest-accounts', accountId);
  });
});
