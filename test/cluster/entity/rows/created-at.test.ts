import {
  ClusterEntity,
  type ClusterRepository,
  CreatedAt,
  createRepositories,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
} from 'keyslot';
import { Order, freshId, losingReplies, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Note' })
class Note {
  @PrimaryKey() id!: string;
  @Property() text?: string;
  @CreatedAt() at!: Date;
}

@ClusterEntity({ name: 'Told', changes: true })
class Told extends Note {}

@ClusterEntity({ name: 'Listed', partition: () => Order })
class Listed {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Property() text?: string;
  @Index() @CreatedAt() at!: Date;
  @ExpiresAt() expiresAt?: Date;
}

@ClusterEntity({ name: 'Everywhere' })
class Everywhere {
  @PrimaryKey() id!: string;
  @Index({ scope: 'global' }) @CreatedAt() at!: Date;
}

const cluster = sharedClient();
const ENTITIES = [Order, Note, Told, Listed, Everywhere];
let notes: ClusterRepository<Note>;
let listed: ClusterRepository<Listed>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, ENTITIES);
  notes = registry.repository(Note);
  listed = registry.repository(Listed);
});

const EARLY = new Date(5);

describe('an upsert keeps the creation time of a row', () => {
  it.each([Note, Told])('in a partition of one row (%p)', async (type) => {
    const repository = createRepositories(cluster.client, ENTITIES).repository<Note>(type);
    const id = freshId();
    await repository.insert(repository.create({ id, at: EARLY }));
    const upserted = await repository.upsert(repository.create({ id, text: 'a' }));
    expect(upserted.at).toEqual(EARLY); // what the row has
    expect(await repository.findOne(id)).toMatchObject({ text: 'a', at: EARLY });
    upserted.text = 'b';
    await repository.save(upserted);
    await repository.upsert(upserted);
    expect(await repository.findOne(id)).toMatchObject({ text: 'b', at: EARLY });
  });

  it('and sets it if there is no row, if the row has none, or if the entity has one', async () => {
    const [fresh, bare, given] = [freshId(), freshId(), freshId()];
    const now = Date.now() - 1;
    const first = await notes.upsert(notes.create({ id: fresh }));
    expect(first.at.getTime()).toBeGreaterThan(now);
    expect((await notes.findOneOrFail(fresh)).at).toEqual(first.at);
    await cluster.client.hset(notes.keyOf(bare), { text: 'of others' });
    await notes.upsert(notes.create({ id: bare }));
    expect((await notes.findOneOrFail(bare)).at.getTime()).toBeGreaterThan(now);
    await notes.insert(notes.create({ id: given }));
    await notes.upsert(notes.create({ id: given, at: EARLY }));
    expect((await notes.findOneOrFail(given)).at).toEqual(EARLY);
  });

  it('even when it is resent after a lost reply', async () => {
    const id = freshId();
    await notes.insert(notes.create({ id, at: EARLY }));
    const losing = createRepositories(losingReplies(cluster.client), ENTITIES).repository(Note);
    const upserted = await losing.upsert(losing.create({ id, text: 'a' }));
    expect(upserted.at).toEqual(EARLY);
    expect(await notes.findOne(id)).toMatchObject({ text: 'a', at: EARLY });
  });

  it('and its index, in a larger partition', async () => {
    const key = { orderId: freshId(), id: 'a' };
    await listed.insert(listed.create({ ...key, at: EARLY }));
    const upserted = await listed.upsert(listed.create({ ...key, text: 'x' }));
    expect(upserted.at).toEqual(EARLY);
    const { orderId } = key;
    expect(await listed.findBy({ orderId, at: EARLY })).toMatchObject([{ text: 'x', at: EARLY }]);
    expect(await listed.countBy({ orderId, at: { gt: EARLY } })).toBe(0);
    for await (const issue of listed.verifyIndexes({ partition: orderId })) expect(issue).toBeUndefined();
  });

  it('but not that of an expired row', async () => {
    const key = { orderId: freshId(), id: 'a' };
    await listed.insert(listed.create({ ...key, at: EARLY, expiresAt: new Date(Date.now() - 60_000) }));
    await listed.upsert(listed.create(key));
    const { orderId } = key;
    expect((await listed.findOneOrFail(key)).at.getTime()).toBeGreaterThan(EARLY.getTime());
    expect(await listed.countBy({ orderId, at: EARLY })).toBe(0);
    expect(await listed.countBy({ orderId, at: { gt: EARLY } })).toBe(1);
  });

  it('but not if a global index contains it, which then finds the new time', async () => {
    const repository = createRepositories(cluster.client, ENTITIES).repository(Everywhere);
    const id = freshId();
    await repository.insert(repository.create({ id, at: EARLY }));
    const { at } = await repository.upsert(repository.create({ id }));
    expect(at.getTime()).toBeGreaterThan(EARLY.getTime());
    expect(await repository.findBy({ at })).toMatchObject([{ id, at }]);
    expect(await repository.countBy({ at: EARLY })).toBe(0);
  });
});
