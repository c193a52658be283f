import {
  ClusterClient,
  ClusterEntity,
  createRepositories,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  Version,
} from 'keyslot';
import { eventually, sharedCluster } from '../../../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'Desk' })
class Desk {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Ticket', partition: () => Desk, changes: true })
class Ticket {
  declare readonly [Shape]: { key: 'desk' | 'id'; partition: 'desk'; indexed: 'state' | 'email' };

  @PartitionKey() desk!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() email!: string;
  @Index() @Property() state!: string;
  @Version() version!: number;
}

describe('stats().entities', () => {
  let client: ClusterClient;
  let desks = 0;
  beforeEach(() => {
    client = new ClusterClient({ nodes, keyPrefix: keyspace });
  });
  afterEach(() => client.close());

  const stats = () => client.stats().entities;

  it('counts operations on rows, and conflicts by the codes of their errors', async () => {
    const tickets = createRepositories(client, [Desk, Ticket]).repository(Ticket);
    const desk = `d${desks++}`;
    const ticket = await tickets.save(tickets.create({ desk, id: '1', email: 'a', state: 'open' }));
    const stale = await tickets.findOneOrFail({ desk, id: '1' });
    ticket.state = 'done';
    await tickets.save(ticket);
    stale.state = 'late';
    await expect(tickets.save(stale)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    const twin = { desk, id: '1', email: 'b', state: 'open' };
    await expect(tickets.insert(tickets.create(twin))).rejects.toMatchObject({ code: 'ENTITY_EXISTS' });
    const other = tickets.create({ desk, id: '2', email: 'a', state: 'open' });
    const [result] = await tickets.saveMany([other]);
    expect(result).toMatchObject({ ok: false, error: { code: 'UNIQUE_VIOLATION' } });
    await tickets.findBy({ desk, state: 'done' });
    await tickets.delete({ desk, id: '1' });
    expect(stats()).toEqual({
      operations: { insert: 3, update: 2, read: 2, query: 1, delete: 1 },
      conflicts: { VERSION_CONFLICT: 1, ENTITY_EXISTS: 1, UNIQUE_VIOLATION: 1 },
      unknownOutcomes: 0,
      outboxLagMs: undefined,
    });
  });

  it('counts a transaction once, and each of its attempts that conflicts', async () => {
    const tickets = createRepositories(client, [Desk, Ticket]).repository(Ticket);
    const desk = `d${desks++}`;
    await tickets.save(tickets.create({ desk, id: '1', email: 'a', state: 'open' }));
    let attempts = 0;
    await tickets.transaction(desk, async (tx) => {
      const ticket = (await tx.get(Ticket, { desk, id: '1' }))!;
      if (++attempts === 1) await tickets.update({ desk, id: '1' }, { state: 'changed' });
      ticket.state = 'mine';
      tx.save(ticket);
    });
    expect(attempts).toBe(2);
    expect(stats().operations).toMatchObject({ transaction: 1 });
    expect(stats().conflicts).toEqual({ TRANSACTION_CONFLICT: 1 });
  });

  it('shows how far changes() is behind', async () => {
    const tickets = createRepositories(client, [Desk, Ticket]).repository(Ticket);
    const desk = `d${desks++}`;
    const seen: string[] = [];
    const from = await tickets.changesCursor(desk);
    tickets.changes(desk, { from, pollMs: 20 }).subscribe(({ type }) => seen.push(type));
    await tickets.save(tickets.create({ desk, id: '1', email: 'a', state: 'open' }));
    await eventually(() => expect(seen).toHaveLength(1));
    expect(stats().outboxLagMs).toBeGreaterThanOrEqual(0);
  });

  it('counts for the entities of a view, too', async () => {
    const view = client.with({ deadlineMs: 5_000 });
    const tickets = createRepositories(view, [Desk, Ticket]).repository(Ticket);
    await tickets.findOne({ desk: 'none', id: '1' });
    expect(stats().operations).toEqual({ read: 1 });
  });
});
