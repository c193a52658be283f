import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  PrimaryKey,
  Property,
  SchemaMismatchError,
  Shape,
  Version,
} from 'keyslot';
import { counted, freshId, sharedClient } from '../fixtures.js';

/** All of its fields are text, so its rows are read as text. */
@ClusterEntity({ name: 'Letter' })
class Letter {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey() id!: string;
  @Property() body?: string;
  @Property() at?: Date;
  @Property(() => Object) more?: object;
  @Version() version!: number;
}

const cluster = sharedClient();
let letters: ClusterRepository<Letter>;
beforeAll(() => {
  letters = createRepositories(cluster.client, [Letter]).repository(Letter);
});

const NO_TEXT = Buffer.from([0x61, 0xff, 0x62]);

/** Writes to a row's field as another program would. */
const writeField = (id: string, field: string, bytes: Buffer): Promise<number> =>
  cluster.client.hset(letters.keyOf(id), field, bytes);

/** The same entity, read in each way. */
async function readInAllWays(id: string): Promise<(Letter | null)[]> {
  return [await letters.findOne(id), ...(await letters.findMany([id]))];
}

test('all Unicode text is preserved, including the replacement character', async () => {
  const id = freshId();
  const body = 'ÿ€😀\0\uFFFD';
  await letters.insert(letters.create({ id, body, at: new Date(5), more: { a: ['\uFFFD'] } }));
  for (const letter of await readInAllWays(id)) {
    expect(letter).toMatchObject({ id, body, at: new Date(5), more: { a: ['\uFFFD'] } });
  }
});

test.each(['body', 'at', 'more'])('invalid UTF-8 in %s is rejected, not replaced', async (field) => {
  const [id, other] = [freshId(), freshId()];
  await letters.saveMany([letters.create({ id, body: 'a' }), letters.create({ id: other, body: 'b' })]);
  await writeField(id, field, NO_TEXT);
  await expect(letters.findOne(id)).rejects.toThrow(SchemaMismatchError);
  await expect(letters.findMany([other, id])).rejects.toThrow(SchemaMismatchError);
  await expect(letters.findMany([other])).resolves.toMatchObject([{ body: 'b' }]);
});

test('invalid UTF-8 in an unknown field is ignored', async () => {
  const id = freshId();
  await letters.insert(letters.create({ id, body: 'a' }));
  await writeField(id, 'unknown', NO_TEXT);
  for (const letter of await readInAllWays(id)) expect(letter).toMatchObject({ id, body: 'a' });
});

test('text is saved only if it has changed', async () => {
  const id = freshId();
  await letters.insert(letters.create({ id, body: 'a', at: new Date(5), more: { b: 1 } }));
  const letter = (await letters.findOne(id))!;
  const { version } = letter;
  await letters.save(letter);
  expect(letter.version).toBe(version);
  letter.at!.setTime(6);
  (letter.more as { b: number }).b = 2;
  await letters.save(letter);
  expect(letter.version).toBe(version + 1);
  for (const found of await readInAllWays(id))
    expect(found).toMatchObject({ at: new Date(6), more: { b: 2 } });
});

test('a read receives the values of its class, and neither tokens nor unknown fields', async () => {
  const id = freshId();
  await letters.insert(letters.create({ id, body: 'a', at: new Date(5), more: { b: 1 } }));
  for (const body of ['b', 'c', 'd', 'e']) await letters.update(id, { body });
  await writeField(id, 'unknown', Buffer.alloc(10_000, 'x'));
  const client = counted(cluster.client);
  const received: unknown[] = [];
  client.hmget = async (...call) => {
    const values = await cluster.client.hmget(...call);
    received.push(...values.filter((value) => value !== null));
    return values;
  };
  const letter = await createRepositories(client, [Letter]).repository(Letter).findOne(id);
  expect(letter).toMatchObject({ id, body: 'e', at: new Date(5), more: { b: 1 } });
  expect(received).toEqual([String(letter!.version), 'e', '5', '{"b":1}']);
});

test('a row of another program is found even if it has no field of the class', async () => {
  const [id, absent] = [freshId(), freshId()];
  await writeField(id, 'unknown', Buffer.from('x'));
  for (const letter of await readInAllWays(id)) expect(letter).toMatchObject({ id, version: 0 });
  expect(await letters.findMany([absent, id])).toMatchObject([null, { id }]);
});

test('a row that does not exist is looked for in one round trip', async () => {
  const client = counted(cluster.client);
  expect(await createRepositories(client, [Letter]).repository(Letter).findOne(freshId())).toBeNull();
  expect(client.calls).toEqual(['hmget', 'exists']);
});

test('many rows are read in one round trip, and those that do not exist are looked for in one more', async () => {
  const [a, b, absent] = [freshId(), freshId(), freshId()];
  await letters.saveMany([letters.create({ id: a, body: 'a' }), letters.create({ id: b })]);
  const client = counted(cluster.client);
  const counting = createRepositories(client, [Letter]).repository(Letter);
  expect(await counting.findMany([a, b])).toMatchObject([{ body: 'a' }, { id: b }]);
  expect(client.calls).toEqual(['pipeline']);
  expect(await counting.findMany([absent, a])).toMatchObject([null, { body: 'a' }]);
  expect(client.calls).toEqual(['pipeline', 'pipeline', 'pipeline']);
});
