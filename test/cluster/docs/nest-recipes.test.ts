import { join } from 'node:path';
import { jest } from '@jest/globals';
import { CacheModule } from '@nestjs/cache-manager';
import type { INestApplicationContext, ModuleMetadata, Type } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { ClusterClient, ClusterModule, type ClusterRepository, getClusterRepositoryToken } from 'keyslot';
import { ClusterKeyvStore } from 'keyslot/cache';
import { eventually, sharedCluster } from '../../cluster-fixture.js';
import { snippetFolder, snippetsOf, writeSnippets } from '../../docs-snippets.js';

interface NightlyJobs {
  once(id: string, run: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<void>;
}
interface TaggedCache {
  wrap<T>(key: string, tags: string[], load: () => Promise<T>, ttl?: number): Promise<T>;
  invalidate(tag: string): Promise<void>;
}

const { nodes, keyspace } = sharedCluster();
const folder = snippetFolder();
const apps: INestApplicationContext[] = [];

beforeAll(() => writeSnippets(snippetsOf('docs/recipes.md'), folder));
afterAll(() => Promise.all(apps.map((app) => app.close())));

const load = async (file: string): Promise<Record<string, Type>> =>
  (await import(join(folder, file))) as Record<string, Type>;

/** Two applications, as two processes. */
async function twoApps(entities: Type[], service: Type, imports: ModuleMetadata['imports'] = []) {
  const made = [1, 2].map(async () => {
    const module = await Test.createTestingModule({
      imports: [
        ClusterModule.forRoot({ nodes, keyPrefix: keyspace }),
        ClusterModule.forFeature(entities),
        ...imports,
      ],
      providers: [service],
    }).compile();
    await module.init();
    apps.push(module);
    return module;
  });
  return Promise.all(made);
}

// docs/recipes.md: the recipes that are providers of Nest. test/cluster/docs/recipes.test.ts compiles them.
describe('a job once per cluster', () => {
  let jobs: NightlyJobs[];
  let applications: INestApplicationContext[];
  let Job: Type;
  let Session: Type;

  beforeAll(async () => {
    const recipe = await load('nightly-jobs.ts');
    const { NightlyJobs } = recipe;
    ({ Job } = recipe);
    ({ Session } = await load('sessions.ts'));
    applications = await twoApps([Job, Session], NightlyJobs, [ScheduleModule.forRoot()]);
    jobs = applications.map((app) => app.get<NightlyJobs>(NightlyJobs));
  });

  it('is scheduled by @nestjs/schedule, and runs once a day in all processes together', async () => {
    const sweeps = applications.map((app) => {
      const sessions = app.get<ClusterRepository<object>>(getClusterRepositoryToken(Session));
      return jest.spyOn(sessions, 'sweepGlobals');
    });
    for (const app of applications) void app.get(SchedulerRegistry).getCronJob('sweep').fireOnTick();
    const rows = applications[0].get<ClusterRepository<{ lastRun?: string }>>(getClusterRepositoryToken(Job));
    await eventually(async () => (await rows.findOne('sweep' as never))?.lastRun !== undefined);
    await Promise.all(jobs.map((job) => (job as unknown as { sweep(): Promise<void> }).sweep()));
    expect(sweeps.flatMap(({ mock }) => mock.calls)).toHaveLength(1);
  });

  it('runs in one process at a time, and again for the next day', async () => {
    const runs: string[] = [];
    let running = 0;
    const work = (run: string) => async (): Promise<void> => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      runs.push(run);
      running--;
    };
    for (const run of ['monday', 'tuesday'])
      for (let tick = 0; tick < 3; tick++)
        await Promise.all(jobs.map((job) => job.once('report', run, work(run))));
    expect(runs).toEqual(['monday', 'tuesday']);
  });

  it('runs again after it failed', async () => {
    const failing = jobs[0].once('import', 'monday', () => Promise.reject(new Error('cut off')));
    await expect(failing).rejects.toThrow('cut off');
    let done = 0;
    await jobs[1].once('import', 'monday', async () => ++done);
    expect(done).toBe(1);
  });
});

describe('a cache with tags', () => {
  let caches: TaggedCache[];

  beforeAll(async () => {
    const { Loading, TaggedCache } = await load('tagged-cache.ts');
    const caching = CacheModule.registerAsync({
      isGlobal: true,
      inject: [ClusterClient],
      useFactory: (client: ClusterClient) => ({ stores: [new ClusterKeyvStore(client)] }),
    });
    const applications = await twoApps([Loading], TaggedCache, [caching]);
    caches = applications.map((app) => app.get<TaggedCache>(TaggedCache));
  });

  it('loads an entry once, however many callers in all processes miss it', async () => {
    let loads = 0;
    const loadIt = async (): Promise<object> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { loads: ++loads };
    };
    const calls = Array.from({ length: 20 }, (_, i) => caches[i % 2].wrap('list', ['products'], loadIt));
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ loads: 1 })));
  });

  it('loads again after one of the tags is invalidated, in any process', async () => {
    let loads = 0;
    const wrap = (i: number): Promise<number> =>
      caches[i].wrap('page', ['shop', 'prices'], async () => ++loads);
    expect([await wrap(0), await wrap(1)]).toEqual([1, 1]);
    await caches[0].invalidate('other');
    expect(await wrap(1)).toBe(1);
    await caches[0].invalidate('prices');
    expect([await wrap(1), await wrap(0)]).toEqual([2, 2]);
  });

  it('never returns a value that was loaded before an invalidation', async () => {
    let finish: (value: string) => void = () => {};
    let started = false;
    const slowLoad = (): Promise<string> => {
      started = true;
      return new Promise((resolve) => (finish = resolve));
    };
    const slow = caches[0].wrap('slow', ['stock'], slowLoad);
    await eventually(() => started);
    await caches[1].invalidate('stock');
    const fresh = await caches[1].wrap('slow', ['stock'], async () => 'new');
    finish('old');
    await slow;
    expect(fresh).toBe('new');
    expect(await caches[1].wrap('slow', ['stock'], async () => 'newer')).toBe('new');
  });
});
