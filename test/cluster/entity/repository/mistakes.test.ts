import {
  ClusterEntity,
  type ClusterSet,
  Counter,
  createRepositories,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
  Version,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';

// What a newcomer gets wrong, and what the error says to do.

@ClusterEntity({ name: 'Org' })
class Org {
  @PrimaryKey() id!: string;
  @Property() title?: string;
}

@ClusterEntity({ name: 'Task', partition: () => Org })
class Task {
  @PartitionKey() orgId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() status: string = 'open';
  @Property() title?: string;
  @Property(() => [String]) labels?: string[];
  @Property() hours?: number;
  @Property() due?: Date;
  @Counter() views!: number;
  @ExpiresAt() until?: Date;
  @Version() version!: number;
  @SetOf(String) tags!: ClusterSet<string>;
  forgotten?: string;
}

const cluster = sharedClient();
const orgId = freshId();
const key = { orgId, id: '1' };
const all = () => createRepositories(cluster.client, [Org, Task]);
const repository = () => all().repository(Task);
type Tasks = ReturnType<typeof repository>;

beforeEach(async () => {
  const tasks = repository();
  await tasks.upsert(tasks.create({ ...key, title: 'kept' }));
});

const mistakes: [name: string, call: (tasks: Tasks) => unknown, message: string | RegExp][] = [
  [
    'a misspelt property of create()',
    (tasks) => tasks.create({ ...key, titel: 'x' } as never),
    'Task.titel is not a stored property (did you mean title?): decorate it with @Property() in the class, or leave it out',
  ],
  [
    'a number that stands for none',
    (tasks) => tasks.update(key, { hours: Number('two') }),
    'Task.hours must be a finite number; got NaN',
  ],
  [
    'a date that stands for none',
    (tasks) => tasks.update(key, { due: new Date('tomorrow') }),
    'Task.due must be a valid Date; got an invalid Date',
  ],
  [
    'a property without a decorator in create()',
    (tasks) => tasks.create({ ...key, forgotten: 'x' }),
    'Task.forgotten is not a stored property: decorate it with @Property() in the class, or leave it out',
  ],
  [
    'a property without a decorator in a literal that is saved',
    (tasks) => tasks.save({ orgId, id: freshId(), forgotten: 'x' } as never),
    'Task.forgotten is not a stored property: decorate it with @Property() in the class, or leave it out',
  ],
  [
    'a counter in create()',
    (tasks) => tasks.create({ ...key, views: 5 }),
    /^Task\.views is a counter and was assigned.* use increment\(key, 'views', by\)$/,
  ],
  [
    'a collection in create()',
    (tasks) => tasks.create({ ...key, tags: ['a'] } as never),
    'Task.tags is a collection: leave it out of a new entity, and fill the collection after the entity is saved',
  ],
  [
    'a counter that is assigned',
    async (tasks) => tasks.save(Object.assign(await tasks.findOneOrFail(key), { views: 5 })),
    /^Task\.views is a counter and was assigned.* use increment\(key, 'views', by\)$/,
  ],
  [
    'a condition among the properties of a key',
    (tasks) => tasks.delete({ ...key, status: 'closed' } as never),
    'Task.status is not part of the key, so it would be ignored. The key of Task is an object { orgId, id }',
  ],
  [
    'a condition in place of the id',
    (tasks) => tasks.delete({ orgId, status: 'closed' } as never),
    'Task.id is missing (undefined). The key of Task is an object { orgId, id }',
  ],
  [
    'a copy that is saved',
    async (tasks) => tasks.save({ ...(await tasks.findOneOrFail(key)), title: 'x' } as Task),
    /already exists\..*so does a copy: load the row first, or use update\(\) or upsert\(\)$/,
  ],
  [
    'a stale entity that is saved',
    async (tasks) => {
      const task = await tasks.findOneOrFail(key);
      await tasks.update(key, { title: 'y' });
      await tasks.save(Object.assign(task, { title: 'x' }));
    },
    /the write was based on version \d+\. Load the row, and apply the change to it again$/,
  ],
  [
    'a list that is saved',
    (tasks) => tasks.save([tasks.create({ ...key })] as never),
    'entity is a list: use saveMany() to save several entities',
  ],
  [
    'an array of alternatives in a query',
    (tasks) => tasks.findBy([{ ...key }] as never),
    'A query on Task must be one object, got a list: for any of several values of a property, use { in: [...] }',
  ],
  [
    'a property without an index in a query',
    (tasks) => tasks.findBy({ orgId, title: 'x' }),
    /declare @Index\(\) on title, or pass \{ scan: true \} to read the rows of the partition and filter them$/,
  ],
  [
    'a misspelt property in a query',
    (tasks) => tasks.findBy({ orgId, statsu: 'x' } as never),
    /statsu is not one of its @Property\(\) members \(did you mean status\?\)$/,
  ],
  [
    'an await that is missing',
    (tasks) => tasks.transaction(orgId, async (tx) => tx.save(tx.get(Task, key))),
    'entity is a promise: add the missing await before the call that returned it',
  ],
];

it.each(mistakes)('%s is rejected with advice', async (_name, call, message) => {
  const before = await cluster.client.hgetall(repository().keyOf(key));
  const attempt = async (): Promise<unknown> => call(repository());
  await expect(attempt()).rejects.toThrow(message);
  const after = await cluster.client.hgetall(repository().keyOf(key));
  const unlike = { '~v': '', '~op': '', title: '' }; // one of the mistakes is made after an update
  expect({ ...after, ...unlike }).toEqual({ ...before, ...unlike });
});

it('an object of a class is a key, whatever else it has, and a copy that is upserted is a row', async () => {
  const tasks = repository();
  const task = await tasks.findOneOrFail(key);
  expect(await tasks.findOne(task)).toMatchObject({ title: 'kept' });
  await tasks.upsert(tasks.create({ ...task, id: '2' }));
  expect(await tasks.findOne({ orgId, id: '2' })).toMatchObject({ title: 'kept' });
});

it.each([
  ['options', { nodes: ['127.0.0.1:7000'] }, 'an object'],
  ['nothing', undefined, 'undefined'],
])('%s in place of a client is rejected', (_name, client, got) => {
  expect(() => createRepositories(client as never, [Org])).toThrow(
    `createRepositories() needs a ClusterClient as its first argument, got ${got}`,
  );
});

describe('in a transaction', () => {
  const MEANT_FOR_TX =
    'This Task belongs to a transaction that has not ended, and a write by the repository would not be part of it: use ' +
    'tx.save(), tx.insert() or tx.remove()';

  it.each(['save', 'insert', 'upsert', 'remove'] as const)(
    'a repository does not %s an entity that the transaction has read',
    async (method) => {
      const tasks = repository();
      const work = tasks.transaction(orgId, async (tx) => {
        const task = await tx.get(Task, key);
        task!.title = 'outside';
        await tasks[method](task!);
      });
      await expect(work).rejects.toThrow(MEANT_FOR_TX);
      expect(await tasks.findOne(key)).toMatchObject({ title: 'kept' });
    },
  );

  it('a repository rejects writes of entities that the transaction has found or will write, one or many', async () => {
    const tasks = repository();
    const found = tasks.transaction(orgId, async (tx) => tasks.save((await tx.find(Task, { orgId }))[0]));
    await expect(found).rejects.toThrow(MEANT_FOR_TX);
    const noted = tasks.transaction(orgId, async (tx) => {
      const task = tasks.create({ orgId, id: freshId() });
      tx.save(task);
      await tasks.save(task);
    });
    await expect(noted).rejects.toThrow(MEANT_FOR_TX);
    const results = await tasks.transaction(orgId, async (tx) => {
      const task = await tx.get(Task, key);
      return tasks.saveMany([task!]);
    });
    expect(results).toMatchObject([{ ok: false, error: { message: MEANT_FOR_TX } }]);
  });

  it('an entity is free again once the transaction has ended, well or not', async () => {
    const tasks = repository();
    const task = await tasks.transaction(orgId, async (tx) => tx.get(Task, key));
    await tasks.save(Object.assign(task!, { title: 'later' }));
    let kept: Task | null = null;
    const failing = tasks.transaction(orgId, async (tx) => {
      kept = await tx.get(Task, key);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await tasks.save(Object.assign(kept!, { title: 'after' }));
    expect(await tasks.findOne(key)).toMatchObject({ title: 'after' });
  });

  it.each<[string, (task: Task) => void]>([
    ['a property', (task) => void (task.title = 'x')],
    ['a list in place', (task) => void task.labels!.push('x')],
    ['its expiry', (task) => void (task.until = new Date(Date.now() + 60_000))],
  ])('an unsaved change of %s is rejected', async (_name, change) => {
    const tasks = repository();
    await tasks.update(key, { labels: ['a'] });
    const forgetful = tasks.transaction(orgId, async (tx) => {
      const task = await tx.get(Task, key);
      change(task!);
      tx.insert(tasks.create({ orgId, id: 'new' }));
    });
    await expect(forgetful).rejects.toThrow(
      /^The row of Task was changed in the transaction and not saved: call tx\.save\(\) with it, or leave it as it was read$/,
    );
    expect(await tasks.findOne({ orgId, id: 'new' })).toBeNull();
    const removing = await tasks.transaction(orgId, async (tx) => {
      const task = await tx.get(Task, key);
      change(task!);
      tx.remove(task!);
      return 'removed';
    });
    expect(removing).toBe('removed');
  });
});
