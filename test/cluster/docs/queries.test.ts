import { readFileSync } from 'node:fs';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  createRepositories,
} from 'keyslot';
import { sharedCluster } from '../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'Project' })
class Project {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Task', partition: () => Project })
class Task {
  declare readonly [Shape]: {
    key: 'projectId' | 'id';
    indexed: 'state' | 'owner' | 'createdAt';
  };

  @PartitionKey() projectId!: string;
  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Property() title!: string;
  @Index({ name: 'byState', fields: ['state', 'createdAt'] }) @Property() state!: string;
  @Index({ name: 'byOwner', fields: ['owner', 'createdAt'] }) @Property() owner?: string;
  @Index() @Property() createdAt!: Date;
  @Property() note?: string;
}

@ClusterEntity({ name: 'Contact', partition: () => Project })
class Contact {
  declare readonly [Shape]: { key: 'projectId' | 'id'; indexed: 'name' | 'labels' | 'seenAt' };

  @PartitionKey() projectId!: string;
  @PrimaryKey() id!: string;
  @Index({ caseInsensitive: true }) @Property() name!: string;
  @Index({ elements: true }) @Property(() => [String]) labels: string[] = [];
  @Index({ nulls: true }) @Property() seenAt?: Date;
}

const squeezed = (code: string): string => code.replace(/\s+/g, ' ').trim();

// Every block of the page stands in this file as it stands there.
describe('docs/queries.md', () => {
  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/queries.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks.length).toBeGreaterThan(5);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  let cluster: ClusterClient;
  let tasks: ClusterRepository<Task>;
  const projectId = 'atlas';
  const day = (n: number): Date => new Date(Date.UTC(2030, 0, n));
  const monday = day(7);
  beforeAll(async () => {
    cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    await cluster.connect();
    tasks = createRepositories(cluster, [Project, Task]).repository(Task);
    const rows = Array.from({ length: 50 }, (_, i) => ({
      title: `t${i}`,
      state: i % 2 === 0 ? 'open' : 'done',
      owner: i % 5 === 0 ? 'ada' : undefined,
      createdAt: day(i + 1),
      note: i === 4 ? 'call eve' : undefined,
    }));
    await tasks.saveMany(rows.map((row) => tasks.create({ projectId, ...row })));
  });
  afterAll(() => cluster.close());

  /** Runs queries and returns the titles that each of them finds. */
  const titles = async (...queries: Promise<Task[]>[]): Promise<string[][]> =>
    (await Promise.all(queries)).map((found) => found.map(({ title }) => title));

  it('finds rows by an index', async () => {
    await tasks.findBy({ projectId, state: 'open' });
    await tasks.findOneBy({ projectId, owner: 'ada', createdAt: { gte: monday } });
    await tasks.countBy({ projectId, state: { in: ['open', 'doing'] } });

    await tasks.findBy({ projectId, or: [{ state: 'open' }, { owner: 'ada' }] });
    const found = await tasks.findBy({ projectId, or: [{ state: 'open' }, { owner: 'ada' }] });
    expect(found).toHaveLength(30);
  });

  it('finds rows by indexes of other forms', async () => {
    const contacts = createRepositories(cluster, [Project, Contact]).repository(Contact);
    await contacts.saveMany([
      contacts.create({ projectId, id: '1', name: 'Ada', labels: ['vip', 'press'], seenAt: monday }),
      contacts.create({ projectId, id: '2', name: 'ADAM' }),
    ]);
    await contacts.findBy({ projectId, name: { startsWith: 'ad', ignoreCase: true } });
    await contacts.findBy({ projectId, labels: { contains: 'vip' } });
    await contacts.findBy({ projectId, seenAt: { isNull: true } });
    await contacts.findBy({ projectId }, { order: { seenAt: 'asc' } }); // also those without a value

    const found = await Promise.all([
      contacts.findBy({ projectId, name: { startsWith: 'ad', ignoreCase: true } }),
      contacts.findBy({ projectId, labels: { contains: 'vip' } }),
      contacts.findBy({ projectId, seenAt: { isNull: true } }),
      contacts.findBy({ projectId }, { order: { seenAt: 'asc' } }),
    ]);
    expect(found.map((all) => all.map(({ id }) => id).join())).toEqual(['1,2', '1', '2', '2,1']);
  });

  it('sorts them by the fields of an index', async () => {
    await tasks.findBy({ projectId, state: 'open' }, { order: { createdAt: 'desc' }, limit: 10 });
    await tasks.findOneBy({ projectId }, { order: { createdAt: 'desc' } }); // the newest
    await tasks.findBy({ projectId, state: { in: ['open', 'doing'] } }, { order: { createdAt: 'asc' } });
    await tasks.findBy(
      { projectId, or: [{ state: 'open' }, { owner: 'ada' }] },
      { order: { createdAt: 'desc' } },
    );

    const or = [{ state: 'open' }, { owner: 'ada' }];
    const [newest, merged, byId] = await titles(
      tasks.findBy({ projectId }, { order: { createdAt: 'desc' }, limit: 2 }),
      tasks.findBy({ projectId, or }, { order: { createdAt: 'desc' }, limit: 4 }),
      tasks.findBy({ projectId }, { order: { id: 'desc' } }),
    );
    expect(newest).toEqual(['t49', 't48']);
    expect(merged).toEqual(['t48', 't46', 't45', 't44']);
    expect(byId).toHaveLength(50);
  });

  it('pages through them', async () => {
    const newest = { order: { createdAt: 'desc' }, limit: 20 } as const;
    const first = await tasks.findPage({ projectId }, { ...newest, total: true });
    const second = await tasks.findPage({ projectId }, { ...newest, cursor: first.next });
    const back = await tasks.findPage({ projectId }, { ...newest, cursor: second.previous });
    expect(first).toMatchObject({ total: 50, cursor: first.next });
    expect(second.items.map(({ title }) => title)).toEqual(
      Array.from({ length: 20 }, (_, i) => `t${29 - i}`),
    );
    expect(back.items).toEqual(first.items);
  });

  it('scans a partition', async () => {
    await tasks.findBy({ projectId, state: 'open', note: { startsWith: 'call' } }, { scan: true });
    await tasks.findBy({ projectId, note: { isNull: true } }, { scan: true, limit: 10 });

    const where = { projectId, state: 'open', note: { startsWith: 'call' } };
    expect(await titles(tasks.findBy(where, { scan: true }))).toEqual([['t4']]);
    expect(await tasks.countBy({ projectId, note: { isNull: true } }, { scan: true })).toBe(49);
  });
});
