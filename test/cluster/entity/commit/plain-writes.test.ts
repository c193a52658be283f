import {
  ClusterEntity,
  ClusterError,
  type ClusterRepository,
  createRepositories,
  Index,
  type ItemResult,
  type PartitionLock,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
} from 'keyslot';
import { type Random, randomBelow, seededRandom } from '../../../../lib/testing/memory/keyspace/random.js';
import { eventually } from '../../../cluster-fixture.js';
import { freshId, losingReplies, losingRequests, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Hall' })
class Hall {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() name?: string;
  @Property() size?: number;
}

@ClusterEntity({ name: 'Chair', partition: () => Hall })
class Chair {
  declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: 'seat' | 'kind' | 'price' | 'tags' };
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: number;
  @Unique() @Property() seat?: string;
  @Index() @Index({ name: 'byPrice', fields: ['kind', 'price'] }) @Property() kind?: string;
  @Index({ nulls: true }) @Property() price?: number;
  @Unique({ name: 'numbered', fields: ['kind', 'number'] }) @Property() number?: number;
  @Property() note?: string;
}

@ClusterEntity({ name: 'Door', partition: () => Hall })
class Door {
  declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: 'side' | 'code' };
  @PartitionKey() hallId!: string;
  @PrimaryKey() id!: number;
  @Index() @Property() side?: string;
  @Unique() @Property() code?: string;
  @Property() note?: string;
}

const TYPES = [Hall, Chair, Door] as const;
const IDS = 4;

const cluster = sharedClient();

/** Where one side writes: with a lock, a commit has extras, so that all of its script runs. */
interface Side {
  readonly hallId: string;
  readonly halls: ClusterRepository<Hall>;
  readonly chairs: ClusterRepository<Chair>;
  readonly doors: ClusterRepository<Door>;
  readonly transaction: PartitionLock['transaction'];
}

/** Values of a write, the same on both sides. */
interface Draw {
  readonly id: number;
  readonly other: number;
  readonly chair: Partial<Chair>;
  readonly door: Partial<Door>;
  readonly size: number;
}

const one = <T>(random: Random, values: readonly T[]): T => values[randomBelow(random, values.length)];

function draw(random: Random): Draw {
  const chair: Partial<Chair> = {};
  if (random() < 0.6) chair.seat = one(random, ['A1', 'A2', 'é\0', 'A3', undefined]);
  if (random() < 0.6) chair.kind = one(random, ['box', 'stall', undefined]);
  if (random() < 0.4) chair.price = one(random, [-1.5, 0, 20, undefined]);
  if (random() < 0.4) chair.number = one(random, [1, 2, undefined]);
  if (random() < 0.5) chair.note = one(random, ['new', 'old', undefined]);
  const door: Partial<Door> = { side: one(random, ['north', 'south']) };
  if (random() < 0.5) door.code = one(random, ['c1', 'c2', 'c3']);
  const id = randomBelow(random, IDS);
  return { id, other: (id + 1) % IDS, chair, door, size: randomBelow(random, 3) };
}

/** A patch removes what it has as null. */
const asPatch = (values: object): object =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, (value as unknown) ?? null]));

const WRITES: Readonly<Record<string, (side: Side, draw: Draw) => Promise<unknown>>> = {
  insert: ({ chairs, hallId }, { id, chair }) => chairs.insert(chairs.create({ hallId, id, ...chair })),
  insertDoor: ({ doors, hallId }, { id, door }) => doors.insert(doors.create({ hallId, id, ...door })),
  upsert: ({ chairs, hallId }, { id, chair }) => chairs.upsert(chairs.create({ hallId, id, ...chair })),
  update: ({ chairs, hallId }, { id, chair }) => chairs.update({ hallId, id }, asPatch(chair)),
  updateDoor: ({ doors, hallId }, { id, door }) => doors.update({ hallId, id }, door),
  delete: ({ chairs, hallId }, { id }) => chairs.delete({ hallId, id }),
  hall: ({ halls, hallId }, { size }) => halls.upsert(halls.create({ id: hallId, size })),
  patchHall: ({ halls, hallId }, { size }) => halls.update(hallId, { size }),
  async saveHall({ halls, hallId }, { size, chair }) {
    const hall = await halls.findOne(hallId);
    return hall && halls.save(Object.assign(hall, { size, name: chair.note }));
  },
  async save({ chairs, hallId }, { id, chair }) {
    const found = await chairs.findOne({ hallId, id });
    return found && chairs.save(Object.assign(found, chair));
  },
  async staleSave({ chairs, hallId }, { id, chair }) {
    const found = await chairs.findOne({ hallId, id });
    if (!found) return;
    await chairs.update({ hallId, id }, { note: 'in between' });
    await chairs.save(Object.assign(found, chair));
  },
  saveMany: ({ chairs, hallId }, { id, other, chair }) =>
    chairs.saveMany([id, other].map((each) => chairs.create({ hallId, id: each, ...chair }))).then(codesOf),
  swap: ({ hallId, transaction }, { id, other, chair }) =>
    transaction(async (tx) => {
      const [first, second] = [
        await tx.get(Chair, { hallId, id }),
        await tx.get(Chair, { hallId, id: other }),
      ];
      if (!first || !second) return;
      [first.seat, second.seat] = [second.seat, first.seat];
      Object.assign(first, { note: chair.note });
      tx.save(first);
      tx.save(second);
    }),
  several: ({ hallId, transaction, chairs, doors }, { id, other, chair, door }) =>
    transaction(async (tx) => {
      const found = await tx.get(Chair, { hallId, id });
      if (found) tx.save(Object.assign(found, chair));
      await tx.get(Chair, { hallId, id: other });
      tx.insert(doors.create({ hallId, id, ...door }));
      if (!found) tx.insert(chairs.create({ hallId, id, ...chair }));
    }),
};

function codeOf(error: unknown): string {
  if (error instanceof ClusterError) return error.code;
  throw error;
}

const codesOf = (results: readonly ItemResult<unknown>[]): string[] =>
  results.map((result) => (result.ok ? 'ok' : codeOf(result.error)));

/** Returns all that a side has stored, without versions, tokens and the id of its partition. */
async function stored({ hallId }: Side): Promise<unknown> {
  const { client } = cluster;
  const tag = `{Hall:${hallId}}`;
  const ids = Array.from({ length: IDS }, (_, id) => id);
  const rows = [`${tag}:Hall:${hallId}`, ...ids.flatMap((id) => [`${tag}:Chair:${id}`, `${tag}:Door:${id}`])];
  const hashes = await Promise.all(
    rows.map(async (row) => {
      const { '~v': version, '~op': writes, ...values } = await client.hgetall(row);
      // five writes of twelve characters at most
      if (version !== undefined)
        expect([version, writes]).toEqual([
          expect.stringMatching(/^\d{16}$/),
          expect.stringMatching(/^(.{8}[0-o]{4}){1,5}$/),
        ]);
      return [row.replaceAll(hallId, ''), values];
    }),
  );
  const indexes = await Promise.all(
    ['Chair', 'Door'].flatMap((name) => [
      client.zrange(`${tag}:${name}~ix`, '0', '-1'),
      client.hgetall(`${tag}:${name}~uq`),
    ]),
  );
  return { hashes, indexes };
}

async function outcomeOf(write: Promise<unknown>): Promise<unknown> {
  try {
    const result = await write;
    return Array.isArray(result) ? result : 'done';
  } catch (error) {
    return codeOf(error);
  }
}

/** What is wrong with the indexes of a partition. */
async function issuesOf(
  repository: { verifyIndexes(options: { partition: string }): AsyncIterable<unknown> },
  partition: string,
): Promise<unknown[]> {
  const issues: unknown[] = [];
  for await (const issue of repository.verifyIndexes({ partition })) issues.push(issue);
  return issues;
}

describe('plain writes', () => {
  it.each([1, 2, 3])('store and reject the same as writes under a lock (seed %i)', async (seed) => {
    const registry = createRepositories(cluster.client, TYPES);
    const [plainId, lockedId] = [`a${freshId()}`, `b${freshId()}`];
    const halls = registry.repository(Hall);
    await halls.withLock(lockedId, async (lock) => {
      const plain: Side = {
        hallId: plainId,
        halls,
        chairs: registry.repository(Chair),
        doors: registry.repository(Door),
        transaction: (work, options) => halls.transaction(plainId, work, options),
      };
      const locked: Side = {
        hallId: lockedId,
        halls: lock.repository(Hall),
        chairs: lock.repository(Chair),
        doors: lock.repository(Door),
        transaction: (work, options) => lock.transaction(work, options),
      };
      const random = seededRandom(seed);
      const names = Object.keys(WRITES);
      const codes = new Set<unknown>();
      for (let step = 0; step < 150; step++) {
        const [name, values] = [one(random, names), draw(random)];
        const outcomes = await Promise.all(
          [plain, locked].map((side) => outcomeOf(WRITES[name](side, values))),
        );
        expect([step, name, outcomes[0]]).toEqual([step, name, outcomes[1]]);
        codes.add(outcomes[0]);
        if (step % 10 === 9) expect(await stored(plain)).toEqual(await stored(locked));
      }
      // the draws meet the refusals, too
      expect([...codes]).toEqual(expect.arrayContaining(['done', 'ENTITY_EXISTS', 'UNIQUE_VIOLATION']));
      expect(await issuesOf(plain.chairs, plainId)).toEqual([]);
      expect(await issuesOf(plain.doors, plainId)).toEqual([]);
    });
  });

  it.each([
    ['reply', losingReplies],
    ['request', losingRequests],
  ] as const)('are made once if they are sent again because their %s was lost', async (_, losing) => {
    const doors = createRepositories(losing(cluster.client), TYPES).repository(Door);
    const hallId = freshId();
    const row = `{Hall:${hallId}}:Door:1`;
    const door = await doors.insert(doors.create({ hallId, id: 1, side: 'north', code: 'c1' }));
    const first = Number(await cluster.client.hget(row, '~v'));
    await doors.save(Object.assign(door, { side: 'south', code: 'c2' }));
    expect(await doors.update({ hallId, id: 1 }, { code: 'c3' })).toEqual({ version: first + 2 });
    expect(await doors.findBy({ hallId, side: 'south' })).toEqual([expect.objectContaining({ code: 'c3' })]);
    // the values that it had are free
    await doors.insert(doors.create({ hallId, id: 2, side: 'north', code: 'c1' }));
    await expect(doors.update({ hallId, id: 2 }, { code: 'c3' })).rejects.toMatchObject({
      code: 'UNIQUE_VIOLATION',
      properties: ['code'],
    });
    expect(await issuesOf(doors, hallId)).toEqual([]);
  });

  it('replace a row that has expired, and its entries', async () => {
    const doors = createRepositories(cluster.client, TYPES).repository(Door);
    const hallId = freshId();
    await doors.insert(doors.create({ hallId, id: 1, side: 'north', code: 'c1' }));
    await doors.expire({ hallId, id: 1 }, 1);
    await eventually(async () => expect(await doors.exists({ hallId, id: 1 })).toBe(false));
    await expect(doors.update({ hallId, id: 1 }, { side: 'east' })).rejects.toMatchObject({
      code: 'ENTITY_NOT_FOUND',
    });
    await doors.insert(doors.create({ hallId, id: 1, side: 'west' }));
    await doors.insert(doors.create({ hallId, id: 2, code: 'c1' }));
    expect(await doors.findBy({ hallId, side: 'west' })).toHaveLength(1);
    expect(await issuesOf(doors, hallId)).toEqual([]);
  });

  it('of many rows in one partition succeed or fail one by one', async () => {
    const doors = createRepositories(cluster.client, TYPES).repository(Door);
    const hallId = freshId();
    const create = (id: number, code = `c${id}`): Door => doors.create({ hallId, id, side: 'north', code });
    const all = Array.from({ length: 60 }, (_, id) => create(id));
    expect(codesOf(await doors.saveMany(all))).toEqual(all.map(() => 'ok'));
    await doors.update({ hallId, id: 7 }, { side: 'west' }); // which the object does not know
    for (const door of all) door.side = door.id % 2 ? 'south' : 'east';
    all[20].code = 'c21';
    all[30].code = 'new';
    const results = codesOf(await doors.saveMany([...all, create(60), create(61, 'c22'), create(7)]));
    const expected: unknown[] = all.map(() => 'ok');
    [expected[7], expected[20]] = ['VERSION_CONFLICT', 'UNIQUE_VIOLATION'];
    expect(results).toEqual([...expected, 'ok', 'UNIQUE_VIOLATION', 'ENTITY_EXISTS']);
    expect(await doors.countBy({ hallId, side: 'south' })).toBe(29);
    expect(await doors.findOneBy({ hallId, code: 'new' })).toMatchObject({ id: 30, side: 'east' });
    // the objects know the versions of their rows
    const saved = all.filter((_, id) => expected[id] === 'ok');
    for (const door of saved) door.side = 'north';
    expect(codesOf(await doors.saveMany(saved))).toEqual(saved.map(() => 'ok'));
    expect(await issuesOf(doors, hallId)).toEqual([]);
  });

  it('of many rows are made once if they are sent again because their replies were lost', async () => {
    const doors = createRepositories(losingReplies(cluster.client), TYPES).repository(Door);
    const hallId = freshId();
    const all = [0, 1, 2, 3].map((id) => doors.create({ hallId, id, side: 'north', code: `c${id}` }));
    expect(codesOf(await doors.saveMany(all))).toEqual(all.map(() => 'ok'));
    const versions = () =>
      Promise.all(all.map(({ id }) => cluster.client.hget(`{Hall:${hallId}}:Door:${id}`, '~v')));
    const before = await versions();
    for (const door of all) door.side = 'south';
    expect(codesOf(await doors.saveMany(all))).toEqual(all.map(() => 'ok'));
    expect((await versions()).map(Number)).toEqual(before.map((version) => Number(version) + 1));
    expect(await doors.countBy({ hallId, side: 'south' })).toBe(4);
    expect(await issuesOf(doors, hallId)).toEqual([]);
  });

  it('of many rows succeed although one of the rows has another type', async () => {
    const { client } = cluster;
    const doors = createRepositories(client, TYPES).repository(Door);
    const hallId = freshId();
    const all = [0, 1, 2].map((id) => doors.create({ hallId, id, side: 'north', code: `c${id}` }));
    expect(codesOf(await doors.saveMany(all))).toEqual(['ok', 'ok', 'ok']);
    await client.set(`{Hall:${hallId}}:Door:1`, 'not of ours');
    for (const door of all) door.side = 'south';
    expect(codesOf(await doors.saveMany(all))).toEqual(['ok', 'WRONGTYPE', 'ok']);
    expect(await doors.countBy({ hallId, side: 'south' })).toBe(2);
  });

  it.each([69, 70, 71, 120])('find rows of a class with %d indexes by all of them', async (count) => {
    class Wide {
      declare readonly [Shape]: { key: 'hallId' | 'id'; indexed: `p${number}` };
      @PartitionKey() hallId!: string;
      @PrimaryKey() id!: number;
      [name: `p${number}`]: string;
    }
    const names = Array.from({ length: count }, (_, i) => `p${i}` as const);
    for (const name of names) {
      Property(() => String)(Wide.prototype, name);
      Index()(Wide.prototype, name);
    }
    ClusterEntity({ name: `Wide${count}`, partition: () => Hall })(Wide);
    const wides = createRepositories(cluster.client, [Hall, Wide]).repository(Wide);
    const hallId = freshId();
    const valuesOf = (value: string): object => Object.fromEntries(names.map((name) => [name, value]));
    const row = await wides.insert(wides.create({ hallId, id: 1, ...valuesOf('a') }));
    const found = async (value: string): Promise<number[]> =>
      Promise.all([names[0], names[count - 1]].map((name) => wides.countBy({ hallId, [name]: value })));
    expect(await found('a')).toEqual([1, 1]);
    await wides.save(Object.assign(row, valuesOf('b')));
    expect([await found('a'), await found('b')]).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(await issuesOf(wides, hallId)).toEqual([]);
  });

  it('add one to the version of the row, whatever its last digit', async () => {
    const chairs = createRepositories(cluster.client, TYPES).repository(Chair);
    const hallId = freshId();
    const chair = await chairs.insert(chairs.create({ hallId, id: 1, kind: 'box' }));
    const version = async (): Promise<number> =>
      Number(await cluster.client.hget(`{Hall:${hallId}}:Chair:1`, '~v'));
    const first = await version();
    for (let i = 1; i <= 12; i++) {
      chair.kind = i % 2 ? 'stall' : 'box';
      await chairs.save(chair);
      expect(await version()).toBe(first + i);
    }
    expect(await chairs.update({ hallId, id: 1 }, { note: 'n' }, { ifVersion: first + 12 })).toEqual({
      version: first + 13,
    });
    chair.kind = 'late';
    await expect(chairs.save(chair)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
  });

  it.each([0, 7, 9, 99, 999_999_999_999_999, 1_764_471_600_123_499, 9_007_199_254_740_989])(
    'add one to the version %d, which another program wrote',
    async (written) => {
      const doors = createRepositories(cluster.client, TYPES).repository(Door);
      const hallId = freshId();
      const row = `{Hall:${hallId}}:Door:1`;
      const version = async (): Promise<number> => Number(await cluster.client.hget(row, '~v'));
      await doors.insert(doors.create({ hallId, id: 1, side: 'left', code: 'a' }));
      for (const change of [{ note: 'n' }, { side: 'right' }, { code: 'b' }, { side: 'left', code: 'c' }]) {
        await cluster.client.hset(row, '~v', String(written));
        const door = (await doors.findOne({ hallId, id: 1 }))!;
        const other = (await doors.findOne({ hallId, id: 1 }))!;
        await doors.save(Object.assign(door, change));
        expect(await version()).toBe(written + 1);
        await expect(doors.save(Object.assign(other, change))).rejects.toMatchObject({
          code: 'VERSION_CONFLICT',
        });
      }
      expect(await doors.findBy({ hallId, side: 'left' })).toMatchObject([{ code: 'c', note: 'n' }]);
      expect(await doors.countBy({ hallId, side: 'right' })).toBe(0);
      expect(await issuesOf(doors, hallId)).toEqual([]);
    },
  );

  it('fail before the first of them if the index or the unique hash has another type', async () => {
    const { client } = cluster;
    const chairs = createRepositories(client, TYPES).repository(Chair);
    for (const suffix of ['~ix', '~uq']) {
      const hallId = freshId();
      await client.set(`{Hall:${hallId}}:Chair${suffix}`, 'not of ours');
      const insert = chairs.insert(chairs.create({ hallId, id: 1, kind: 'box', seat: 'A1' }));
      await expect(insert).rejects.toMatchObject({ code: 'WRONGTYPE' });
      const keys = ['~ix', '~uq', ':1'].filter((end) => end !== suffix);
      expect(await client.exists(...keys.map((end) => `{Hall:${hallId}}:Chair${end}`))).toBe(0);
    }
  });
});
