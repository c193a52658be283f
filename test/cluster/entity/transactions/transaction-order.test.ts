import {
  ClusterEntity,
  type ClusterRepository,
  type ClusterSet,
  Counter,
  createRepositories,
  EntityNotFoundError,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
} from 'keyslot';
import { Order, Ticket, freshId, sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Day' })
class Day {
  @PrimaryKey() id!: string;
  @Counter() n!: number;
  @SetOf(String) tags!: ClusterSet<string>;
}

@ClusterEntity({ name: 'Note', partition: () => Day })
class Note {
  @PartitionKey() day!: string;
  @PrimaryKey() id!: string;
  @Property() text?: string;
}

const cluster = sharedClient();
let days: ClusterRepository<Day>;
let notes: ClusterRepository<Note>;
let tickets: ClusterRepository<Ticket>;
beforeAll(() => {
  const registry = createRepositories(cluster.client, [Day, Note, Order, Ticket]);
  days = registry.repository(Day);
  notes = registry.repository(Note);
  tickets = registry.repository(Ticket);
});

describe('a row that a transaction has read as absent', () => {
  it.each(['increment', 'collection'] as const)(
    'is found by the next run if it has appeared, although only its %s is written',
    async (kind) => {
      const id = freshId();
      let runs = 0;
      await days.transaction(id, async (tx) => {
        const found = await tx.get(Day, id);
        if (++runs === 1) await days.insert(days.create({ id })); // somebody else
        tx.insert(notes.create({ day: id, id: 'n', text: found ? 'there' : 'not there' }));
        if (kind === 'increment') tx.increment(Day, id, 'n');
        else tx.collection(Day, id, 'tags').add('x');
      });
      expect(runs).toBe(2);
      expect(await notes.findBy({ day: id })).toMatchObject([{ text: 'there' }]);
      const day = await days.findOneOrFail(id);
      expect([day.n, await day.tags.size()]).toEqual(kind === 'increment' ? [1, 0] : [0, 1]);
    },
  );

  it('counts as missing for its counters if it still is, and nothing is written', async () => {
    const id = freshId();
    const work = days.transaction(id, async (tx) => {
      await tx.get(Day, id);
      tx.insert(notes.create({ day: id, id: 'n' }));
      tx.increment(Day, id, 'n');
    });
    await expect(work).rejects.toThrow(EntityNotFoundError);
    expect(await notes.findBy({ day: id })).toEqual([]);
    await days.transaction(id, async (tx) => {
      expect(await tx.get(Day, id)).toBeNull();
      tx.insert(days.create({ id }));
      tx.increment(Day, id, 'n', 5);
    });
    expect((await days.findOneOrFail(id)).n).toBe(5);
  });
});

it('a query by a list of unique values keeps their order, before and after a planned write', async () => {
  const orderId = freshId();
  for (const [id, seat] of [
    ['3', 'a'],
    ['2', 'b'],
    ['1', 'c'],
  ])
    await tickets.insert(tickets.create({ orderId, id, seat }));
  const where = { orderId, seat: { in: ['c', 'b', 'a'] } };
  await tickets.transaction(orderId, async (tx) => {
    const ids = async (): Promise<string[]> => (await tx.find(Ticket, where)).map(({ id }) => id);
    expect(await ids()).toEqual(['3', '2', '1']);
    const one = (await tx.get(Ticket, { orderId, id: '2' }))!;
    tx.save(Object.assign(one, { note: 'seen' }));
    expect(await ids()).toEqual(['3', '2', '1']);
  });
});
