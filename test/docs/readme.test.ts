import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClusterClient, ClusterPubSub, type ClusterRepository, getClusterRepositoryToken } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';
import { RecordedLog } from '../e2e/nest-recorded-log.js';

interface Account {
  cents: number;
}
interface Entry {
  id: string;
  accountId: string;
  cents: number;
}
interface Example {
  Account: Type<Account>;
  AppModule: Type;
}
/** What the example of README.md exports. */
interface BankExample extends Example {
  Bank: Type<{ book(id: string, cents: number): Promise<void> }>;
}
/** What the one file of docs/getting-started.md exports. */
interface AccountExample extends Example {
  Entry: Type<Entry>;
  AccountService: Type<{ book(accountId: string, cents: number): Promise<Entry> }>;
}

const { nodes } = sharedCluster();
const folder = snippetFolder();
const newId = (): string => `readme-${randomBytes(6).toString('hex')}`;
const apps: INestApplicationContext[] = [];

afterAll(() => Promise.all(apps.map((app) => app.close())));

/** The example of a page that is a module by itself, written to a file. */
function exampleOf(page: string): string {
  const examples = snippetsOf(page).filter(
    ({ language, file = 'app.module.ts' }) => language === 'ts' && file === 'app.module.ts',
  );
  expect(examples).toHaveLength(1);
  const file = join(folder, `${page.replaceAll(/\W/g, '-')}.ts`);
  writeFileSync(file, examples[0].code);
  return file;
}

async function boot<E extends Example>(file: string, log: RecordedLog) {
  const example = (await import(file)) as E;
  const given = process.env.REDIS_CLUSTER_NODES;
  process.env.REDIS_CLUSTER_NODES = nodes.map(({ host, port }) => `${host}:${port}`).join();
  try {
    const app = await NestFactory.createApplicationContext(example.AppModule, {
      logger: log,
      abortOnError: false,
    });
    apps.push(app);
    return { app, example };
  } finally {
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  }
}

describe('the examples of README.md and of docs/getting-started.md', () => {
  it('compile', async () => {
    const files = ['README.md', 'docs/getting-started.md'].map(exampleOf);
    writeSnippets(snippetsOf('README.md'), folder);
    expect(await typeFaults(folder, [...files, join(folder, 'main.ts')])).toBe('');
  });

  it('README.md books once per call, however many run at the same time, and publishes', async () => {
    const accountId = newId();
    const { app, example } = await boot<BankExample>(exampleOf('README.md'), new RecordedLog());
    const booked: number[] = [];
    const heard = app.get(ClusterPubSub).channel<{ id: string; cents: number }>('booked');
    const listening = heard.subscribe(
      ({ payload }) => payload.id === accountId && booked.push(payload.cents),
    );
    await app.get(ClusterPubSub).ready();
    await Promise.all([100, -30, 5].map((cents) => app.get(example.Bank).book(accountId, cents)));

    const accounts = app.get<ClusterRepository<Account>>(getClusterRepositoryToken(example.Account));
    expect(await accounts.findOne(accountId)).toMatchObject({ cents: 75 });
    expect(await app.get(ClusterClient).zscore('busiest', accountId)).toBe('3');
    await eventually(() => expect(booked).toHaveLength(3));
    expect(booked).toEqual(expect.arrayContaining([100, -30, 5]));
    listening.unsubscribe();
    await app.get(ClusterClient).zrem('busiest', accountId);
  });

  it('docs/getting-started.md writes the balance and the entries together', async () => {
    const log = new RecordedLog();
    const accountId = newId();
    const { app, example } = await boot<AccountExample>(exampleOf('docs/getting-started.md'), log);
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
