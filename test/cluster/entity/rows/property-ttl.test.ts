import {
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  DeletedAt,
  type EntityRegistry,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  UnsupportedServerFeatureError,
  Version,
} from 'keyslot';
import { backend } from '../../../backend.js';
import { eventually } from '../../../cluster-fixture.js';
import { freshId, losingReplies, sharedClient } from '../fixtures.js';

const HOUR = 3_600_000;

@ClusterEntity({ name: 'Login' })
class Login {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey() id!: string;
  @Property() user?: string;
  @Property({ ttl: '1h' }) code?: string;
  @Property({ type: Object, ttl: 2 * HOUR }) device?: { name: string };
  @Version() version!: number;
}

@ClusterEntity({ name: 'Visit', partition: () => Login, changes: { values: true } })
class Visit {
  declare readonly [Shape]: { key: 'loginId' | 'id'; indexed: 'place'; counters: 'looks' };

  @PartitionKey() loginId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() place?: string;
  @Property({ ttl: '1h' }) pin?: string;
  @Counter() looks!: number;
  @DeletedAt() deletedAt?: Date;
  @Version() version!: number;
}

@ClusterEntity({ name: 'Stay', partition: () => Login })
class Stay {
  declare readonly [Shape]: { key: 'loginId' | 'id'; indexed: 'room' };

  @PartitionKey() loginId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() room?: string;
  @Property({ ttl: '1h' }) pin?: string;
}

const cluster = sharedClient();
let registry: EntityRegistry;
let logins: ClusterRepository<Login>;
let visits: ClusterRepository<Visit>;
let stays: ClusterRepository<Stay>;
/** Whether the fields of hashes can expire here. */
let isSupported: boolean;

beforeAll(async () => {
  registry = createRepositories(cluster.client, [Login, Visit, Stay]);
  logins = registry.repository(Login);
  visits = registry.repository(Visit);
  stays = registry.repository(Stay);
  const [known] = (await cluster.client.command('INFO', 'HPEXPIRE')) as unknown[];
  isSupported = backend.isMemory || known !== null;
});

const loginRow = (id: string): string => `{Login:${id}}:Login:${id}`;
/** What is left of the lifetimes of fields, in ms. */
const left = async (row: string, ...fields: string[]): Promise<number[]> =>
  (await cluster.client.call('hpttl', row, 'FIELDS', fields.length, ...fields)) as number[];
/** Ends the lifetime of a field. */
const expire = async (row: string, field: string): Promise<void> => {
  await cluster.client.call('hpexpire', row, 1, 'FIELDS', 1, field);
  await eventually(async () => (await cluster.client.hget(row, field)) === null);
};
const shorten = (row: string, field: string): Promise<unknown> =>
  cluster.client.call('hpexpire', row, HOUR / 2, 'FIELDS', 1, field);
const isAbout = (ms: number, whole: number): void => {
  expect(ms).toBeLessThanOrEqual(whole);
  expect(ms).toBeGreaterThan(whole - HOUR / 4);
};

const supported = (title: string, test: () => Promise<void>): void =>
  it(title, async () => {
    if (isSupported) return test();
    // an older server refuses the class when it starts, and every write of such a value
    await expect(registry.checkSchemas()).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
    const id = freshId();
    const entities = [logins.create({ id, code: 'a' }), logins.create({ id: `${id}b`, code: 'b' })];
    await expect(logins.insert(entities[0])).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
    for (const result of await logins.saveMany(entities))
      expect(result).toMatchObject({ error: expect.any(UnsupportedServerFeatureError) });
    const stay = stays.create({ loginId: id, id: '1', room: 'x', pin: '1' });
    await expect(stays.insert(stay)).rejects.toBeInstanceOf(UnsupportedServerFeatureError);
    expect(await cluster.client.exists(loginRow(id), loginRow(`${id}b`))).toBe(0);
    expect(await cluster.client.exists(`{Login:${id}}:Stay:1`, `{Login:${id}}:Stay~ix`)).toBe(0);
    // without such a value there is nothing to refuse
    await logins.insert(logins.create({ id, user: 'c' }));
    expect(await logins.findOne(id)).toMatchObject({ user: 'c' });
  });

describe('a property with a ttl', () => {
  supported('expires after the write that stored it, and nothing else does', async () => {
    const id = freshId();
    await registry.checkSchemas();
    const login = await logins.insert(
      logins.create({ id, user: 'u', code: 'secret', device: { name: 'd' } }),
    );
    const [user, code, device, version] = await left(loginRow(id), 'user', 'code', 'device', '~v');
    expect([user, version]).toEqual([-1, -1]);
    isAbout(code, HOUR);
    isAbout(device, 2 * HOUR);

    await expire(loginRow(id), 'code');
    expect(await logins.findOne(id)).toMatchObject({ code: undefined, user: 'u', version: login.version });
    // the object still has its value, and does not write it
    login.user = 'other';
    await logins.save(login);
    expect(await logins.findOne(id)).toMatchObject({ code: undefined, user: 'other', device: { name: 'd' } });
    login.code = 'next';
    await logins.save(login);
    isAbout((await left(loginRow(id), 'code'))[0], HOUR);
    await expire(loginRow(id), 'code');
    expect((await logins.update(id, { user: 'v' }, { where: { code: null } })).version).toBeGreaterThan(0);
    await expect(logins.update(id, { user: 'w' }, { where: { code: 'next' } })).rejects.toMatchObject({
      code: 'CONDITION_NOT_MET',
    });
  });

  supported('keeps its time through other writes, and gets it again by its own', async () => {
    const id = freshId();
    const row = loginRow(id);
    const login = await logins.insert(logins.create({ id, code: 'a', device: { name: 'd' } }));
    await shorten(row, 'code');
    login.user = 'u';
    await logins.save(login);
    isAbout((await left(row, 'code'))[0], HOUR / 2);
    await logins.update(id, { code: 'a' });
    isAbout((await left(row, 'code'))[0], HOUR);
    await shorten(row, 'code');
    await logins.upsert(logins.create({ id, code: 'a', user: 'x' }));
    isAbout((await left(row, 'code'))[0], HOUR);
    expect(await left(row, 'device')).toEqual([-2]);
    await logins.update(id, { code: null });
    expect(await left(row, 'code')).toEqual([-2]);
  });

  supported('expires in partitions, with indexes, transactions, and records of changes', async () => {
    const loginId = freshId();
    const row = (id: string): string => `{Login:${loginId}}:Visit:${id}`;
    await visits.saveMany([
      visits.create({ loginId, id: '1', place: 'p', pin: '1' }),
      visits.create({ loginId, id: '2', place: 'p' }),
    ]);
    isAbout((await left(row('1'), 'pin'))[0], HOUR);
    await visits.transaction(loginId, async (tx) => {
      const two = (await tx.get(Visit, { loginId, id: '2' }))!;
      two.pin = '2';
      two.place = 'q';
      tx.save(two);
      tx.insert(visits.create({ loginId, id: '3', pin: '3' }));
    });
    isAbout((await left(row('2'), 'pin'))[0], HOUR);
    isAbout((await left(row('3'), 'pin'))[0], HOUR);
    expect(await visits.findBy({ loginId, place: 'q' })).toMatchObject([{ id: '2', pin: '2' }]);
    await visits.increment({ loginId, id: '2' }, 'looks', 1);
    isAbout((await left(row('2'), 'pin'))[0], HOUR);

    const one = (await visits.findOne({ loginId, id: '1' }))!;
    await visits.softRemove(one);
    await expire(row('1'), 'pin');
    await visits.restore({ loginId, id: '1' });
    expect(await visits.findOne({ loginId, id: '1' })).toMatchObject({ pin: undefined, place: 'p' });
    await stays.insert(stays.create({ loginId, id: '1', room: 'x', pin: '1' }));
    isAbout((await left(`{Login:${loginId}}:Stay:1`, 'pin'))[0], HOUR);
  });

  supported('expires after a write whose reply was lost, once', async () => {
    const losing = createRepositories(losingReplies(cluster.client), [Login, Visit, Stay]);
    const id = freshId();
    const login = await losing.repository(Login).insert(logins.create({ id, code: 'a' }));
    isAbout((await left(loginRow(id), 'code'))[0], HOUR);
    expect((await logins.findOne(id))?.version).toBe(login.version);
    await losing.repository(Visit).insert(visits.create({ loginId: id, id: '1', pin: 'a' }));
    isAbout((await left(`{Login:${id}}:Visit:1`, 'pin'))[0], HOUR);
  });

  supported('is not stored again by maintenance', async () => {
    const loginId = freshId();
    await stays.insert(stays.create({ loginId, id: '1', room: 'x', pin: '1' }));
    const row = `{Login:${loginId}}:Stay:1`;
    await shorten(row, 'pin');
    await stays.reindex();
    await stays.migrate();
    isAbout((await left(row, 'pin'))[0], HOUR / 2);
    await expire(row, 'pin');
    await stays.migrate();
    expect(await stays.findOne({ loginId, id: '1' })).toMatchObject({ room: 'x', pin: undefined });
  });
});
