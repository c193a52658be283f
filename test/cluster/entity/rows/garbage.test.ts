import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
} from 'keyslot';
import { Order, freshId, sharedClient } from '../fixtures.js';

/** Its index and rows are touched by another program. */
@ClusterEntity({ name: 'Parcel', partition: () => Order })
class Parcel {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'state' | 'code' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() state?: string;
  @Unique() @Property() code?: string;
  @ExpiresAt() expiresAt?: Date;
}

const cluster = sharedClient();
let parcels: ClusterRepository<Parcel>;
let orderId: string;
let index: string;
beforeEach(async () => {
  parcels = createRepositories(cluster.client, [Order, Parcel]).repository(Parcel);
  orderId = freshId();
  index = `${parcels.partition(orderId).tag}:Parcel~ix`;
  for (const id of ['1', '2', '3'])
    await parcels.insert(parcels.create({ orderId, id, state: id, code: id }));
});

const faults = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const { fault, index: of } of parcels.verifyIndexes({ partition: orderId }))
    found.push(`${fault} ${of}`);
  return found;
};
const repair = async (): Promise<void> => {
  for await (const { unresolved } of parcels.reindex({ partition: orderId })) expect(unresolved).toEqual([]);
};
const ids = async (where: object = {}): Promise<string[]> =>
  (await parcels.findBy({ orderId, ...where } as never)).map(({ id }) => id);

it.each(['%', '%zz', '', 'a%'])('an entry with the id "%s" is skipped, reported and deleted', async (id) => {
  await cluster.client.zadd(index, 0, `state\x002\x00${id}`);
  await cluster.client.zadd(index, 0, `~pk\x00${id}`);
  await cluster.client.hset(index.replace('~ix', '~uq'), 'code\x00x', id);
  expect(await ids({ state: { gte: '' } })).toEqual(['1', '2', '3']);
  expect(await ids()).toEqual(['1', '2', '3']);
  expect(await ids({ code: 'x' })).toEqual([]);
  expect((await faults()).toSorted()).toEqual(['extra code', 'extra state', 'extra ~pk']);
  await repair();
  expect(await faults()).toEqual([]);
});

it('a score other than 0 is reported and repaired', async () => {
  await cluster.client.zadd(index, 1, 'state\x001\x001');
  await cluster.client.zadd(index, 7, 'state\x009\x009');
  expect((await faults()).toSorted()).toEqual(['extra state', 'wrong state']);
  await repair();
  expect(await faults()).toEqual([]);
  expect(await ids({ state: { gte: '' } })).toEqual(['1', '2', '3']);
});

it('invalid UTF-8 is reported and deleted, and returns no row twice', async () => {
  const entry = Buffer.concat([Buffer.from('state\0'), Buffer.from([0x31, 0xc3]), Buffer.from('\x001')]);
  await cluster.client.zadd(index, 0, entry);
  expect(await ids({ state: { gte: '' } })).toEqual(['1', '2', '3']);
  expect(await faults()).toEqual(['extra state']);
  await repair();
  expect(await faults()).toEqual([]);
});

it('a row that lost its expiry is reported, and expires again', async () => {
  const key = { orderId, id: '1' };
  await parcels.expire(key, 60_000);
  await cluster.client.persist(parcels.keyOf(key));
  expect(await faults()).toEqual(['wrong ~x']);
  await repair();
  expect(await faults()).toEqual([]);
  expect(await cluster.client.pttl(parcels.keyOf(key))).toBeGreaterThan(60_000);
});

it('keys of another type do not stop maintenance: the others are reported', async () => {
  const [other, broken] = [freshId(), freshId()];
  await cluster.client.set(parcels.keyOf({ orderId: other, id: 'x' }), 'a string');
  await cluster.client.set(`${parcels.partition(broken).tag}:Parcel~ix`, 'a string');
  await cluster.client.zadd(index, 0, 'state\x008\x008');
  const found: unknown[] = [];
  for await (const { fault, index: of, key } of parcels.verifyIndexes())
    if ([orderId, other, broken].includes((key as Parcel).orderId)) found.push([fault, of, key]);
  expect(found).toHaveLength(3);
  expect(found).toEqual(
    expect.arrayContaining([
      ['extra', 'state', { orderId, id: '8' }],
      ['unreadable', '~pk', { orderId: other, id: 'x' }],
      ['unreadable', '~ix', { orderId: broken }],
    ]),
  );
});
