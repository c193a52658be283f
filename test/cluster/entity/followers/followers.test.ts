import {
  type ChangeFollower,
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  type DeadLetter,
  type FollowOptions,
  keySlot,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';
import { outboxKey, progressKey } from '../../../../lib/entity/keys/outbox-key.js';
import { eventually, ownCluster } from '../../../cluster-fixture.js';
import { freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Parcel', changes: { maxLength: 100 } })
class Parcel {
  declare readonly [Shape]: { key: 'id'; counters: 'billed' };
  @PrimaryKey() id!: string;
  @Property() state?: string;
  @Counter() billed!: number;
}

@ClusterEntity({ name: 'Invoice', partition: () => Parcel })
class Invoice {
  declare readonly [Shape]: { key: 'parcelId' | 'id' };
  @PartitionKey() parcelId!: string;
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Label', partition: () => Parcel, changes: true })
class Label {
  declare readonly [Shape]: { key: 'parcelId' | 'id' };
  @PartitionKey() parcelId!: string;
  @PrimaryKey() id!: number;
}

const { nodes, keyspace } = ownCluster();
const cluster = sharedClient({ nodes, keyspace });
const TYPES = [Parcel, Invoice, Label];
let parcels: ClusterRepository<Parcel>;
let invoices: ClusterRepository<Invoice>;
let labels: ClusterRepository<Label>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, TYPES);
  parcels = registry.repository(Parcel);
  invoices = registry.repository(Invoice);
  labels = registry.repository(Label);
});

/** A repository as another process has it. */
const elsewhere = (client = cluster.client): ClusterRepository<Parcel> =>
  createRepositories(client, TYPES).repository(Parcel);

const followers = new Set<ChangeFollower>();
const opened = async (follower: ChangeFollower): Promise<ChangeFollower> => {
  followers.add(follower);
  await follower.ready();
  return follower;
};
afterEach(async () => {
  await Promise.all([...followers].map((one) => one.close({ timeoutMs: 0 })));
  followers.clear();
});

const add = (id: string, state?: string): Promise<Parcel> => parcels.insert(parcels.create({ id, state }));
/** With the default lease, which a busy machine does not miss. */
const QUICK = { retry: { delayMs: 5 } } satisfies FollowOptions;

describe('a group of followers', () => {
  it('handles each change once in one of its processes, in the order of each partition', async () => {
    const group = freshId();
    const seen: string[] = [];
    const follow = (): Promise<ChangeFollower> =>
      opened(
        elsewhere().follow(group, ({ type, key }) => seen.push(`${String(key)} ${type}`), {
          concurrency: 4,
          from: 'now',
        }),
      );
    const before = freshId();
    await add(before);
    const [one, other] = await Promise.all([follow(), follow()]);
    await eventually(() => one.statistics.shares === 32 && other.statistics.shares === 32);
    const ids = Array.from({ length: 20 }, freshId);
    await Promise.all(
      ids.map(async (id) => {
        await add(id);
        await parcels.update(id, { state: 'x' });
        await parcels.delete(id);
      }),
    );
    await eventually(() => seen.length >= 60);
    for (const id of ids)
      expect(seen.filter((line) => line.startsWith(`${id} `))).toEqual([
        `${id} insert`,
        `${id} update`,
        `${id} delete`,
      ]);
    expect(seen).toHaveLength(60);
    expect(seen.join()).not.toContain(before);
    expect(one.statistics.handled + other.statistics.handled).toBe(60);
  });

  it('resumes where it stopped, and begins at the start when asked', async () => {
    const group = freshId();
    const id = freshId();
    await add(id);
    const seen: string[] = [];
    const follow = (): Promise<ChangeFollower> =>
      opened(
        elsewhere().follow(group, ({ type, key }) => key === id && seen.push(type), {
          ...QUICK,
          from: 'start',
        }),
      );
    const first = await follow();
    await eventually(() => seen.length === 1);
    await first.close();
    await parcels.update(id, { state: 'while nobody follows' });
    await follow();
    await parcels.delete(id);
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual(['insert', 'update', 'delete']);
  });

  it('takes over from a process that died between the effect and the position', async () => {
    const group = freshId();
    const id = freshId();
    const client = new ClusterClient({ nodes, keyPrefix: keyspace });
    const seen: string[] = [];
    let effects = 0;
    const dying = elsewhere(client).follow(
      group,
      async ({ key }) => {
        if (key !== id) return;
        effects++;
        // the process ends here: neither its position nor its leave arrives
        client.disconnect();
        await new Promise(() => {});
      },
      { ...QUICK, leaseMs: 1_500 },
    );
    await dying.ready();
    await add(id);
    await eventually(() => effects === 1);
    await opened(elsewhere().follow(group, ({ key, type }) => key === id && seen.push(type), QUICK));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['insert']); // at least once: the second time for this change
    expect(effects).toBe(1);
  });

  it('commits the effect together with the position, so that it happens once', async () => {
    const group = freshId();
    const id = freshId();
    let runs = 0;
    await opened(
      elsewhere(losingReplies(cluster.client) as never).follow(
        group,
        async (change, context) => {
          if (change.type !== 'insert' || change.key !== id) return;
          runs++;
          await context.transaction(async (tx) => {
            tx.increment(Parcel, id, 'billed', 1);
            tx.insert(invoices.create({ parcelId: id, id: 'a' }));
            await Promise.resolve();
          });
          throw new Error('after the commit'); // the change counts as handled
        },
        QUICK,
      ),
    );
    await add(id);
    await eventually(async () => (await parcels.findOneOrFail(id)).billed === 1);
    await parcels.update(id, { state: 'x' });
    await eventually(() => [...followers].every(({ statistics }) => statistics.handled >= 2));
    expect(await parcels.findOneOrFail(id)).toMatchObject({ billed: 1 });
    expect(runs).toBe(1);
  });

  it('writes nothing for a process whose place another has taken', async () => {
    const group = freshId();
    const id = freshId();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const entries: string[] = [];
    const errors: unknown[] = [];
    await opened(
      elsewhere().follow(
        group,
        async (change, context) => {
          if (change.type !== 'insert' || change.key !== id) return;
          entries.push(change.id.split('/')[2]);
          await held;
          await context
            .transaction(async (tx) => Promise.resolve(tx.increment(Parcel, id, 'billed', 1)))
            .catch((error: unknown) => errors.push(error));
        },
        QUICK,
      ),
    );
    await add(id);
    await eventually(() => entries.length === 1);
    // another process believed that this one had died, and handled the change
    const progress = progressKey('Parcel', keySlot(parcels.partition(id).tag), group);
    await cluster.client.hset(progress, 'p', entries[0]);
    release();
    await eventually(() => errors.length === 1);
    expect(errors[0]).toMatchObject({ code: 'CHANGE_PASSED' });
    expect(await parcels.findOneOrFail(id)).toMatchObject({ billed: 0 });
    expect(entries).toHaveLength(1);
  });
});

describe('a handler that fails', () => {
  it('is called again after a delay, then the change is put aside and the next one handled', async () => {
    const group = freshId();
    const id = freshId();
    const attempts: string[] = [];
    const errors: Error[] = [];
    const follower = await opened(
      elsewhere().follow(
        group,
        ({ type, key }, { attempt }) => {
          if (key !== id) return;
          attempts.push(`${type} ${attempt}`);
          if (type === 'insert') throw new RangeError('no such price');
        },
        { ...QUICK, retry: { attempts: 3, delayMs: 5 }, onError: (error) => errors.push(error) },
      ),
    );
    await add(id);
    await parcels.update(id, { state: 'x' });
    await eventually(() => attempts.includes('update 1'));
    expect(attempts).toEqual(['insert 1', 'insert 2', 'insert 3', 'update 1']);
    // a busy machine may add reports of its own, such as a lease that was renewed late
    expect(errors.filter(({ message }) => message === 'no such price')).toHaveLength(3);
    expect(follower.statistics).toMatchObject({ failed: 3, retried: 2, putAside: 1 });

    const letters = parcels.deadLetters(group);
    const listed: DeadLetter[] = [];
    for await (const letter of letters.list()) listed.push(letter);
    expect(listed).toEqual([
      {
        id: expect.any(String),
        change: expect.objectContaining({ type: 'insert', key: id }),
        attempts: 3,
        error: 'RangeError: no such price',
        failedAt: expect.any(Date),
      },
    ]);
    const failing = await letters.redrive(() => Promise.reject(new Error('still')));
    expect(failing).toEqual({ handled: 0, failed: 1 });
    const redriven = await letters.redrive(async (_change, context) => {
      await context.transaction(async (tx) => Promise.resolve(tx.increment(Parcel, id, 'billed', 1)));
    });
    expect(redriven).toEqual({ handled: 1, failed: 0 });
    expect(await letters.redrive(() => {})).toEqual({ handled: 0, failed: 0 });
    expect(await parcels.findOneOrFail(id)).toMatchObject({ billed: 1 });
    expect(await letters.discard(listed[0].id)).toEqual({ discarded: false });
    await expect(letters.discard('x')).rejects.toThrow(expect.objectContaining({ argument: 'id' }));
  });

  it('hands the change to deadLetter, which is called again until it succeeds', async () => {
    const group = freshId();
    const id = freshId();
    const letters: DeadLetter[] = [];
    await opened(
      elsewhere().follow(
        group,
        ({ key }) => {
          if (key === id) throw new Error('no');
        },
        {
          ...QUICK,
          retry: { attempts: 1, delayMs: 5 },
          deadLetter: (letter) => {
            letters.push(letter);
            if (letters.length === 1) throw new Error('not now');
          },
        },
      ),
    );
    await add(id);
    await eventually(() => letters.length === 2);
    expect(letters[1]).toMatchObject({ change: { type: 'insert', key: id }, error: 'Error: no' });
  });
});

it('follows several classes, and is told of gaps', async () => {
  const group = freshId();
  const id = freshId();
  const seen: string[] = [];
  const follow = (): Promise<ChangeFollower> =>
    opened(
      elsewhere().follow(
        group,
        (change) => {
          if (change.type === 'gap') seen.push(`gap in ${change.slot}`);
          else if (JSON.stringify(change.key).includes(id)) seen.push(`${change.entity} ${change.type}`);
        },
        { ...QUICK, classes: [Parcel, Label], gaps: true },
      ),
    );
  const first = await follow();
  await add(id);
  await labels.insert(labels.create({ parcelId: id, id: 1 }));
  await eventually(() => seen.length === 2);
  await eventually(() => first.statistics.handled >= 2);
  await first.close();
  const slot = keySlot(parcels.partition(id).tag);
  for (let i = 0; i < 3; i++) await parcels.update(id, { state: String(i) });
  await cluster.client.xtrim(outboxKey('Parcel', slot), 'MAXLEN', 1);
  await follow();
  await eventually(() => seen.length === 4);
  expect(seen).toEqual(['Parcel insert', 'Label insert', `gap in ${slot}`, 'Parcel update']);
});

it('rejects what cannot be followed', async () => {
  const group = freshId();
  const rejected = (argument: string): Error =>
    expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }) as Error;
  const handler = (): void => {};
  expect(() => parcels.follow('a b', handler)).toThrow(rejected('group'));
  expect(() => parcels.follow(group, undefined as never)).toThrow(rejected('handler'));
  expect(() => parcels.follow(group, handler, { concurrency: 0 })).toThrow(rejected('concurrency'));
  expect(() => parcels.follow(group, handler, { retry: { delay: 1 } as never })).toThrow(rejected('delay'));
  expect(() => parcels.follow(group, handler, { classes: [Invoice] })).toThrow(rejected('changes'));
  await opened(parcels.follow(group, handler));
  expect(() => labels.follow(group, handler)).toThrow(rejected('group'));
});
