import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  ClusterSortedSet,
  createRepositories,
  Index,
  keySlot,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  SortedSetOf,
  Unique,
} from 'keyslot';
import { Order } from '../../../sample-app/src/orders/order.entity.js';
import { OrderItem } from '../../../sample-app/src/orders/order-item.entity.js';
import { Sale } from '../../../sample-app/src/sales/sale.entity.js';
import { outboxKey, progressKey } from '../../../lib/entity/keys/outbox-key.js';
import { eventually, ownCluster } from '../../cluster-fixture.js';
import { compiled, root, snippetFolder, snippetsOf, writeSnippets } from '../../docs-snippets.js';

@ClusterEntity({ name: 'Project', changes: true, idempotency: 'window' })
class Project {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Task', partition: () => Project })
class Task {
  declare readonly [Shape]: { key: 'projectId' | 'id'; indexed: 'state' | 'slug' };

  @PartitionKey() projectId!: string;
  @PrimaryKey() id!: string;
  @Property() title!: string;
  @Index() @Property() state!: string;
  @Unique() @Property() slug!: string;
  @Property() createdAt!: Date;
  @Property() text?: string;
}

@ClusterEntity({ name: 'Member' })
class Member {
  declare readonly [Shape]: { key: 'id'; indexed: 'email' | 'team' };

  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() email!: string;
  @Index({ scope: 'global' }) @Property() team!: string;
  @Property() name!: string;
}

@ClusterEntity({ name: 'Board' })
class Board {
  @PrimaryKey() id!: string;
  @SortedSetOf(String) scores!: ClusterSortedSet<string>;
}

type Field = readonly [name: string, value: string];
interface Formulas {
  hashBytes(key: string, fields: readonly Field[], times?: number): number;
  zsetBytes(key: string, members: readonly string[], times?: number): number;
  outboxBytes(key: string, values: readonly string[], entries: number): number;
}

// Keys have no prefix, so that their lengths are those of the page.
const { nodes } = ownCluster({ primaries: 1, replicasPerPrimary: 0 });

const ROWS = 1_000;
const numbered = (number: number): string => String(number).padStart(4, '0');
const times = <T>(count: number, make: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

describe('docs/capacity.md', () => {
  const folder = snippetFolder();
  let cluster: ClusterClient;
  let formulas: Formulas;
  let task: { row: number; entries: number };
  /** What servers newer than 7.2 may save of what the page states. */
  let savings = 0;
  /** Redis 8.6 allocates the memory of a stream as it fills. */
  let outboxSavings = 0;
  let repositories: ReturnType<typeof createRepositories>;

  beforeAll(async () => {
    const snippets = snippetsOf('docs/capacity.md').filter(({ file }) => file !== undefined);
    writeSnippets(snippets, folder);
    const program = await compiled(
      folder,
      snippets.map(({ file }) => join(folder, file!)),
    );
    expect(program.faults).toBe('');
    formulas = (await import(join(program.folder, 'capacity.js'))) as Formulas;
    ({ task } = (await import(join(program.folder, 'task.js'))) as { task: typeof task });
    cluster = new ClusterClient({ nodes });
    const info = String(await cluster.info('server'));
    const isValkey = info.includes('valkey_version');
    const [major, minor] = /redis_version:(\d+)\.(\d+)/.exec(info)!.slice(1).map(Number);
    savings = major >= 8 || isValkey ? 0.3 : 0;
    outboxSavings = major > 8 || (major === 8 && minor >= 6) ? 1 : savings;
    repositories = createRepositories(cluster, [Project, Task, Member, Board, Sale, Order, OrderItem]);
  });
  afterAll(() => cluster.close());

  const usage = async (...keys: string[]): Promise<number> => {
    const sizes = await Promise.all(
      keys.map((key) => cluster.call('MEMORY', ['USAGE', key, 'SAMPLES', '0'])),
    );
    expect(sizes).not.toContain(null);
    return sizes.reduce<number>((total, size) => total + Number(size), 0);
  };
  const expectWithin = (what: string, stated: number, measured: number, tolerance = 0.1): void => {
    const share = measured / stated;
    const text = `${what}: stated ${Math.round(stated)}, measured ${Math.round(measured)}`;
    const saved = what.includes('outbox') ? outboxSavings : savings;
    const isWithin = share <= 1 + tolerance && share >= 1 - tolerance - saved;
    expect(isWithin ? '' : text).toBe('');
  };

  it('is about the thresholds that the servers have', async () => {
    const settings = ['hash-max-listpack-entries', 'hash-max-listpack-value', 'zset-max-listpack-entries'];
    const values = await Promise.all(settings.map((name) => cluster.config('GET', name)));
    expect(values).toEqual(settings.map((name, i) => [name, ['512', '64', '128'][i]]));
  });

  /** Inserts tasks and returns the keys of the first one, of the indexes and of the unique constraint. */
  const insertTasks = async (projectId: string, count: number, text?: string) => {
    const tasks = repositories.repository(Task);
    await saveAll(
      tasks,
      times(count, (i) => ({
        ...{ projectId, id: `task-${numbered(i)}`, title: 'Write the page on capacity', state: 'open' },
        ...{ slug: `write-the-page-${numbered(i)}`, createdAt: new Date(1_900_000_000_000), text },
      })),
    );
    const tag = `{Project:${projectId}}:Task`;
    return { row: `${tag}:task-0000`, index: `${tag}~ix`, unique: `${tag}~uq` };
  };
  const saveAll = async <E extends object>(repository: ClusterRepository<E>, rows: object[]) => {
    const results = await repository.saveMany(rows.map((row) => repository.create(row as never)));
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  };
  const fieldsOf = async (key: string): Promise<Field[]> => Object.entries(await cluster.hgetall(key));

  it.each([undefined, 1, 10, 50, 64, 65, 120, 300, 1_000, 10_000])(
    'has the formula of a row with a text of %s bytes',
    async (length) => {
      const text = length && 'x'.repeat(length);
      const { row } = await insertTasks(`text-${length}`, 1, text || undefined);
      expectWithin('the row', formulas.hashBytes(row, await fieldsOf(row)), await usage(row));
      for (let write = 0; write < 5; write++)
        await repositories
          .repository(Task)
          .update({ projectId: `text-${length}`, id: 'task-0000' }, { state: `state-${write}` });
      expectWithin('after 5 writes', formulas.hashBytes(row, await fieldsOf(row)), await usage(row));
    },
  );

  it.each([1, 10, 64, 65, 512, 513, 2_000])('has the formulas of the entries of %d rows', async (count) => {
    const { index, unique } = await insertTasks(`count-${count}`, count);
    const members = await cluster.zrange(index, '0', '-1');
    expect(members).toHaveLength(2 * count);
    expectWithin('the indexes', formulas.zsetBytes(index, members), await usage(index));
    expectWithin('the uniques', formulas.hashBytes(unique, await fieldsOf(unique)), await usage(unique));
  });

  it.each([1, 100, 1_000])('has the formula of an outbox of %d changes', async (count) => {
    const projects = repositories.repository(Project);
    const id = `outbox-${count}`;
    for (let i = 0; i < count; i += 2) {
      await projects.insert(projects.create({ id }));
      if (i + 1 < count) await projects.delete(id);
    }
    const key = outboxOf(id);
    const [[, fields]] = await cluster.xrange(key, '-', '+', 'COUNT', 1);
    const values = fields.filter((_, i) => i % 2 === 1).with(0, '1795958058527-0');
    expect(await cluster.xlen(key)).toBe(count);
    expectWithin('the outbox', formulas.outboxBytes(key, values, count), await usage(key), 0.15);
  });
  /** The slots of the projects of these tests differ, so each of their outboxes has one partition. */
  const slotOf = (id: string): number => keySlot(`{Project:${id}}`);
  const outboxOf = (id: string): string => outboxKey('Project', slotOf(id));

  /** The rows of a table of the page, by their first cell, without links and code. */
  const tableAt = (heading: string): Map<string, number[]> => {
    const page = readFileSync(join(root, 'docs', 'capacity.md'), 'utf8');
    const section = page.slice(page.indexOf(`\n## ${heading}\n`)).split('\n## ')[1];
    const rows = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, cells]) => cells.split(' | '));
    return new Map(
      rows
        .filter((cells) => /^[\d ,]+$/.test(cells[1]))
        .map(([name, ...cells]) => [
          name.replaceAll(/`|\[|\]\(.*?\)/g, '').trim(),
          cells.filter((cell) => /^[\d ,]+$/.test(cell)).map((cell) => Number(cell.replaceAll(/[ ,]/g, ''))),
        ]),
    );
  };
  const expectTable = (heading: string, measured: Readonly<Record<string, number[]>>): void => {
    const stated = tableAt(heading);
    expect([...stated.keys()]).toEqual(Object.keys(measured));
    for (const [name, cells] of stated) {
      expect(cells).toHaveLength(measured[name].length);
      cells.forEach((cell, i) => expectWithin(`${name} (${i})`, cell, measured[name][i]));
    }
  };

  it('states the memory of typical rows', async () => {
    const share = async (row: string, count: number, ...entries: string[]): Promise<number[]> => {
      const sizes = [await usage(row), (await usage(...entries)) / count];
      return [...sizes, sizes[0] + sizes[1]];
    };
    const saleId = '01a2b3c4-d5e6-7f80-9a1b-2c3d4e5f6071';
    await saveAll(repositories.repository(Sale), [
      { id: saleId, title: 'A dozen pencils, soft', priceCents: 1_250n, stock: 1_000 },
    ]);
    const tag = `{Sale:${saleId}}`;
    await saveAll(
      repositories.repository(Order),
      times(ROWS, (i) => ({
        ...{ saleId, id: `order-${numbered(i)}`, buyer: 'ada@example.org', quantity: 1, firstPiece: i + 1 },
        ...{ totalCents: 1_250n, placedAt: new Date(1_900_000_000_000) },
      })),
    );
    await saveAll(
      repositories.repository(OrderItem),
      times(ROWS, (i) => ({ saleId, piece: i + 1, orderId: `order-${numbered(i)}`, priceCents: 1_250n })),
    );
    const plain = await insertTasks('acme', ROWS);
    const long = await insertTasks('long', ROWS, 'x'.repeat(500));
    const count = 2_000;
    await saveAll(
      repositories.repository(Member),
      times(count, (i) => ({
        ...{ id: `user-${numbered(i)}`, email: `user-${numbered(i)}@example.org` },
        ...{ team: `team-${i % 50}`, name: 'Ada Lovelace' },
      })),
    );
    const buckets: string[] = [];
    for await (const key of cluster.scanIterator({ match: '{~g:Member:*' })) buckets.push(key);
    const sale = await usage(`${tag}:Sale:${saleId}`);
    expectTable('Typical rows', {
      'Sale of the sample application, which is a partition': [sale, sale],
      'Order of the sample application': await share(`${tag}:Order:order-0500`, ROWS, `${tag}:Order~ix`),
      'OrderItem of the sample application': await share(`${tag}:OrderItem:500`, ROWS, `${tag}:OrderItem~ix`),
      'a task with an index and a unique constraint': await share(plain.row, ROWS, plain.index, plain.unique),
      'the same with a text of 500 bytes': await share(long.row, ROWS, long.index, long.unique),
      'a user with a global unique constraint and a global index': await share(
        '{Member:user-0500}:Member:user-0500',
        count,
        ...buckets,
      ),
    });
    expectWithin('the row of the example', task.row, await usage(plain.row));
    expectWithin('its entries', task.entries, (await usage(plain.index, plain.unique)) / ROWS);
  });

  it('states the memory of other keys', async () => {
    const projects = repositories.repository(Project);
    const boards = repositories.repository(Board);
    const change = async (id: string, count: number): Promise<number> => {
      const key = outboxOf(id);
      for (let i = await cluster.xlen(key); i < count; i++)
        await (i % 2 === 0 ? projects.insert(projects.create({ id })) : projects.delete(id));
      return usage(key);
    };
    const [one, thousand] = [await change('one-change', 1), await change('many-changes', 1_000)];
    const window = await usage('{Project:many-changes}~op', '{Project:many-changes}~oa');
    const writes = await cluster.hlen('{Project:many-changes}~oa'); // those of the last minute
    const lock = await projects.withLock('locked', () => usage('{Project:locked}~lk:lock'));

    const follower = projects.follow('billing', () => {}, { from: 'start' });
    await follower.ready();
    const position = progressKey('Project', slotOf('many-changes'), 'billing');
    await eventually(() => follower.statistics.shares === 64 && follower.statistics.handled >= 1_000);
    await eventually(() => usage(position));
    const members = await usage('{~f:Project:billing}');
    await follower.close();

    await repositories.checkSchemas(); // as a Nest application does when it starts
    await boards.insert(boards.create({ id: 'b' }));
    const scores = boards.collection('b', 'scores');
    for (let i = 0; i < 100; i++) await scores.add(numbered(i).padStart(20, 'x'), 0);
    expectTable('Other keys', {
      'an outbox with one change': [one],
      'an outbox with 1,000 changes': [thousand],
      'one write in the token window': [window / writes],
      'a lock of a partition': [lock],
      'the position of a group of followers in one slot': [await usage(position)],
      'the members of a group, with one process': [members],
      "the schema record of the task's class": [await usage('{~s:Task}')],
      'a collection: a sorted set of 100 texts of 20 bytes': [await usage('{Board:b}:Board:b:scores')],
    });
  });

  it('leaves nothing of deleted rows', async () => {
    await saveAll(
      repositories.repository(OrderItem),
      times(10, (i) => ({ saleId: 'deleted', piece: i + 1, orderId: 'o', priceCents: 1n })),
    );
    const keys = async (): Promise<number> =>
      (await repositories.repository(Sale).partition('deleted').size()).keys;
    expect(await keys()).toBe(11);
    await repositories
      .repository(OrderItem)
      .deleteMany(times(10, (i) => ({ saleId: 'deleted', piece: i + 1 })));
    expect(await keys()).toBe(0);
  });

  it('measures a partition with size()', async () => {
    const [piece] = snippetsOf('docs/capacity.md').filter(({ file }) => file === undefined);
    const { row, index, unique } = await insertTasks('size', 500);
    const fields = await fieldsOf(row);
    const calculated =
      500 * formulas.hashBytes(row, fields) +
      formulas.zsetBytes(index, ['~pk\0task-0042', 'state\0open\0task-0042'], 500) +
      formulas.hashBytes(unique, [['slug\0write-the-page-0042', 'task-0042']], 500);
    const projects = repositories.repository(Project);
    const { rows, keys, bytes, isExact } = await projects.partition('size').size();
    expect(piece.code).toBe(
      "const { rows, keys, bytes, isExact } = await projects.partition('acme').size();\n",
    );
    expect({ rows: rows.Task, isExact }).toEqual({ rows: 500, isExact: true });
    expect(keys).toBeGreaterThanOrEqual(502); // and the token window, if there is one
    expectWithin('the partition', calculated, bytes);
  });
});
